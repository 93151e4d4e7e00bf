package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static dev.qwen4j.inference.internal.kernel.Tiles.NARROW;
import static dev.qwen4j.inference.internal.kernel.Tiles.STRIP;
import static dev.qwen4j.inference.internal.kernel.Tiles.WIDE;

/**
 * Products of many tokens, as prefill needs them. Each weight is used many times, so the arithmetic
 * is the limit: rows are dequantised to a panel of float32 that fits the second-level cache, once
 * for all tokens, and multiplied by {@link Tiles}.
 *
 * <p>Tiles read activations packed, {@code [tile][k][lane]}, and leave sums as {@code [row][lane]}.
 * Of a feed-forward, whose rows are the next product's k, these are the same, so what is between
 * its products never becomes rows of tokens.
 */
final class PanelProducts {
  /** Rows of a panel: whole strips, and so whole tiles, and whole groups of the packings. */
  private static final int PANEL_ROWS = 2 * STRIP;

  /** About 400 KB with 512 bits. */
  private static final long PANEL_FLOATS = (long) PANEL_ROWS * Tiles.ROW / Float.BYTES;

  /** Columns of a tile that are transposed together: what is read and written fits the cache. */
  private static final int TRANSPOSED = 64;

  private final WorkerPool pool;
  private final Scratch[] scratch;
  private final NativeFloats packed = new NativeFloats();
  private final NativeFloats hidden = new NativeFloats();
  private final WorkerPool.Chunk packTokens = this::packTokens;
  private final WorkerPool.Chunk multiplyPanel = this::multiplyPanel;
  private final WorkerPool.Chunk gatePanel = this::gatePanel;

  // The operands of the call in progress.
  private Matrix[] weights = new Matrix[0];
  private float[][] outs = new float[0][];
  private float[] x = new float[0];
  private int tokens;
  private int width;
  private long packedAt;
  private long hiddenAt;

  /**
   * Products by the workers of a pool.
   *
   * @param scratch for each of them
   */
  PanelProducts(WorkerPool pool, Scratch[] scratch) {
    this.pool = pool;
    this.scratch = scratch;
  }

  /** {@link Kernels#multiply(Matrix[], float[], int, float[][])}. */
  void multiply(Matrix[] ws, float[] x, int tokens, float[][] outs) {
    pack(x, tokens, ws[0].cols());
    multiplyPacked(ws, outs);
  }

  /**
   * {@link Kernels#feedForward}.
   *
   * @param down one matrix
   * @param outs what it is multiplied to
   */
  void feedForward(
      Matrix[] gateAndUp, Matrix[] down, float[] x, int tokens, float[][] outs, Runnable pause) {
    Matrix gate = gateAndUp[0];
    pack(x, tokens, gate.cols());
    this.weights = gateAndUp;
    hiddenAt = hidden.address(packedFloats(gate.rows()));
    pool.run(panels(gate), gatePanel);
    pause.run();
    this.packedAt = hiddenAt;
    this.width = gate.rows();
    multiplyPacked(down, outs);
  }

  private void pack(float[] x, int tokens, int width) {
    this.x = x;
    this.tokens = tokens;
    this.width = width;
    this.packedAt = packed.address(packedFloats(width));
    pool.run(Math.ceilDiv(tokens, WIDE), packTokens);
  }

  private void multiplyPacked(Matrix[] ws, float[][] outs) {
    this.weights = ws;
    this.outs = outs;
    int panels = 0;
    for (Matrix w : ws) {
      panels += panels(w);
    }
    pool.run(panels, multiplyPanel);
  }

  private int panels(Matrix w) {
    return pool.evenChunks(Math.ceilDiv(w.rows(), STRIP), PANEL_ROWS / STRIP);
  }

  private long packedFloats(int width) {
    return (long) Math.ceilDiv(tokens, NARROW) * NARROW * width;
  }

  /** Lanes of a tile: two vectors, or one if the last tile has no tokens for the second. */
  private int tileWidth(int tile) {
    return tokens - tile * WIDE > NARROW ? WIDE : NARROW;
  }

  /** Where a tile begins in packed activations of so many columns. */
  private static long tileAt(long packed, int tile, int width) {
    return packed + 4L * tile * WIDE * width;
  }

  /** Transposes a tile of tokens to {@code packed[k][lane]}, zeros in the lanes beyond the end. */
  private void packTokens(int worker, int tile) {
    int lanes = tileWidth(tile);
    int real = Math.min(lanes, tokens - tile * WIDE);
    for (int from = 0; from < width; from += TRANSPOSED) {
      int to = Math.min(width, from + TRANSPOSED);
      for (int lane = 0; lane < real; lane++) {
        int row = (tile * WIDE + lane) * width;
        long at = tileAt(packedAt, tile, width) + 4L * lane;
        for (int k = from; k < to; k++) {
          ALL.set(FLOAT, (at + 4L * k * lanes) & Memory.MASK, x[row + k]);
        }
      }
      for (int lane = real; lane < lanes; lane++) {
        long at = tileAt(packedAt, tile, width) + 4L * lane;
        for (int k = from; k < to; k++) {
          ALL.set(FLOAT, (at + 4L * k * lanes) & Memory.MASK, 0);
        }
      }
    }
  }

  private void multiplyPanel(int worker, int chunk) {
    int c = chunk;
    for (int i = 0; i < weights.length; i++) {
      int panels = panels(weights[i]);
      if (c < panels) {
        multiplyPanel(weights[i], c, panels, scratch[worker], outs[i]);
        return;
      }
      c -= panels;
    }
  }

  private void multiplyPanel(Matrix w, int panel, int panels, Scratch scratch, float[] out) {
    int from = firstRow(w, panel, panels);
    int rows = firstRow(w, panel + 1, panels) - from;
    long sums = sums(w, from, rows, scratch, scratch.tiles);
    for (int tile = 0; tile * WIDE < tokens; tile++) {
      unpack(sumsAt(sums, tile), tile, rows, out, w.rows(), from);
    }
  }

  /** Sums of the gate's rows and of the same rows of the up projection to packed activations. */
  private void gatePanel(int worker, int panel) {
    Matrix gate = weights[0];
    int panels = panels(gate);
    int from = firstRow(gate, panel, panels);
    int rows = firstRow(gate, panel + 1, panels) - from;
    Scratch s = scratch[worker];
    long gates = sums(gate, from, rows, s, s.tiles);
    long ups = sums(weights[1], from, rows, s, s.otherTiles);
    for (int tile = 0; tile * WIDE < tokens; tile++) {
      int lanes = tileWidth(tile);
      long to = tileAt(hiddenAt, tile, gate.rows()) + 4L * from * lanes;
      Elementwise.swiGlu(sumsAt(gates, tile), sumsAt(ups, tile), to, rows * lanes);
    }
  }

  /** Where a panel begins, or the one before it ends. */
  private static int firstRow(Matrix w, int panel, int panels) {
    int strips = Math.ceilDiv(w.rows(), STRIP);
    return Math.min(w.rows(), (int) ((long) strips * panel / panels) * STRIP);
  }

  /** Where a tile's sums are among a panel's. */
  private static long sumsAt(long sums, int tile) {
    return sums + 4L * tile * PANEL_ROWS * WIDE;
  }

  /** The address of a panel's products with all tiles. */
  private long sums(Matrix w, int from, int rows, Scratch scratch, NativeFloats memory) {
    int tiles = Math.ceilDiv(tokens, WIDE);
    long panel = scratch.panel.address(PANEL_FLOATS);
    long sums = memory.address((long) tiles * PANEL_ROWS * WIDE);
    long further = scratch.further.address((long) PANEL_ROWS * WIDE);
    for (int k = 0; k < width; k += Tiles.COLUMNS) {
      int cols = Math.min(Tiles.COLUMNS, width - k);
      fillPanel(w, from, rows, k, cols, scratch, panel);
      for (int tile = 0; tile < tiles; tile++) {
        int lanes = tileWidth(tile);
        long xAt = tileAt(packedAt, tile, width) + 4L * k * lanes;
        long to = k == 0 ? sumsAt(sums, tile) : further;
        if (w instanceof PackedMatrix) {
          Tiles.multiplyStrips(panel, cols, rows, xAt, lanes, cols, to);
        } else {
          Tiles.multiplyRows(panel, rows, xAt, lanes, cols, to);
        }
        if (k > 0) {
          Elementwise.add(further, sumsAt(sums, tile), rows * lanes);
        }
      }
    }
    return sums;
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
      RawMatrix raw = ((MappedMatrix) w).raw();
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
}
