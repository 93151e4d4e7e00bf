package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;

import jdk.incubator.vector.FloatVector;

/** Operations on single elements and rows, by vector. */
final class Elementwise {
  private static final float LOG2_E = 1.442695f;
  // ln 2 in two parts, so that n · ln 2 is taken off without losing digits.
  private static final float LN2_HIGH = 0.6933594f;
  private static final float LN2_LOW = -2.1219444e-4f;

  /** 1.5 · 2^23: adding it rounds to an integer, which is then in the low bits. */
  private static final float ROUND = 12582912f;

  private Elementwise() {}

  /**
   * e^x to about one unit in the last place: x = n ln 2 + r, then a polynomial of degree 6 in r
   * (the coefficients of Cephes' expf), then n into the exponent. Below -87 the smallest normal
   * float, above 88 the largest power.
   */
  static FloatVector exp(FloatVector x) {
    // Comparisons take two instructions each; max and min, which mind the sign of zero, six.
    FloatVector clamped = x.blend(-87f, x.compare(LT, -87f));
    clamped = clamped.blend(88f, clamped.compare(GT, 88f));
    FloatVector shifted =
        clamped.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUND));
    FloatVector n = shifted.sub(ROUND);
    FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), clamped);
    r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
    FloatVector p = FloatVector.broadcast(F, 1.9875691e-4f);
    p = p.fma(r, FloatVector.broadcast(F, 1.3981999e-3f));
    p = p.fma(r, FloatVector.broadcast(F, 8.333452e-3f));
    p = p.fma(r, FloatVector.broadcast(F, 4.1665796e-2f));
    p = p.fma(r, FloatVector.broadcast(F, 0.16666666f));
    p = p.fma(r, FloatVector.broadcast(F, 0.5f));
    p = p.fma(r.mul(r), r).add(1f);
    return p.reinterpretAsInts()
        .add(shifted.reinterpretAsInts().lanewise(LSHL, 23))
        .reinterpretAsFloats();
  }

  /** {@code x · sigmoid(x)}. */
  private static FloatVector silu(FloatVector x) {
    return x.div(exp(x.neg()).add(1f));
  }

  static void swiGlu(float[] gate, float[] up, int from, int to) {
    int i = from;
    for (; i + L <= to; i += L) {
      FloatVector g = FloatVector.fromArray(F, gate, i);
      silu(g).mul(FloatVector.fromArray(F, up, i)).intoArray(gate, i);
    }
    for (; i < to; i++) {
      gate[i] = gate[i] / (1 + (float) Math.exp(-gate[i])) * up[i];
    }
  }

  /**
   * {@code out = silu(gate) · up} over {@code n} floats of native memory, a multiple of a vector's.
   */
  static void swiGlu(long gate, long up, long out, int n) {
    for (int i = 0; i < n; i += L) {
      long at = 4L * i;
      FloatVector g = FloatVector.fromMemorySegment(F, ALL, (gate + at) & Memory.MASK, LE);
      FloatVector u = FloatVector.fromMemorySegment(F, ALL, (up + at) & Memory.MASK, LE);
      silu(g).mul(u).intoMemorySegment(ALL, (out + at) & Memory.MASK, LE);
    }
  }

  static void sigmoidGate(float[] x, float[] gate, int from, int to) {
    int i = from;
    for (; i + L <= to; i += L) {
      FloatVector sigmoidInverse = exp(FloatVector.fromArray(F, gate, i).neg()).add(1f);
      FloatVector.fromArray(F, x, i).div(sigmoidInverse).intoArray(x, i);
    }
    for (; i < to; i++) {
      x[i] /= 1 + (float) Math.exp(-gate[i]);
    }
  }

  /** {@code sums[at + c] += weight[wAt + c] · x[xAt + c]} over {@code n} channels. */
  static void addProducts(
      float[] weight, int wAt, float[] x, int xAt, float[] sums, int at, int n) {
    for (int c = 0; c < n; c++) {
      sums[at + c] += weight[wAt + c] * x[xAt + c];
    }
  }

  static void silu(float[] x, int from, int to) {
    int i = from;
    for (; i + L <= to; i += L) {
      silu(FloatVector.fromArray(F, x, i)).intoArray(x, i);
    }
    for (; i < to; i++) {
      x[i] /= 1 + (float) Math.exp(-x[i]);
    }
  }

  /** {@code x[xAt + i] += y[yAt + i]} for {@code n} elements; two arrays. */
  static void add(float[] x, int xAt, float[] y, int yAt, int n) {
    int i = 0;
    for (; i + L <= n; i += L) {
      FloatVector.fromArray(F, x, xAt + i)
          .add(FloatVector.fromArray(F, y, yAt + i))
          .intoArray(x, xAt + i);
    }
    for (; i < n; i++) {
      x[xAt + i] += y[yAt + i];
    }
  }

  /** {@code sums += x} over {@code n} floats of native memory, a multiple of a vector's. */
  static void add(long x, long sums, int n) {
    for (int i = 0; i < n; i += L) {
      long from = (x + 4L * i) & Memory.MASK;
      long to = (sums + 4L * i) & Memory.MASK;
      FloatVector.fromMemorySegment(F, ALL, to, LE)
          .add(FloatVector.fromMemorySegment(F, ALL, from, LE))
          .intoMemorySegment(ALL, to, LE);
    }
  }

  /** {@code sums[at + i] += weight · x[xAt + i]} for {@code n} elements; two arrays. */
  static void addScaled(float weight, float[] x, int xAt, float[] sums, int at, int n) {
    int i = 0;
    for (; i + L <= n; i += L) {
      FloatVector.fromArray(F, x, xAt + i)
          .fma(FloatVector.broadcast(F, weight), FloatVector.fromArray(F, sums, at + i))
          .intoArray(sums, at + i);
    }
    for (; i < n; i++) {
      sums[at + i] += weight * x[xAt + i];
    }
  }

  /** Turns the head that begins at {@code at}, in place, by a token's angles. */
  static void rotate(float[] x, int at, Turns turns, int token) {
    int half = turns.half();
    int angle = token * half;
    int i = 0;
    for (; i + L <= half; i += L) {
      FloatVector c = FloatVector.fromArray(F, turns.cos(), angle + i);
      FloatVector s = FloatVector.fromArray(F, turns.sin(), angle + i);
      FloatVector a = FloatVector.fromArray(F, x, at + i);
      FloatVector b = FloatVector.fromArray(F, x, at + half + i);
      a.mul(c).sub(b.mul(s)).intoArray(x, at + i);
      b.mul(c).add(a.mul(s)).intoArray(x, at + half + i);
    }
    for (; i < half; i++) {
      float c = turns.cos()[angle + i];
      float s = turns.sin()[angle + i];
      float a = x[at + i];
      float b = x[at + half + i];
      x[at + i] = a * c - b * s;
      x[at + half + i] = b * c + a * s;
    }
  }

  static void rmsNorm(float[] x, int at, int width, float[] weight, float eps, float[] out) {
    float inverse = (float) (1 / Math.sqrt(RowDots.dot(x, at, x, at, width) / width + eps));
    int i = 0;
    for (; i + L <= width; i += L) {
      FloatVector.fromArray(F, x, at + i)
          .mul(inverse)
          .mul(FloatVector.fromArray(F, weight, i))
          .intoArray(out, at + i);
    }
    for (; i < width; i++) {
      out[at + i] = x[at + i] * inverse * weight[i];
    }
  }

  /** The largest of {@code n} numbers, of which there must be one. */
  static float max(float[] x, int at, int n) {
    FloatVector maxima = FloatVector.broadcast(F, x[at]);
    int i = at;
    for (; i + L <= at + n; i += L) {
      maxima = maxima.max(FloatVector.fromArray(F, x, i));
    }
    float max = maxima.reduceLanes(MAX);
    for (; i < at + n; i++) {
      max = Math.max(max, x[i]);
    }
    return max;
  }

  /** The sum of {@code e^(x - max)} over {@code n} scores, which it replaces by these powers. */
  static float expAndSum(float[] scores, int at, int n, float max) {
    FloatVector sums = FloatVector.zero(F);
    int i = at;
    for (; i + L <= at + n; i += L) {
      FloatVector e = exp(FloatVector.fromArray(F, scores, i).sub(max));
      e.intoArray(scores, i);
      sums = sums.add(e);
    }
    float sum = LaneSums.of(sums);
    for (; i < at + n; i++) {
      scores[i] = (float) Math.exp(scores[i] - max);
      sum += scores[i];
    }
    return sum;
  }
}
