package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * One token's products with keys and values in half precision, for two query heads of a group at a
 * time: a half becomes a float in a register, and never in memory. An odd group has one head more
 * here, of zeros.
 *
 * <p>Halves are read as {@link RowDots} reads them: their bits, moved, are 2^-112 of a float. Half
 * of the factor comes with the other operand, so that products are no subnormal numbers.
 *
 * <p>Written out, and sums over lanes apart from products: with less of either C2 stops inlining,
 * and every vector is an object.
 */
final class HalfAttention {
  /** Positions that are read for all heads, from the first-level cache. */
  private static final int STEP = 16;

  /** Floats of memory for lanes that are still to be summed up. */
  static final int LANES = 2 * STEP * L;

  /** Of the 2^112 that are missing. */
  private static final float ROOT = 0x1p56f;

  private static final int SIGN_AND_REST = 0x8FFFE000;

  private HalfAttention() {}

  /** Whether keys and values of a layer are what is read here. */
  static boolean takes(KvLayer kv) {
    return kv.type() == KvType.F16 && kv.headDim() % (4 * L) == 0;
  }

  /** How many heads stand for a group of so many. */
  static int heads(int group) {
    return group + group % 2;
  }

  /** Writes what {@link #scores} takes for queries: {@code n} of {@code q}, and zeros up to all. */
  static void prepare(float[] q, int at, int n, int all, float[] queries) {
    for (int i = 0; i < n; i++) {
      queries[i] = q[at + i] * ROOT;
    }
    Arrays.fill(queries, n, all, 0);
  }

  /**
   * {@code scores[h][p] = scale · query h · key from + p}.
   *
   * @param queries [heads, headDim], as {@link #prepare} writes them
   * @param lanes {@link #LANES} floats to work with
   * @param scores [heads, to − from]
   */
  static void scores(
      KvHead keys,
      int from,
      int to,
      int heads,
      float[] queries,
      float scale,
      float[] lanes,
      float[] scores) {
    int headDim = keys.headDim();
    int n;
    for (int p = from; p < to; p += n) {
      int row = p % KvHead.PAGE;
      n = Math.min(Math.min(STEP, to - p), KvHead.PAGE - row);
      short[] page = keys.halves(p);
      for (int h = 0; h < heads; h += 2) {
        int q = h * headDim;
        multiply(page, row * headDim, n, headDim, queries, q, q + headDim, lanes);
        int at = h * (to - from) + p - from;
        sum(lanes, 0, n, scale * ROOT, scores, at);
        sum(lanes, STEP * L, n, scale * ROOT, scores, at + to - from);
      }
    }
  }

  /**
   * {@code sums[h] += Σ weights[h][p] · value from + p}.
   *
   * @param weights [heads, to − from]
   * @param sums [heads, headDim]
   */
  static void add(KvHead values, int from, int to, int heads, float[] weights, float[] sums) {
    int headDim = values.headDim();
    int n;
    for (int p = from; p < to; p += n) {
      int row = p % KvHead.PAGE;
      n = Math.min(Math.min(STEP, to - p), KvHead.PAGE - row);
      short[] page = values.halves(p);
      for (int h = 0; h < heads; h += 2) {
        int w = h * (to - from) + p - from;
        int at = h * headDim;
        addTwo(page, row * headDim, n, headDim, weights, w, w + to - from, sums, at, at + headDim);
      }
    }
  }

  /** Leaves the sums over lanes to {@link #sum}: [2, STEP, L]. */
  private static void multiply(
      short[] keys, int from, int n, int headDim, float[] q, int q0, int q1, float[] lanes) {
    int p = 0;
    for (; p + 4 <= n; p += 4) {
      int k = from + p * headDim;
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      FloatVector s2 = FloatVector.zero(F);
      FloatVector s3 = FloatVector.zero(F);
      FloatVector t0 = FloatVector.zero(F);
      FloatVector t1 = FloatVector.zero(F);
      FloatVector t2 = FloatVector.zero(F);
      FloatVector t3 = FloatVector.zero(F);
      for (int i = 0; i < headDim; i += L) {
        FloatVector x = FloatVector.fromArray(F, q, q0 + i);
        FloatVector y = FloatVector.fromArray(F, q, q1 + i);
        FloatVector k0 =
            ((IntVector) ShortVector.fromArray(SF, keys, k + i).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(SIGN_AND_REST)
                .reinterpretAsFloats();
        s0 = k0.fma(x, s0);
        t0 = k0.fma(y, t0);
        FloatVector k1 =
            ((IntVector) ShortVector.fromArray(SF, keys, k + headDim + i).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(SIGN_AND_REST)
                .reinterpretAsFloats();
        s1 = k1.fma(x, s1);
        t1 = k1.fma(y, t1);
        FloatVector k2 =
            ((IntVector)
                    ShortVector.fromArray(SF, keys, k + 2 * headDim + i).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(SIGN_AND_REST)
                .reinterpretAsFloats();
        s2 = k2.fma(x, s2);
        t2 = k2.fma(y, t2);
        FloatVector k3 =
            ((IntVector)
                    ShortVector.fromArray(SF, keys, k + 3 * headDim + i).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(SIGN_AND_REST)
                .reinterpretAsFloats();
        s3 = k3.fma(x, s3);
        t3 = k3.fma(y, t3);
      }
      s0.intoArray(lanes, p * L);
      s1.intoArray(lanes, (p + 1) * L);
      s2.intoArray(lanes, (p + 2) * L);
      s3.intoArray(lanes, (p + 3) * L);
      t0.intoArray(lanes, (STEP + p) * L);
      t1.intoArray(lanes, (STEP + p + 1) * L);
      t2.intoArray(lanes, (STEP + p + 2) * L);
      t3.intoArray(lanes, (STEP + p + 3) * L);
    }
    for (; p < n; p++) {
      FloatVector s = FloatVector.zero(F);
      FloatVector t = FloatVector.zero(F);
      for (int i = 0; i < headDim; i += L) {
        FloatVector key =
            ((IntVector)
                    ShortVector.fromArray(SF, keys, from + p * headDim + i).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(SIGN_AND_REST)
                .reinterpretAsFloats();
        s = key.fma(FloatVector.fromArray(F, q, q0 + i), s);
        t = key.fma(FloatVector.fromArray(F, q, q1 + i), t);
      }
      s.intoArray(lanes, p * L);
      t.intoArray(lanes, (STEP + p) * L);
    }
  }

  private static void sum(float[] lanes, int from, int n, float factor, float[] scores, int at) {
    int p = 0;
    for (; p + 4 <= n; p += 4) {
      int v = from + p * L;
      LaneSums.ofFour(
          FloatVector.fromArray(F, lanes, v),
          FloatVector.fromArray(F, lanes, v + L),
          FloatVector.fromArray(F, lanes, v + 2 * L),
          FloatVector.fromArray(F, lanes, v + 3 * L),
          factor,
          scores,
          at + p);
    }
    for (; p < n; p++) {
      scores[at + p] = LaneSums.of(FloatVector.fromArray(F, lanes, from + p * L)) * factor;
    }
  }

  private static void addTwo(
      short[] values,
      int from,
      int n,
      int headDim,
      float[] weights,
      int w0,
      int w1,
      float[] sums,
      int at0,
      int at1) {
    for (int i = 0; i < headDim; i += 4 * L) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      FloatVector s2 = FloatVector.zero(F);
      FloatVector s3 = FloatVector.zero(F);
      FloatVector t0 = FloatVector.zero(F);
      FloatVector t1 = FloatVector.zero(F);
      FloatVector t2 = FloatVector.zero(F);
      FloatVector t3 = FloatVector.zero(F);
      for (int p = 0; p < n; p++) {
        int v = from + p * headDim + i;
        FloatVector x = FloatVector.broadcast(F, weights[w0 + p] * ROOT);
        FloatVector y = FloatVector.broadcast(F, weights[w1 + p] * ROOT);
        FloatVector value =
            ((IntVector) ShortVector.fromArray(SF, values, v).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(SIGN_AND_REST)
                .reinterpretAsFloats();
        s0 = value.fma(x, s0);
        t0 = value.fma(y, t0);
        value =
            ((IntVector) ShortVector.fromArray(SF, values, v + L).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(SIGN_AND_REST)
                .reinterpretAsFloats();
        s1 = value.fma(x, s1);
        t1 = value.fma(y, t1);
        value =
            ((IntVector) ShortVector.fromArray(SF, values, v + 2 * L).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(SIGN_AND_REST)
                .reinterpretAsFloats();
        s2 = value.fma(x, s2);
        t2 = value.fma(y, t2);
        value =
            ((IntVector) ShortVector.fromArray(SF, values, v + 3 * L).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(SIGN_AND_REST)
                .reinterpretAsFloats();
        s3 = value.fma(x, s3);
        t3 = value.fma(y, t3);
      }
      s0.mul(ROOT).add(FloatVector.fromArray(F, sums, at0 + i)).intoArray(sums, at0 + i);
      s1.mul(ROOT).add(FloatVector.fromArray(F, sums, at0 + i + L)).intoArray(sums, at0 + i + L);
      s2.mul(ROOT)
          .add(FloatVector.fromArray(F, sums, at0 + i + 2 * L))
          .intoArray(sums, at0 + i + 2 * L);
      s3.mul(ROOT)
          .add(FloatVector.fromArray(F, sums, at0 + i + 3 * L))
          .intoArray(sums, at0 + i + 3 * L);
      t0.mul(ROOT).add(FloatVector.fromArray(F, sums, at1 + i)).intoArray(sums, at1 + i);
      t1.mul(ROOT).add(FloatVector.fromArray(F, sums, at1 + i + L)).intoArray(sums, at1 + i + L);
      t2.mul(ROOT)
          .add(FloatVector.fromArray(F, sums, at1 + i + 2 * L))
          .intoArray(sums, at1 + i + 2 * L);
      t3.mul(ROOT)
          .add(FloatVector.fromArray(F, sums, at1 + i + 3 * L))
          .intoArray(sums, at1 + i + 3 * L);
    }
  }
}
