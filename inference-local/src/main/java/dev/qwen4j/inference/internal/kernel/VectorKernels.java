package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * The operations by SIMD and threads, on the Vector API.
 *
 * <p>Decode and prefill are two different kernels. One token reads every weight once, so the
 * memory's speed is the limit: {@link PackedDots} and {@link RowDots} stream them. Many tokens use
 * each weight many times, so the arithmetic is the limit: {@link PanelProducts} and {@link
 * NibbleProducts}. Quantised weights are packed for the machine's vectors, see {@link Packing};
 * others are multiplied where the file is mapped.
 *
 * <p>Calls must not overlap; they write their operands to fields, so that no call allocates.
 */
final class VectorKernels implements Kernels {
  /** Weights that a decode chunk reads, about: small enough to share out, large to stream. */
  private static final int CHUNK_BYTES = 128 * 1024;

  /**
   * Streams in which this processor reads memory fastest. AMD's fetch far ahead of one that only
   * ascends, and less far in several; Intel's stop at every page, and with one stream there is
   * nothing else to do meanwhile. docs/log.md has the figures.
   */
  private static final int STREAMS = Processor.isAmd() ? 1 : 6;

  /**
   * Whether many tokens are multiplied with weights of 4 bits in integers. That pays where adding
   * vectors does not take a multiplier's turn, as it does not on AMD's processors; on Intel's, by
   * their ports, a product and its addition in 16 bits take the time of two in float32 (not
   * measured). And it takes AVX-512's registers: with AVX2's, 57 GMAC/s instead of 100.
   */
  static final boolean INTEGERS = Processor.isAmd() && Lanes.BITS == 512;

  /**
   * Tokens that are multiplied as one is, rounded and with the weights as they are packed: replies
   * that are written side by side, a draft that is checked, a few tokens of a prompt. With more,
   * dequantising rows once for all is cheaper.
   */
  static final int FEW = 16;

  /** Types whose kernels want {@link Activations#xHalf}. */
  private static final Set<TensorType> HALVES = EnumSet.of(TensorType.F16, TensorType.E4M3);

  /** Groups of packed rows that are read side by side: the memory's streams. */
  private final int streams;

  /** Whether many tokens are multiplied in integers, where that goes. */
  private final boolean integers;

  private final WorkerPool pool;
  private final PackedCopy copy;
  private final Arena arena = Arena.ofShared();
  private final PanelProducts panels;
  private final NibbleProducts nibbles;
  private final VectorElementwise elementwise;
  private final VectorAttention attention;
  private final VectorConvolution convolution;
  private final VectorDelta delta;
  private final Scratch[] scratch;
  private final Activations[] activations = new Activations[FEW]; // Several tokens.
  private final Set<Packing> packings = EnumSet.noneOf(Packing.class);
  private final WorkerPool.Chunk roundToken = this::roundToken;
  private final WorkerPool.Chunks decodeRows = this::decodeRows;
  private final WorkerPool.Chunk completeRows = this::completeRows;
  private final Estimates estimates = new Estimates();

  private boolean exact;

  // The operands of the call in progress.
  private final Matrix[] only = new Matrix[1];
  private final float[][] onlyOut = new float[1][];
  private final Matrix[] gateAndUp = new Matrix[2];
  private final float[][] hidden = {{}, {}}; // Gates and ups, where they are rows.
  private Matrix[] weights = new Matrix[0];
  private float[][] outs = new float[0][];
  private float[] x = new float[0];
  private int tokens;
  private boolean halvesWanted;
  private long product; // its number, counted from 1
  private int width;

  VectorKernels(int threads) {
    this(threads, new PackedCopy());
  }

  /** Kernels that take from {@code copy} what was packed before, and put there what was not. */
  VectorKernels(int threads, PackedCopy copy) {
    this(threads, copy, STREAMS, INTEGERS);
  }

  /** The same for a processor with these {@link #STREAMS} and {@link #INTEGERS}. */
  VectorKernels(int threads, PackedCopy copy, int streams, boolean integers) {
    this.streams = streams;
    this.integers = integers;
    this.pool = new WorkerPool(threads);
    this.copy = copy;
    this.elementwise = new VectorElementwise(pool);
    this.attention = new VectorAttention(pool);
    this.convolution = new VectorConvolution(pool);
    this.delta = new VectorDelta(pool);
    this.scratch = new Scratch[threads];
    Arrays.setAll(scratch, w -> new Scratch());
    this.panels = new PanelProducts(pool, scratch);
    this.nibbles = new NibbleProducts(pool, scratch);
    Arrays.setAll(activations, t -> new Activations());
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
    return packing == null ? new MappedMatrix(raw) : pack(raw, packing);
  }

  @Override
  public Matrix prepareOutput(RawMatrix raw) {
    if (!estimates(raw.type(), integers)) {
      return prepare(raw);
    }
    return switch (raw.type()) {
      case Q8_0 -> estimated(raw, SplitMatrix.bytes(raw), data -> new SplitMatrix(raw, data));
      case Q4_0 -> estimated(raw, SketchedRows.bytes(raw), data -> new SketchedRows(raw, data));
      default -> {
        PackedMatrix whole = (PackedMatrix) prepare(raw);
        yield estimated(raw, Sketch.bytes(raw), data -> new SketchedGroups(raw, data, whole));
      }
    };
  }

  /**
   * Whether logits of a type are estimated first. With a sketch that takes looking sums up, which
   * one of AVX-512's later instructions does: the processors that multiply in integers have it.
   */
  static boolean estimates(TensorType type, boolean integers) {
    return switch (type) {
      case Q8_0 -> true;
      case Q4_0, Q6_K -> integers;
      default -> false;
    };
  }

  @Override
  public long unread(TensorType type, long weights) {
    long read = type == TensorType.Q8_0 ? 18 : 9; // bytes of 32 weights
    return estimates(type, integers) ? type.bytes(weights) - weights / 32 * read : 0;
  }

  private EstimatedMatrix estimated(
      RawMatrix raw, long bytes, Function<MemorySegment, EstimatedMatrix> in) {
    MemorySegment kept = copy.take(raw, bytes);
    if (kept != null) {
      return in.apply(kept);
    }
    MemorySegment data = arena.allocate(bytes, 64);
    EstimatedMatrix matrix = in.apply(data);
    EstimatedMatrix.Packer[] packers = new EstimatedMatrix.Packer[pool.size()];
    Arrays.setAll(packers, w -> matrix.packer(raw));
    packGroups(
        matrix.groups(), matrix.groupBytes(), (worker, group) -> packers[worker].pack(group));
    copy.add(raw, data);
    return matrix;
  }

  private void packGroups(int groups, long groupBytes, WorkerPool.Chunk pack) {
    int share = groupsPerChunk(groupBytes);
    pool.run(
        Math.ceilDiv(groups, share),
        (worker, chunk) -> {
          int end = Math.min(groups, (chunk + 1) * share);
          for (int group = chunk * share; group < end; group++) {
            pack.run(worker, group);
          }
        });
  }

  private PackedMatrix pack(RawMatrix raw, Packing packing) {
    MemorySegment kept = copy.take(raw, PackedMatrix.bytes(raw, packing));
    if (kept != null) {
      return new PackedMatrix(raw, packing, kept);
    }
    PackedMatrix packed = PackedMatrix.allocate(raw, packing, arena);
    Packer[] packers = new Packer[pool.size()];
    Arrays.setAll(packers, w -> new Packer(raw, packed));
    packGroups(
        packed.groups(), packed.groupBytes(), (worker, group) -> packers[worker].pack(group));
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
    try {
      if (areFew(tokens)) {
        decode(ws, x, tokens, outs);
      } else {
        multiplyMany(ws, x, tokens, outs);
      }
    } finally {
      // The kernels know only addresses: the owners of the memory must outlive the call.
      Reference.reachabilityFence(ws);
    }
  }

  @Override
  public void logits(Matrix w, float[] x, int tokens, Candidates candidates, float[] out) {
    if (!(w instanceof EstimatedMatrix matrix)) {
      multiply(w, x, tokens, out);
      return;
    }
    if (matrix instanceof SketchedGroups sketched && !areFew(tokens)) {
      multiply(sketched.whole(), x, tokens, out);
      return;
    }
    int chunks = decodeChunks(matrix);
    only[0] = matrix;
    onlyOut[0] = out;
    estimates.begin(tokens, chunks, candidates, out);
    try {
      if (areFew(tokens)) {
        decode(only, x, tokens, onlyOut);
        estimates.choose(matrix, rounded(0), scratch[0]);
        pool.run(chunks, completeRows);
      } else {
        pool.run(chunks, (worker, chunk) -> estimates.multiply(matrix, chunk, x, scratch[worker]));
      }
    } finally {
      Reference.reachabilityFence(matrix);
    }
  }

  private void completeRows(int worker, int chunk) {
    estimates.complete((EstimatedMatrix) weights[0], chunk, rounded(worker), scratch[worker]);
  }

  @Override
  public void feedForward(
      Matrix gate, Matrix up, Matrix down, float[] x, int tokens, float[] out, Runnable pause) {
    gateAndUp[0] = gate;
    gateAndUp[1] = up;
    only[0] = down;
    onlyOut[0] = out;
    try {
      if (areFew(tokens) || inIntegers(gate) || inIntegers(up)) {
        feedForwardByRows(x, tokens, down.cols(), pause);
      } else {
        panels.feedForward(gateAndUp, only, x, tokens, onlyOut, pause);
      }
    } finally {
      Reference.reachabilityFence(gate);
      Reference.reachabilityFence(up);
      Reference.reachabilityFence(down);
    }
  }

  /** Whether so many tokens are rounded to 8 bits before they meet weights of a type. */
  boolean rounds(TensorType type, int tokens) {
    Packing packing = Packing.of(type);
    return packing != null
        && !exact
        && (areFew(tokens) || (integers && packing == Packing.NIBBLES));
  }

  private boolean areFew(int tokens) {
    return tokens <= FEW && !exact;
  }

  private void feedForwardByRows(float[] x, int tokens, int inner, Runnable pause) {
    int n = tokens * inner;
    if (hidden[0].length < n) {
      Arrays.setAll(hidden, i -> new float[n]);
    }
    multiply(gateAndUp, x, tokens, hidden);
    pause.run();
    elementwise.swiGlu(hidden[0], hidden[1], n);
    multiply(only, hidden[0], tokens, onlyOut);
  }

  private boolean inIntegers(Matrix w) {
    return integers && !exact && NibbleProducts.take(w);
  }

  /** Those that are multiplied in integers, and then the others. */
  private void multiplyMany(Matrix[] ws, float[] x, int tokens, float[][] outs) {
    int[] some = IntStream.range(0, ws.length).filter(i -> inIntegers(ws[i])).toArray();
    int[] others = IntStream.range(0, ws.length).filter(i -> !inIntegers(ws[i])).toArray();
    if (some.length > 0) {
      nibbles.multiply(pick(ws, some), x, tokens, pick(outs, some));
    }
    if (others.length > 0) {
      panels.multiply(pick(ws, others), x, tokens, pick(outs, others));
    }
  }

  private static <T> T[] pick(T[] all, int[] which) {
    T[] picked = Arrays.copyOf(all, which.length);
    Arrays.setAll(picked, i -> all[which[i]]);
    return picked;
  }

  private void decode(Matrix[] ws, float[] x, int tokens, float[][] outs) {
    this.weights = ws;
    this.x = x;
    this.outs = outs;
    this.tokens = tokens;
    this.width = ws[0].cols();
    packings.clear();
    boolean halves = false;
    int chunks = 0;
    for (Matrix w : weights) {
      if (w instanceof PackedMatrix packed) {
        packings.add(packed.packing());
      }
      if (w instanceof EstimatedMatrix matrix) {
        packings.addAll(matrix.packings());
      }
      halves |= w instanceof MappedMatrix m && HALVES.contains(m.raw().type());
      chunks += decodeChunks(w);
    }
    halvesWanted = halves;
    product++;
    if (tokens > 1) {
      pool.run(tokens, roundToken);
    }
    pool.runSome(chunks, decodeRows);
  }

  private void roundToken(int worker, int t) {
    round(activations[t], t);
  }

  private void round(Activations to, int t) {
    to.set(x, t * width, width, halvesWanted);
    if (!packings.isEmpty()) {
      to.round(x, t * width, width, packings);
      if (weights[0] instanceof EstimatedMatrix matrix) {
        matrix.prepare(to);
      }
    }
  }

  /**
   * The tokens as kernels read them. A single one is rounded by each worker for itself: that takes
   * a microsecond, and less than to wait until another has done it, and for its cache.
   */
  private Activations[] rounded(int worker) {
    if (tokens > 1) {
      return activations;
    }
    Scratch own = scratch[worker];
    if (own.product != product) {
      round(own.token[0], 0);
      own.product = product;
    }
    return own.token;
  }

  private int decodeChunks(Matrix w) {
    if (w instanceof PackedMatrix packed) {
      return pool.evenChunks(packed.groups(), groupsPerChunk(packed.groupBytes()));
    }
    if (w instanceof EstimatedMatrix matrix) {
      return pool.evenChunks(matrix.groups(), groupsPerChunk(matrix.groupBytes()));
    }
    return Math.ceilDiv(w.rows(), rowsPerChunk((MappedMatrix) w));
  }

  /** Whole numbers of those that are read side by side. */
  private int groupsPerChunk(long groupBytes) {
    return Math.max(1, Math.toIntExact(CHUNK_BYTES / (groupBytes * streams))) * streams;
  }

  private static int rowsPerChunk(MappedMatrix w) {
    return Math.clamp(CHUNK_BYTES / Math.max(1, w.rowBytes()), 1, w.rows());
  }

  private void decodeRows(int worker, int from, int to) {
    int first = 0; // of a matrix
    for (int i = 0; i < weights.length; i++) {
      int chunks = decodeChunks(weights[i]);
      int start = Math.max(from - first, 0);
      int end = Math.min(to - first, chunks);
      if (start < end) {
        decodeRows(weights[i], start, end, chunks, worker, outs[i]);
      }
      first += chunks;
    }
  }

  private void decodeRows(Matrix matrix, int from, int to, int chunks, int worker, float[] out) {
    Activations[] x = rounded(worker);
    Scratch own = scratch[worker];
    if (matrix instanceof PackedMatrix w) {
      int end = (int) ((long) w.groups() * to / chunks);
      for (int g = (int) ((long) w.groups() * from / chunks); g < end; g += streams) {
        decodeGroups(w, g, Math.min(streams, end - g), x, own, out);
      }
    } else if (matrix instanceof EstimatedMatrix w) {
      for (int c = from; c < to; c++) {
        estimates.estimate(w, c, x, own);
      }
    } else {
      MappedMatrix w = (MappedMatrix) matrix;
      int first = from * rowsPerChunk(w);
      int rows = Math.min(to * rowsPerChunk(w), w.rows()) - first;
      long address = w.raw().data().address() + first * w.rowBytes();
      for (int t = 0; t < tokens; t++) {
        RowDots.multiply(w.raw(), address, rows, x[t], own, out, t * w.rows() + first);
      }
    }
  }

  private void decodeGroups(
      PackedMatrix w, int group, int groups, Activations[] x, Scratch scratch, float[] out) {
    int t = 0;
    for (; t + PackedFours.COUNT <= tokens; t += PackedFours.COUNT) {
      PackedFours.multiply(w, group, groups, x, t, scratch, out, t * w.rows());
    }
    for (; t < tokens; t++) {
      PackedDots.multiply(w, group, groups, x[t], scratch, out, t * w.rows());
    }
  }

  @Override
  public void write(List<KvSpan> spans, float[] k, float[] v) {
    elementwise.write(spans, k, v);
  }

  @Override
  public void attention(float[] q, List<KvSpan> spans, int heads, float scale, float[] out) {
    attention.attend(q, spans, heads, scale, out);
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
        : "packed in %s, %d rows a group, %d side by side%s"
            .formatted(
                packing.name().toLowerCase(Locale.ROOT),
                packing.groupRows(),
                streams,
                integers && packing == Packing.NIBBLES ? "; prompts in integers" : "");
  }

  @Override
  public void close() {
    pool.close();
    arena.close();
  }
}
