package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static dev.qwen4j.inference.internal.kernel.Tiles.NARROW;
import static dev.qwen4j.inference.internal.kernel.Tiles.STRIP;
import static dev.qwen4j.inference.internal.kernel.Tiles.WIDE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/**
 * The operations by SIMD and threads, on the Vector API.
 *
 * <p>Decode and prefill are two different kernels. One token reads every weight once, so the
 * memory's speed is the limit: {@link PackedDots} and {@link RowDots} stream them. Many tokens use
 * each weight many times, so the arithmetic is the limit: rows are dequantised to a panel of
 * float32 that fits the second-level cache, once for all tokens, and multiplied by {@link Tiles}.
 * Quantised weights are packed for the machine's vectors, see {@link Packing}; others are
 * multiplied where the file is mapped.
 *
 * <p>Calls must not overlap; they write their operands to fields, so that no call allocates.
 */
final class VectorKernels implements Kernels {
  /** Rows of a panel: whole strips, and so whole tiles, and whole groups of the packings. */
  private static final int PANEL_ROWS = 2 * STRIP;

  /** About 400 KB with 512 bits. */
  private static final long PANEL_FLOATS = (long) PANEL_ROWS * Tiles.ROW / Float.BYTES;

  /** Columns of a tile that are transposed together: what is read and written fits the cache. */
  private static final int TRANSPOSED = 64;

  /** Weights that a decode chunk reads, about: small enough to share out, large to stream. */
  private static final int CHUNK_BYTES = 128 * 1024;

  /**
   * Tokens that are multiplied as one is, rounded and with the weights as they are packed: replies
   * that are written side by side, a draft that is checked, a few tokens of a prompt. With more,
   * dequantising rows once for all is cheaper.
   */
  static final int FEW = 16;

  /** Types whose kernels want {@link Activations#xHalf}. */
  private static final Set<TensorType> HALVES = EnumSet.of(TensorType.F16, TensorType.E4M3);

  private final WorkerPool pool;
  private final PackedCopy copy;
  private final Arena arena = Arena.ofShared();
  private final VectorElementwise elementwise;
  private final VectorAttention attention;
  private final VectorConvolution convolution;
  private final VectorDelta delta;
  private final Scratch[] scratch;
  private final NativeFloats packed = new NativeFloats();
  private final Activations[] activations = new Activations[FEW];
  private final Set<Packing> packings = EnumSet.noneOf(Packing.class);
  private final WorkerPool.Chunk roundToken = this::roundToken;
  private final WorkerPool.Chunk decodeRows = this::decodeRows;
  private final WorkerPool.Chunk packTokens = this::packTokens;
  private final WorkerPool.Chunk prefillPanel = this::prefillPanel;

  private boolean exact;

  // The operands of the call in progress.
  private final Matrix[] only = new Matrix[1];
  private final float[][] onlyOut = new float[1][];
  private Matrix[] weights = new Matrix[0];
  private float[][] outs = new float[0][];
  private float[] x = new float[0];
  private int tokens;
  private boolean halvesWanted;
  private int width;
  private long packedAt;

  VectorKernels(int threads) {
    this(threads, new PackedCopy());
  }

  /** Kernels that take from {@code copy} what was packed before, and put there what was not. */
  VectorKernels(int threads, PackedCopy copy) {
    this.pool = new WorkerPool(threads);
    this.copy = copy;
    this.elementwise = new VectorElementwise(pool);
    this.attention = new VectorAttention(pool);
    this.convolution = new VectorConvolution(pool);
    this.delta = new VectorDelta(pool);
    this.scratch = new Scratch[threads];
    Arrays.setAll(scratch, w -> new Scratch());
    Arrays.setAll(activations, t -> new Activations());
  }

  /** A matrix as the file has it. */
  private record Mapped(RawMatrix raw) implements Matrix {
    @Override
    public int rows() {
      return raw.rows();
    }

    @Override
    public int cols() {
      return raw.cols();
    }

    @Override
    public long extraBytes() {
      return 0;
    }

    @Override
    public void dequantizeRow(int row, float[] out, int offset) {
      RowFloats.dequantize(raw, row, 0, raw.cols(), out, offset);
    }

    long rowBytes() {
      return raw.type().bytes(raw.cols());
    }
  }

  @Override
  public void exact(boolean on) {
    exact = on;
  }

  @Override
  public boolean copies(TensorType type) {
    return Packing.of(type) != null;
  }

  @Override
  public Matrix prepare(RawMatrix raw) {
    if (!raw.data().isNative()) {
      throw new IllegalArgumentException("expected weights in native memory, found a heap segment");
    }
    Packing packing = Packing.of(raw.type());
    return packing == null ? new Mapped(raw) : pack(raw, packing);
  }

  private PackedMatrix pack(RawMatrix raw, Packing packing) {
    MemorySegment kept = copy.take(raw, PackedMatrix.bytes(raw, packing));
    if (kept != null) {
      return new PackedMatrix(raw, packing, kept);
    }
    PackedMatrix packed = PackedMatrix.allocate(raw, packing, arena);
    int share = groupsPerChunk(packed);
    Packer[] packers = new Packer[pool.size()];
    Arrays.setAll(packers, w -> new Packer(raw, packed));
    pool.run(
        Math.ceilDiv(packed.groups(), share),
        (worker, chunk) -> {
          int end = Math.min(packed.groups(), (chunk + 1) * share);
          for (int group = chunk * share; group < end; group++) {
            packers[worker].pack(group);
          }
        });
    copy.add(raw, packed.data());
    return packed;
  }

  @Override
  public void multiply(Matrix w, float[] x, int tokens, float[] out) {
    only[0] = w;
    onlyOut[0] = out;
    multiply(only, x, tokens, onlyOut);
  }

  @Override
  public void multiply(Matrix[] ws, float[] x, int tokens, float[][] outs) {
    this.weights = ws;
    this.x = x;
    this.outs = outs;
    this.tokens = tokens;
    this.width = ws[0].cols();
    try {
      if (tokens <= FEW && !exact) {
        decode();
      } else {
        prefill();
      }
    } finally {
      // The kernels know only addresses: the owners of the memory must outlive the call.
      Reference.reachabilityFence(ws);
    }
  }

  private void decode() {
    packings.clear();
    boolean halves = false;
    int chunks = 0;
    for (Matrix w : weights) {
      if (w instanceof PackedMatrix packed) {
        packings.add(packed.packing());
      }
      halves |= w instanceof Mapped m && HALVES.contains(m.raw.type());
      chunks += decodeChunks(w);
    }
    halvesWanted = halves;
    pool.run(tokens, roundToken);
    pool.run(chunks, decodeRows);
  }

  private void roundToken(int worker, int t) {
    activations[t].set(x, t * width, width, halvesWanted);
    if (!packings.isEmpty()) {
      activations[t].round(x, t * width, width, packings);
    }
  }

  private int decodeChunks(Matrix w) {
    if (w instanceof PackedMatrix packed) {
      return evenChunks(packed.groups(), groupsPerChunk(packed));
    }
    return Math.ceilDiv(w.rows(), rowsPerChunk((Mapped) w));
  }

  /** Into how many chunks {@code n} go: as many for each worker, each of {@code most} or fewer. */
  private int evenChunks(int n, int most) {
    int rounds = Math.ceilDiv(n, most * pool.size());
    return Math.min(n, rounds * pool.size());
  }

  /** Whole numbers of those that are read side by side. */
  private static int groupsPerChunk(PackedMatrix w) {
    int atOnce = w.packing().groupsAtOnce();
    return Math.max(1, Math.toIntExact(CHUNK_BYTES / (w.groupBytes() * atOnce))) * atOnce;
  }

  private static int rowsPerChunk(Mapped w) {
    return Math.clamp(CHUNK_BYTES / Math.max(1, w.rowBytes()), 1, w.rows());
  }

  private void decodeRows(int worker, int chunk) {
    int c = chunk;
    for (int i = 0; i < weights.length; i++) {
      int chunks = decodeChunks(weights[i]);
      if (c < chunks) {
        decodeRows(weights[i], c, chunks, scratch[worker], outs[i]);
        return;
      }
      c -= chunks;
    }
  }

  private void decodeRows(Matrix matrix, int chunk, int chunks, Scratch scratch, float[] out) {
    if (matrix instanceof PackedMatrix w) {
      int to = (int) ((long) w.groups() * (chunk + 1) / chunks);
      int atOnce = w.packing().groupsAtOnce();
      for (int g = (int) ((long) w.groups() * chunk / chunks); g < to; g += atOnce) {
        decodeGroups(w, g, Math.min(atOnce, to - g), scratch, out);
      }
    } else {
      Mapped w = (Mapped) matrix;
      int from = chunk * rowsPerChunk(w);
      int rows = Math.min(rowsPerChunk(w), w.rows() - from);
      long address = w.raw.data().address() + from * w.rowBytes();
      for (int t = 0; t < tokens; t++) {
        int to = t * w.rows() + from;
        RowDots.multiply(w.raw, address, rows, activations[t], scratch, out, to);
      }
    }
  }

  private void decodeGroups(PackedMatrix w, int group, int groups, Scratch scratch, float[] out) {
    int t = 0;
    for (; t + PackedFours.COUNT <= tokens; t += PackedFours.COUNT) {
      PackedFours.multiply(w, group, groups, activations, t, scratch, out, t * w.rows());
    }
    for (; t < tokens; t++) {
      PackedDots.multiply(w, group, groups, activations[t], scratch, out, t * w.rows());
    }
  }

  private void prefill() {
    packedAt = packed.address((long) Math.ceilDiv(tokens, NARROW) * NARROW * width);
    pool.run(Math.ceilDiv(tokens, WIDE), packTokens);
    int panels = 0;
    for (Matrix w : weights) {
      panels += panels(w);
    }
    pool.run(panels, prefillPanel);
  }

  private int panels(Matrix w) {
    return evenChunks(Math.ceilDiv(w.rows(), STRIP), PANEL_ROWS / STRIP);
  }

  /** Lanes of a tile: two vectors, or one if the last tile has no tokens for the second. */
  private int tileWidth(int tile) {
    return tokens - tile * WIDE > NARROW ? WIDE : NARROW;
  }

  /** Where a tile's packed activations begin. */
  private long packedTile(int tile) {
    return packedAt + 4L * tile * WIDE * width;
  }

  /** Transposes a tile of tokens to {@code packed[k][lane]}, zeros in the lanes beyond the end. */
  private void packTokens(int worker, int tile) {
    int lanes = tileWidth(tile);
    int real = Math.min(lanes, tokens - tile * WIDE);
    for (int from = 0; from < width; from += TRANSPOSED) {
      int to = Math.min(width, from + TRANSPOSED);
      for (int lane = 0; lane < real; lane++) {
        int row = (tile * WIDE + lane) * width;
        long at = packedTile(tile) + 4L * lane;
        for (int k = from; k < to; k++) {
          ALL.set(FLOAT, (at + 4L * k * lanes) & Memory.MASK, x[row + k]);
        }
      }
      for (int lane = real; lane < lanes; lane++) {
        long at = packedTile(tile) + 4L * lane;
        for (int k = from; k < to; k++) {
          ALL.set(FLOAT, (at + 4L * k * lanes) & Memory.MASK, 0);
        }
      }
    }
  }

  private void prefillPanel(int worker, int chunk) {
    int c = chunk;
    for (int i = 0; i < weights.length; i++) {
      int panels = panels(weights[i]);
      if (c < panels) {
        prefillPanel(weights[i], c, panels, scratch[worker], outs[i]);
        return;
      }
      c -= panels;
    }
  }

  private void prefillPanel(Matrix w, int chunk, int panels, Scratch scratch, float[] out) {
    int strips = Math.ceilDiv(w.rows(), STRIP);
    int from = (int) ((long) strips * chunk / panels) * STRIP;
    int rows = Math.min((int) ((long) strips * (chunk + 1) / panels) * STRIP, w.rows()) - from;
    int tiles = Math.ceilDiv(tokens, WIDE);
    long panel = scratch.panel.address(PANEL_FLOATS);
    long sums = scratch.tiles.zeros((long) tiles * PANEL_ROWS * WIDE);
    for (int k = 0; k < width; k += Tiles.COLUMNS) {
      int cols = Math.min(Tiles.COLUMNS, width - k);
      fillPanel(w, from, rows, k, cols, scratch, panel);
      for (int tile = 0; tile < tiles; tile++) {
        int lanes = tileWidth(tile);
        long xAt = packedTile(tile) + 4L * k * lanes;
        long at = sums + 4L * tile * PANEL_ROWS * WIDE;
        if (w instanceof PackedMatrix) {
          Tiles.multiplyStrips(panel, cols, rows, xAt, lanes, cols, at);
        } else {
          Tiles.multiplyRows(panel, rows, xAt, lanes, cols, at);
        }
      }
    }
    for (int tile = 0; tile < tiles; tile++) {
      unpack(sums + 4L * tile * PANEL_ROWS * WIDE, tile, rows, out, w.rows(), from);
    }
  }

  /** A packed matrix' panel is strips of [k, rows], another's is rows. */
  private static void fillPanel(
      Matrix w, int from, int rows, int k, int cols, Scratch scratch, long panel) {
    if (w instanceof PackedMatrix m) {
      int groupRows = m.packing().groupRows();
      for (int r = 0; r < rows; r += groupRows) {
        PackedPanels.unpack(m, (from + r) / groupRows, k, cols, scratch, panel, r);
      }
    } else {
      RawMatrix raw = ((Mapped) w).raw;
      float[] row = scratch.row(cols);
      for (int r = 0; r < rows; r++) {
        RowFloats.dequantize(raw, from + r, k, cols, row, 0);
        Tiles.setRow(panel, r, row, 0, cols);
      }
    }
  }

  /** {@code sums[row][lane]} of a tile to {@code out[token][row]}. */
  private void unpack(long sums, int tile, int rows, float[] out, int allRows, int from) {
    int lanes = tileWidth(tile);
    int real = Math.min(lanes, tokens - tile * WIDE);
    for (int lane = 0; lane < real; lane++) {
      int to = (tile * WIDE + lane) * allRows + from;
      long at = sums + 4L * lane;
      for (int r = 0; r < rows; r++) {
        out[to + r] = ALL.get(FLOAT, (at + 4L * r * lanes) & Memory.MASK);
      }
    }
  }

  @Override
  public void write(KvLayer kv, int position, int tokens, float[] k, float[] v) {
    elementwise.write(kv, position, tokens, k, v);
  }

  @Override
  public void attention(
      float[] q, int tokens, int position, KvLayer kv, int heads, float scale, float[] out) {
    attention.attend(q, tokens, position, kv, heads, scale, out);
  }

  @Override
  public void rmsNorm(float[] x, int rows, int width, float[] weight, float eps, float[] out) {
    elementwise.rmsNorm(x, rows, width, weight, eps, out);
  }

  @Override
  public void rotate(float[] x, int tokens, int heads, int headDim, Turns turns) {
    elementwise.rotate(x, tokens, heads, headDim, turns);
  }

  @Override
  public void swiGlu(float[] gate, float[] up, int n) {
    elementwise.swiGlu(gate, up, n);
  }

  @Override
  public void sigmoidGate(float[] x, float[] gate, int n) {
    elementwise.sigmoidGate(x, gate, n);
  }

  @Override
  public void convolve(
      float[] x, int tokens, float[] weight, int taps, float[] history, float[] out) {
    convolution.run(x, tokens, weight, taps, history, out);
  }

  @Override
  public void gatedDelta(DeltaInputs in, int tokens, float[] before, float[] after, float[] out) {
    delta.run(in, tokens, before, after, out);
  }

  @Override
  public void add(float[] x, float[] y, int n) {
    elementwise.add(x, y, n);
  }

  @Override
  public void addToRows(float[] x, int rows, float[] row) {
    elementwise.addToRows(x, rows, row);
  }

  @Override
  public String description() {
    return "Vector API kernels, %d bits, %d threads".formatted(Lanes.BITS, pool.size());
  }

  @Override
  public int vectorBits() {
    return Lanes.BITS;
  }

  @Override
  public String reason() {
    return VectorWidth.reason();
  }

  @Override
  public String way(TensorType type) {
    Packing packing = Packing.of(type);
    return packing == null
        ? RowDots.way(type)
        : "packed in %s, %d rows a group"
            .formatted(packing.name().toLowerCase(Locale.ROOT), packing.groupRows());
  }

  @Override
  public void close() {
    pool.close();
    arena.close();
  }
}
