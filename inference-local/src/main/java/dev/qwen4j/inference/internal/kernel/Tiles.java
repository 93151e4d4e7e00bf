package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;

import jdk.incubator.vector.FloatVector;

/**
 * Register tiles of float32 matrix products: a lane is a token, a weight is broadcast.
 *
 * <p>The tokens' activations lie packed, {@code x[k][lane]}, {@link #WIDE} lanes (two vectors) or
 * {@link #NARROW} (one) to a tile. The weights lie as floats, just dequantised, by rows, or in
 * strips of {@link #STRIP} rows, {@code strip[k][row]}, where lanes were rows and nobody transposed
 * them. Sums are {@code sums[row][lane]}. Six rows by two vectors are twelve accumulators, enough
 * to hide the latency of the multiply-add, and with two activations and one weight they fit the
 * sixteen registers of AVX2 (Goto and van de Geijn 2008). Vectors of 512 bits have {@link
 * TallTiles}.
 *
 * <p>They fit only as long as C2 loads a weight when it is needed. Weights that it knows to be
 * neighbours get one bounds check for all and are loaded together, which drives an accumulator out
 * to the stack: 20 instead of 49 multiply-adds per nanosecond on Zen 3. So in a strip the step from
 * row to row is an argument, though it is always 1, and the loops are too large to be inlined into
 * where that is known. The step from column to column is a constant, so that the checks move out of
 * the loop.
 *
 * <p>Rows are taken {@link #ROWS} at a time, eight in narrow tiles, whether or not there are as
 * many: what comes of the rows beyond the last is meaningless, but the arrays must have room for
 * it.
 */
final class Tiles {
  static final int ROWS = L == 16 ? 12 : 6;
  static final int NARROW_ROWS = 8;
  static final int WIDE = 2 * L;
  static final int NARROW = L;

  /** Rows of a strip: whole tiles and vectors, and few, so that a tile's weights share lines. */
  static final int STRIP = Math.max(24, 3 * L);

  private Tiles() {}

  /**
   * {@code sums[r][lane] += Σ_k w[wAt + r * stride + k] · x[k][lane]}.
   *
   * @param width {@link #WIDE} or {@link #NARROW}
   */
  static void multiplyRows(
      float[] w,
      int wAt,
      int stride,
      int rows,
      float[] x,
      int xAt,
      int width,
      int n,
      float[] sums,
      int at) {
    if (width == WIDE) {
      for (int r = 0; r < rows; r += ROWS) {
        if (ROWS == 12) {
          TallTiles.rows(w, wAt + r * stride, stride, x, xAt, n, sums, at + r * WIDE);
        } else {
          sixRows(w, wAt + r * stride, stride, x, xAt, n, sums, at + r * WIDE);
        }
      }
    } else {
      for (int r = 0; r < rows; r += NARROW_ROWS) {
        eightNarrowRows(w, wAt + r * stride, stride, x, xAt, n, sums, at + r * NARROW);
      }
    }
  }

  /**
   * {@code sums[r][lane] += Σ_k w[r / STRIP][k][r % STRIP] · x[k][lane]}.
   *
   * @param columns of a strip, {@code n} or more
   * @param width {@link #WIDE} or {@link #NARROW}
   */
  static void multiplyStrips(
      float[] w,
      int columns,
      int rows,
      float[] x,
      int xAt,
      int width,
      int n,
      float[] sums,
      int at) {
    if (width == WIDE) {
      for (int r = 0; r < rows; r += ROWS) {
        if (ROWS == 12) {
          TallTiles.ofStrip(w, inStrips(r, columns), 1, x, xAt, n, sums, at + r * WIDE);
        } else {
          sixOfStrip(w, inStrips(r, columns), 1, x, xAt, n, sums, at + r * WIDE);
        }
      }
    } else {
      for (int r = 0; r < rows; r += NARROW_ROWS) {
        eightNarrowOfStrip(w, inStrips(r, columns), 1, x, xAt, n, sums, at + r * NARROW);
      }
    }
  }

  /** Where a row begins in strips of so many columns. */
  static int inStrips(int row, int columns) {
    return row / STRIP * STRIP * columns + row % STRIP;
  }

  private static void sixRows(
      float[] w, int wAt, int stride, float[] x, int xAt, int n, float[] sums, int at) {
    FloatVector s00 = FloatVector.fromArray(F, sums, at);
    FloatVector s01 = FloatVector.fromArray(F, sums, at + 1 * L);
    FloatVector s10 = FloatVector.fromArray(F, sums, at + 2 * L);
    FloatVector s11 = FloatVector.fromArray(F, sums, at + 3 * L);
    FloatVector s20 = FloatVector.fromArray(F, sums, at + 4 * L);
    FloatVector s21 = FloatVector.fromArray(F, sums, at + 5 * L);
    FloatVector s30 = FloatVector.fromArray(F, sums, at + 6 * L);
    FloatVector s31 = FloatVector.fromArray(F, sums, at + 7 * L);
    FloatVector s40 = FloatVector.fromArray(F, sums, at + 8 * L);
    FloatVector s41 = FloatVector.fromArray(F, sums, at + 9 * L);
    FloatVector s50 = FloatVector.fromArray(F, sums, at + 10 * L);
    FloatVector s51 = FloatVector.fromArray(F, sums, at + 11 * L);
    int w1 = wAt + stride;
    int w2 = wAt + 2 * stride;
    int w3 = wAt + 3 * stride;
    int w4 = wAt + 4 * stride;
    int w5 = wAt + 5 * stride;
    for (int k = 0; k < n; k++) {
      FloatVector x0 = FloatVector.fromArray(F, x, xAt + k * 2 * L);
      FloatVector x1 = FloatVector.fromArray(F, x, xAt + k * 2 * L + L);
      FloatVector b = FloatVector.broadcast(F, w[wAt + k]);
      s00 = x0.fma(b, s00);
      s01 = x1.fma(b, s01);
      b = FloatVector.broadcast(F, w[w1 + k]);
      s10 = x0.fma(b, s10);
      s11 = x1.fma(b, s11);
      b = FloatVector.broadcast(F, w[w2 + k]);
      s20 = x0.fma(b, s20);
      s21 = x1.fma(b, s21);
      b = FloatVector.broadcast(F, w[w3 + k]);
      s30 = x0.fma(b, s30);
      s31 = x1.fma(b, s31);
      b = FloatVector.broadcast(F, w[w4 + k]);
      s40 = x0.fma(b, s40);
      s41 = x1.fma(b, s41);
      b = FloatVector.broadcast(F, w[w5 + k]);
      s50 = x0.fma(b, s50);
      s51 = x1.fma(b, s51);
    }
    s00.intoArray(sums, at);
    s01.intoArray(sums, at + 1 * L);
    s10.intoArray(sums, at + 2 * L);
    s11.intoArray(sums, at + 3 * L);
    s20.intoArray(sums, at + 4 * L);
    s21.intoArray(sums, at + 5 * L);
    s30.intoArray(sums, at + 6 * L);
    s31.intoArray(sums, at + 7 * L);
    s40.intoArray(sums, at + 8 * L);
    s41.intoArray(sums, at + 9 * L);
    s50.intoArray(sums, at + 10 * L);
    s51.intoArray(sums, at + 11 * L);
  }

  private static void eightNarrowRows(
      float[] w, int wAt, int stride, float[] x, int xAt, int n, float[] sums, int at) {
    FloatVector s00 = FloatVector.fromArray(F, sums, at);
    FloatVector s10 = FloatVector.fromArray(F, sums, at + 1 * L);
    FloatVector s20 = FloatVector.fromArray(F, sums, at + 2 * L);
    FloatVector s30 = FloatVector.fromArray(F, sums, at + 3 * L);
    FloatVector s40 = FloatVector.fromArray(F, sums, at + 4 * L);
    FloatVector s50 = FloatVector.fromArray(F, sums, at + 5 * L);
    FloatVector s60 = FloatVector.fromArray(F, sums, at + 6 * L);
    FloatVector s70 = FloatVector.fromArray(F, sums, at + 7 * L);
    int w1 = wAt + stride;
    int w2 = wAt + 2 * stride;
    int w3 = wAt + 3 * stride;
    int w4 = wAt + 4 * stride;
    int w5 = wAt + 5 * stride;
    int w6 = wAt + 6 * stride;
    int w7 = wAt + 7 * stride;
    for (int k = 0; k < n; k++) {
      FloatVector x0 = FloatVector.fromArray(F, x, xAt + k * L);
      FloatVector b = FloatVector.broadcast(F, w[wAt + k]);
      s00 = x0.fma(b, s00);
      b = FloatVector.broadcast(F, w[w1 + k]);
      s10 = x0.fma(b, s10);
      b = FloatVector.broadcast(F, w[w2 + k]);
      s20 = x0.fma(b, s20);
      b = FloatVector.broadcast(F, w[w3 + k]);
      s30 = x0.fma(b, s30);
      b = FloatVector.broadcast(F, w[w4 + k]);
      s40 = x0.fma(b, s40);
      b = FloatVector.broadcast(F, w[w5 + k]);
      s50 = x0.fma(b, s50);
      b = FloatVector.broadcast(F, w[w6 + k]);
      s60 = x0.fma(b, s60);
      b = FloatVector.broadcast(F, w[w7 + k]);
      s70 = x0.fma(b, s70);
    }
    s00.intoArray(sums, at);
    s10.intoArray(sums, at + 1 * L);
    s20.intoArray(sums, at + 2 * L);
    s30.intoArray(sums, at + 3 * L);
    s40.intoArray(sums, at + 4 * L);
    s50.intoArray(sums, at + 5 * L);
    s60.intoArray(sums, at + 6 * L);
    s70.intoArray(sums, at + 7 * L);
  }

  private static void sixOfStrip(
      float[] w, int wAt, int rowStep, float[] x, int xAt, int n, float[] sums, int at) {
    FloatVector s00 = FloatVector.fromArray(F, sums, at);
    FloatVector s01 = FloatVector.fromArray(F, sums, at + 1 * L);
    FloatVector s10 = FloatVector.fromArray(F, sums, at + 2 * L);
    FloatVector s11 = FloatVector.fromArray(F, sums, at + 3 * L);
    FloatVector s20 = FloatVector.fromArray(F, sums, at + 4 * L);
    FloatVector s21 = FloatVector.fromArray(F, sums, at + 5 * L);
    FloatVector s30 = FloatVector.fromArray(F, sums, at + 6 * L);
    FloatVector s31 = FloatVector.fromArray(F, sums, at + 7 * L);
    FloatVector s40 = FloatVector.fromArray(F, sums, at + 8 * L);
    FloatVector s41 = FloatVector.fromArray(F, sums, at + 9 * L);
    FloatVector s50 = FloatVector.fromArray(F, sums, at + 10 * L);
    FloatVector s51 = FloatVector.fromArray(F, sums, at + 11 * L);
    int w1 = wAt + rowStep;
    int w2 = wAt + 2 * rowStep;
    int w3 = wAt + 3 * rowStep;
    int w4 = wAt + 4 * rowStep;
    int w5 = wAt + 5 * rowStep;
    for (int k = 0; k < n; k++) {
      FloatVector x0 = FloatVector.fromArray(F, x, xAt + k * 2 * L);
      FloatVector x1 = FloatVector.fromArray(F, x, xAt + k * 2 * L + L);
      FloatVector b = FloatVector.broadcast(F, w[wAt + k * STRIP]);
      s00 = x0.fma(b, s00);
      s01 = x1.fma(b, s01);
      b = FloatVector.broadcast(F, w[w1 + k * STRIP]);
      s10 = x0.fma(b, s10);
      s11 = x1.fma(b, s11);
      b = FloatVector.broadcast(F, w[w2 + k * STRIP]);
      s20 = x0.fma(b, s20);
      s21 = x1.fma(b, s21);
      b = FloatVector.broadcast(F, w[w3 + k * STRIP]);
      s30 = x0.fma(b, s30);
      s31 = x1.fma(b, s31);
      b = FloatVector.broadcast(F, w[w4 + k * STRIP]);
      s40 = x0.fma(b, s40);
      s41 = x1.fma(b, s41);
      b = FloatVector.broadcast(F, w[w5 + k * STRIP]);
      s50 = x0.fma(b, s50);
      s51 = x1.fma(b, s51);
    }
    s00.intoArray(sums, at);
    s01.intoArray(sums, at + 1 * L);
    s10.intoArray(sums, at + 2 * L);
    s11.intoArray(sums, at + 3 * L);
    s20.intoArray(sums, at + 4 * L);
    s21.intoArray(sums, at + 5 * L);
    s30.intoArray(sums, at + 6 * L);
    s31.intoArray(sums, at + 7 * L);
    s40.intoArray(sums, at + 8 * L);
    s41.intoArray(sums, at + 9 * L);
    s50.intoArray(sums, at + 10 * L);
    s51.intoArray(sums, at + 11 * L);
  }

  private static void eightNarrowOfStrip(
      float[] w, int wAt, int rowStep, float[] x, int xAt, int n, float[] sums, int at) {
    FloatVector s00 = FloatVector.fromArray(F, sums, at);
    FloatVector s10 = FloatVector.fromArray(F, sums, at + 1 * L);
    FloatVector s20 = FloatVector.fromArray(F, sums, at + 2 * L);
    FloatVector s30 = FloatVector.fromArray(F, sums, at + 3 * L);
    FloatVector s40 = FloatVector.fromArray(F, sums, at + 4 * L);
    FloatVector s50 = FloatVector.fromArray(F, sums, at + 5 * L);
    FloatVector s60 = FloatVector.fromArray(F, sums, at + 6 * L);
    FloatVector s70 = FloatVector.fromArray(F, sums, at + 7 * L);
    int w1 = wAt + rowStep;
    int w2 = wAt + 2 * rowStep;
    int w3 = wAt + 3 * rowStep;
    int w4 = wAt + 4 * rowStep;
    int w5 = wAt + 5 * rowStep;
    int w6 = wAt + 6 * rowStep;
    int w7 = wAt + 7 * rowStep;
    for (int k = 0; k < n; k++) {
      FloatVector x0 = FloatVector.fromArray(F, x, xAt + k * L);
      FloatVector b = FloatVector.broadcast(F, w[wAt + k * STRIP]);
      s00 = x0.fma(b, s00);
      b = FloatVector.broadcast(F, w[w1 + k * STRIP]);
      s10 = x0.fma(b, s10);
      b = FloatVector.broadcast(F, w[w2 + k * STRIP]);
      s20 = x0.fma(b, s20);
      b = FloatVector.broadcast(F, w[w3 + k * STRIP]);
      s30 = x0.fma(b, s30);
      b = FloatVector.broadcast(F, w[w4 + k * STRIP]);
      s40 = x0.fma(b, s40);
      b = FloatVector.broadcast(F, w[w5 + k * STRIP]);
      s50 = x0.fma(b, s50);
      b = FloatVector.broadcast(F, w[w6 + k * STRIP]);
      s60 = x0.fma(b, s60);
      b = FloatVector.broadcast(F, w[w7 + k * STRIP]);
      s70 = x0.fma(b, s70);
    }
    s00.intoArray(sums, at);
    s10.intoArray(sums, at + 1 * L);
    s20.intoArray(sums, at + 2 * L);
    s30.intoArray(sums, at + 3 * L);
    s40.intoArray(sums, at + 4 * L);
    s50.intoArray(sums, at + 5 * L);
    s60.intoArray(sums, at + 6 * L);
    s70.intoArray(sums, at + 7 * L);
  }
}
