package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.F8;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums over a vector's lanes, added in one order: that of {@code reduceLanes} is another before the
 * JIT has compiled it, so that the same seed would give another reply now and then.
 */
final class LaneSums {
  private static final VectorShuffle<Float> ONE = turn(F, 1);
  private static final VectorShuffle<Float> TWO = turn(F, 2);
  private static final VectorShuffle<Float> FOUR = turn(F, 4);
  private static final VectorShuffle<Float> EIGHT = turn(F, 8);

  private static final VectorShuffle<Float> ONE_OF_8 = turn(F8, 1);
  private static final VectorShuffle<Float> TWO_OF_8 = turn(F8, 2);
  private static final VectorShuffle<Float> FOUR_OF_8 = turn(F8, 4);

  private static final VectorShuffle<Float> SWAP_ONES = VectorShuffle.fromOp(F, i -> i ^ 1);
  private static final VectorShuffle<Float> SWAP_TWOS = VectorShuffle.fromOp(F, i -> i ^ 2);
  private static final VectorMask<Float> ODD = VectorMask.fromLong(F, 0xAAAA);

  /** Lanes 2 and 3 of each four. */
  private static final VectorMask<Float> UPPER = VectorMask.fromLong(F, 0xCCCC);

  private LaneSums() {}

  private static VectorShuffle<Float> turn(VectorSpecies<Float> species, int lanes) {
    return VectorShuffle.iota(species, lanes, 1, true);
  }

  /** The sum of the lanes of {@link Lanes#F}. */
  static float of(FloatVector v) {
    FloatVector s = L > 8 ? v.add(v.rearrange(EIGHT)) : v;
    s = L > 4 ? s.add(s.rearrange(FOUR)) : s;
    s = s.add(s.rearrange(TWO));
    return s.add(s.rearrange(ONE)).lane(0);
  }

  /** The sum of eight lanes. */
  static float ofEight(FloatVector v) {
    FloatVector s = v.add(v.rearrange(FOUR_OF_8));
    s = s.add(s.rearrange(TWO_OF_8));
    return s.add(s.rearrange(ONE_OF_8)).lane(0);
  }

  /**
   * {@code out[at + i] = scale · Σ v_i}, the sums of four vectors' lanes. Takes half the steps of
   * one by one: lanes of two vectors are added at a time, then those of all four.
   */
  static void ofFour(
      FloatVector v0,
      FloatVector v1,
      FloatVector v2,
      FloatVector v3,
      float scale,
      float[] out,
      int at) {
    FloatVector s01 = v0.blend(v1, ODD).add(v1.blend(v0, ODD).rearrange(SWAP_ONES));
    FloatVector s23 = v2.blend(v3, ODD).add(v3.blend(v2, ODD).rearrange(SWAP_ONES));
    FloatVector s = s01.blend(s23, UPPER).add(s23.blend(s01, UPPER).rearrange(SWAP_TWOS));
    s = L > 8 ? s.add(s.rearrange(EIGHT)) : s;
    s = L > 4 ? s.add(s.rearrange(FOUR)) : s;
    FloatVector four = (FloatVector) s.reinterpretShape(FloatVector.SPECIES_128, 0);
    four.mul(scale).intoArray(out, at);
  }
}
