package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Register tiles of float32 matrix products: a lane is a token, a weight is broadcast.
 *
 * <p>The tokens' activations lie packed, {@code x[k][lane]}, {@link #WIDE} lanes (two vectors) or
 * {@link #NARROW} (one) to a tile. The weights lie as floats, just dequantised, by rows that begin
 * {@link #ROW} bytes apart, or in strips of {@link #STRIP} rows, {@code strip[k][row]}, where lanes
 * were rows and nobody transposed them. Sums are {@code sums[row][lane]}. Six rows by two vectors
 * are twelve accumulators, enough to hide the latency of the multiply-add, and with two activations
 * and one weight they fit the sixteen registers of AVX2 (Goto and van de Geijn 2008). Vectors of
 * 512 bits have {@link TallTiles}.
 *
 * <p>All of it lies in native memory, on the border of a cache line, and weights at constant
 * distances from one address: a tile then is little else than its loads and multiply-adds, 96 % of
 * the most that a core can do. In arrays, each vector lay across two lines, and each weight took an
 * addition for its index, or several a common check and a spilled register.
 *
 * <p>Sums begin at zero and are written once, and who has further columns adds up: with two dozen
 * more loads, {@link TallTiles} pass what C1 can compile, and were interpreted for minutes where a
 * JVM runs with its usual flags.
 *
 * <p>Rows are taken {@link #ROWS} at a time, eight in narrow tiles, whether or not there are as
 * many: what comes of the rows beyond the last is meaningless, but there must be room for it.
 */
final class Tiles {
  static final int ROWS = L == 16 ? 12 : 6;
  static final int NARROW_ROWS = 8;
  static final int WIDE = 2 * L;
  static final int NARROW = L;

  /** Rows of a strip: whole tiles and vectors, and few, so that a tile's weights share lines. */
  static final int STRIP = Math.max(24, 3 * L);

  /** Columns of a row at most. */
  static final int COLUMNS = 1024;

  /** Bytes from row to row: a line more than the columns, so that not all fall in the same set. */
  static final int ROW = 4 * (COLUMNS + 16);

  private Tiles() {}

  /**
   * {@code sums[r][lane] = Σ_k w[r][k] · x[k][lane]}.
   *
   * @param w address of rows that are {@link #ROW} bytes apart
   * @param x address of packed activations
   * @param width {@link #WIDE} or {@link #NARROW}
   * @param n {@link #COLUMNS} or fewer
   * @param sums address of the sums
   */
  static void multiplyRows(long w, int rows, long x, int width, int n, long sums) {
    if (width == WIDE) {
      for (int r = 0; r < rows; r += ROWS) {
        if (ROWS == 12) {
          TallTiles.rows(w + (long) r * ROW, x, n, sums + 4L * r * WIDE);
        } else {
          sixRows(w + (long) r * ROW, x, n, sums + 4L * r * WIDE);
        }
      }
    } else {
      for (int r = 0; r < rows; r += NARROW_ROWS) {
        eightNarrowRows(w + (long) r * ROW, x, n, sums + 4L * r * NARROW);
      }
    }
  }

  /**
   * {@code sums[r][lane] = Σ_k w[r / STRIP][k][r % STRIP] · x[k][lane]}.
   *
   * @param w address of strips
   * @param columns of a strip, {@code n} or more
   * @param x address of packed activations
   * @param width {@link #WIDE} or {@link #NARROW}
   * @param sums address of the sums
   */
  static void multiplyStrips(long w, int columns, int rows, long x, int width, int n, long sums) {
    if (width == WIDE) {
      for (int r = 0; r < rows; r += ROWS) {
        if (ROWS == 12) {
          TallTiles.ofStrip(w + inStrips(r, columns), x, n, sums + 4L * r * WIDE);
        } else {
          sixOfStrip(w + inStrips(r, columns), x, n, sums + 4L * r * WIDE);
        }
      }
    } else {
      for (int r = 0; r < rows; r += NARROW_ROWS) {
        eightNarrowOfStrip(w + inStrips(r, columns), x, n, sums + 4L * r * NARROW);
      }
    }
  }

  /**
   * Writes a row as {@link #multiplyRows} reads it.
   *
   * @param w address of rows that are {@link #ROW} bytes apart
   * @param n {@link #COLUMNS} or fewer
   */
  static void setRow(long w, int row, float[] values, int at, int n) {
    MemorySegment.copy(values, at, ALL, FLOAT, w + (long) row * ROW, n);
  }

  /** Where a row begins in strips of so many columns, in bytes. */
  static long inStrips(int row, int columns) {
    return 4L * (row / STRIP * STRIP * columns + row % STRIP);
  }

  private static void sixRows(long w, long x, int n, long sums) {
    FloatVector s0a = FloatVector.zero(F);
    FloatVector s0b = FloatVector.zero(F);
    FloatVector s1a = FloatVector.zero(F);
    FloatVector s1b = FloatVector.zero(F);
    FloatVector s2a = FloatVector.zero(F);
    FloatVector s2b = FloatVector.zero(F);
    FloatVector s3a = FloatVector.zero(F);
    FloatVector s3b = FloatVector.zero(F);
    FloatVector s4a = FloatVector.zero(F);
    FloatVector s4b = FloatVector.zero(F);
    FloatVector s5a = FloatVector.zero(F);
    FloatVector s5b = FloatVector.zero(F);
    for (int k = 0; k < n; k++) {
      long from = (x + k * 8L * L) & Memory.MASK;
      long weights = (w + k * 4L) & Memory.MASK;
      FloatVector xa = FloatVector.fromMemorySegment(F, ALL, from, LE);
      FloatVector xb = FloatVector.fromMemorySegment(F, ALL, from + 4L * L, LE);
      FloatVector b = FloatVector.broadcast(F, ALL.get(FLOAT, weights));
      s0a = xa.fma(b, s0a);
      s0b = xb.fma(b, s0b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + ROW));
      s1a = xa.fma(b, s1a);
      s1b = xb.fma(b, s1b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 2L * ROW));
      s2a = xa.fma(b, s2a);
      s2b = xb.fma(b, s2b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 3L * ROW));
      s3a = xa.fma(b, s3a);
      s3b = xb.fma(b, s3b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 4L * ROW));
      s4a = xa.fma(b, s4a);
      s4b = xb.fma(b, s4b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 5L * ROW));
      s5a = xa.fma(b, s5a);
      s5b = xb.fma(b, s5b);
    }
    long to = sums & Memory.MASK;
    s0a.intoMemorySegment(ALL, to, LE);
    s0b.intoMemorySegment(ALL, to + 4L * L, LE);
    s1a.intoMemorySegment(ALL, to + 8L * L, LE);
    s1b.intoMemorySegment(ALL, to + 12L * L, LE);
    s2a.intoMemorySegment(ALL, to + 16L * L, LE);
    s2b.intoMemorySegment(ALL, to + 20L * L, LE);
    s3a.intoMemorySegment(ALL, to + 24L * L, LE);
    s3b.intoMemorySegment(ALL, to + 28L * L, LE);
    s4a.intoMemorySegment(ALL, to + 32L * L, LE);
    s4b.intoMemorySegment(ALL, to + 36L * L, LE);
    s5a.intoMemorySegment(ALL, to + 40L * L, LE);
    s5b.intoMemorySegment(ALL, to + 44L * L, LE);
  }

  private static void sixOfStrip(long w, long x, int n, long sums) {
    FloatVector s0a = FloatVector.zero(F);
    FloatVector s0b = FloatVector.zero(F);
    FloatVector s1a = FloatVector.zero(F);
    FloatVector s1b = FloatVector.zero(F);
    FloatVector s2a = FloatVector.zero(F);
    FloatVector s2b = FloatVector.zero(F);
    FloatVector s3a = FloatVector.zero(F);
    FloatVector s3b = FloatVector.zero(F);
    FloatVector s4a = FloatVector.zero(F);
    FloatVector s4b = FloatVector.zero(F);
    FloatVector s5a = FloatVector.zero(F);
    FloatVector s5b = FloatVector.zero(F);
    for (int k = 0; k < n; k++) {
      long from = (x + k * 8L * L) & Memory.MASK;
      long weights = (w + k * 4L * STRIP) & Memory.MASK;
      FloatVector xa = FloatVector.fromMemorySegment(F, ALL, from, LE);
      FloatVector xb = FloatVector.fromMemorySegment(F, ALL, from + 4L * L, LE);
      FloatVector b = FloatVector.broadcast(F, ALL.get(FLOAT, weights));
      s0a = xa.fma(b, s0a);
      s0b = xb.fma(b, s0b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 4));
      s1a = xa.fma(b, s1a);
      s1b = xb.fma(b, s1b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 8));
      s2a = xa.fma(b, s2a);
      s2b = xb.fma(b, s2b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 12));
      s3a = xa.fma(b, s3a);
      s3b = xb.fma(b, s3b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 16));
      s4a = xa.fma(b, s4a);
      s4b = xb.fma(b, s4b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 20));
      s5a = xa.fma(b, s5a);
      s5b = xb.fma(b, s5b);
    }
    long to = sums & Memory.MASK;
    s0a.intoMemorySegment(ALL, to, LE);
    s0b.intoMemorySegment(ALL, to + 4L * L, LE);
    s1a.intoMemorySegment(ALL, to + 8L * L, LE);
    s1b.intoMemorySegment(ALL, to + 12L * L, LE);
    s2a.intoMemorySegment(ALL, to + 16L * L, LE);
    s2b.intoMemorySegment(ALL, to + 20L * L, LE);
    s3a.intoMemorySegment(ALL, to + 24L * L, LE);
    s3b.intoMemorySegment(ALL, to + 28L * L, LE);
    s4a.intoMemorySegment(ALL, to + 32L * L, LE);
    s4b.intoMemorySegment(ALL, to + 36L * L, LE);
    s5a.intoMemorySegment(ALL, to + 40L * L, LE);
    s5b.intoMemorySegment(ALL, to + 44L * L, LE);
  }

  private static void eightNarrowRows(long w, long x, int n, long sums) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    FloatVector s4 = FloatVector.zero(F);
    FloatVector s5 = FloatVector.zero(F);
    FloatVector s6 = FloatVector.zero(F);
    FloatVector s7 = FloatVector.zero(F);
    for (int k = 0; k < n; k++) {
      long from = (x + k * 4L * L) & Memory.MASK;
      long weights = (w + k * 4L) & Memory.MASK;
      FloatVector xs = FloatVector.fromMemorySegment(F, ALL, from, LE);
      FloatVector b = FloatVector.broadcast(F, ALL.get(FLOAT, weights));
      s0 = xs.fma(b, s0);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + ROW));
      s1 = xs.fma(b, s1);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 2L * ROW));
      s2 = xs.fma(b, s2);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 3L * ROW));
      s3 = xs.fma(b, s3);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 4L * ROW));
      s4 = xs.fma(b, s4);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 5L * ROW));
      s5 = xs.fma(b, s5);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 6L * ROW));
      s6 = xs.fma(b, s6);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 7L * ROW));
      s7 = xs.fma(b, s7);
    }
    long to = sums & Memory.MASK;
    s0.intoMemorySegment(ALL, to, LE);
    s1.intoMemorySegment(ALL, to + 4L * L, LE);
    s2.intoMemorySegment(ALL, to + 8L * L, LE);
    s3.intoMemorySegment(ALL, to + 12L * L, LE);
    s4.intoMemorySegment(ALL, to + 16L * L, LE);
    s5.intoMemorySegment(ALL, to + 20L * L, LE);
    s6.intoMemorySegment(ALL, to + 24L * L, LE);
    s7.intoMemorySegment(ALL, to + 28L * L, LE);
  }

  private static void eightNarrowOfStrip(long w, long x, int n, long sums) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    FloatVector s4 = FloatVector.zero(F);
    FloatVector s5 = FloatVector.zero(F);
    FloatVector s6 = FloatVector.zero(F);
    FloatVector s7 = FloatVector.zero(F);
    for (int k = 0; k < n; k++) {
      long from = (x + k * 4L * L) & Memory.MASK;
      long weights = (w + k * 4L * STRIP) & Memory.MASK;
      FloatVector xs = FloatVector.fromMemorySegment(F, ALL, from, LE);
      FloatVector b = FloatVector.broadcast(F, ALL.get(FLOAT, weights));
      s0 = xs.fma(b, s0);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 4));
      s1 = xs.fma(b, s1);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 8));
      s2 = xs.fma(b, s2);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 12));
      s3 = xs.fma(b, s3);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 16));
      s4 = xs.fma(b, s4);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 20));
      s5 = xs.fma(b, s5);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 24));
      s6 = xs.fma(b, s6);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 28));
      s7 = xs.fma(b, s7);
    }
    long to = sums & Memory.MASK;
    s0.intoMemorySegment(ALL, to, LE);
    s1.intoMemorySegment(ALL, to + 4L * L, LE);
    s2.intoMemorySegment(ALL, to + 8L * L, LE);
    s3.intoMemorySegment(ALL, to + 12L * L, LE);
    s4.intoMemorySegment(ALL, to + 16L * L, LE);
    s5.intoMemorySegment(ALL, to + 20L * L, LE);
    s6.intoMemorySegment(ALL, to + 24L * L, LE);
    s7.intoMemorySegment(ALL, to + 28L * L, LE);
  }
}
