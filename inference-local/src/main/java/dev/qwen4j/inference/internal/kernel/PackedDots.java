package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BS;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2S;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Decode on packed weights: groups of rows times one token rounded to 8 bits. A group is one stream
 * of memory ({@link Packing}); processors that want several read several groups side by side.
 *
 * <p>Products are summed in 16 bits as long as they fit, which is longer if what is summed is the
 * weight less the center of its range: sums start from {@code −center · Σx}, and types which have
 * no center get that back with what their minima take off ({@link PackedScales#takeOff}). Words of
 * 4 bits are not masked, and words of 5 bits less often: see {@link Activations}.
 *
 * <p>What shapes the code is C2 (JDK 25; docs/log.md has the figures). It keeps vectors in
 * registers only where it inlines every operation, and stops inlining in methods of some hundred of
 * them; hence one small loop nest a packing, and the scales apart. It unrolls small loop bodies
 * until the registers spill; hence bodies of 40 operations and more. It loads constant vectors anew
 * at each use; hence masks that come from arrays.
 */
final class PackedDots {
  /** Masks for all shorts of a vector. */
  static final short[] LOW_10 = all(0x3FF);

  static final short[] LOW_4 = all(0x0F);
  static final short[] LOW_5 = all(0x1F);
  static final short[] LOW_6 = all(0x3F);
  static final short[] TOP_2_OF_6 = all(0x30);

  /** What sums start from, times the sum of the activations: the center of the weights' range. */
  static final short[] LESS_8 = all(-8);

  static final short[] LESS_16 = all(-16);
  static final short[] LESS_32 = all(-32);

  /** The sign of the lower half of an int, and what eight of them add up to, to take it off. */
  private static final int[] LOW_SIGN = allInts(0x8000);

  private static final int[] LESS_8_LOW_SIGNS = allInts(-8 * 0x8000);

  private PackedDots() {}

  private static int[] allInts(int value) {
    int[] ints = new int[L];
    Arrays.fill(ints, value);
    return ints;
  }

  private static short[] all(int value) {
    short[] mask = new short[S.length()];
    Arrays.fill(mask, (short) value);
    return mask;
  }

  /** {@code out[r] = row r · a} for the rows of some neighbouring groups. */
  static void multiply(
      PackedMatrix m,
      int group,
      int groups,
      Activations a,
      Scratch scratch,
      float[] out,
      int outAt) {
    int rows = m.packing().groupRows();
    float[] sums = scratch.sums(groups * rows);
    Arrays.fill(sums, 0, groups * rows, 0);
    switch (m.type()) {
      case Q8_0 -> bytes(m, group, groups, a, sums);
      case Q4_0 -> nibbles(m, group, groups, a, sums);
      case Q5_0 -> fives(m, group, groups, a, sums);
      case Q4_1 -> {
        nibbles(m, group, groups, a, sums);
        takeOff(m, group, groups, a, sums);
      }
      case Q5_1 -> {
        fives(m, group, groups, a, sums);
        takeOff(m, group, groups, a, sums);
      }
      default -> SuperBlockDots.multiply(m, group, groups, a, scratch, sums);
    }
    int first = group * rows;
    System.arraycopy(sums, 0, out, outAt + first, Math.min(groups * rows, m.rows() - first));
  }

  /** Of all columns, which have just been read. */
  private static void takeOff(PackedMatrix m, int group, int groups, Activations a, float[] sums) {
    for (int g = 0; g < groups; g++) {
      PackedScales.takeOff(m, group + g, 0, m.cols() / 32, a.sum, sums, g * 3 * L);
    }
  }

  /**
   * Two products of 8 by 8 bits fit 16 bits, even of the most negative weight. Widened sums are
   * kept in two parts: with the low half's sign flipped it is no negative number, so that what the
   * upper halves leave of the words' sum is the sum of the lower ones and 2^15 for each.
   */
  private static void bytes(PackedMatrix m, int group, int groups, Activations a, float[] sums) {
    int blocks = m.cols() / 32;
    long start = m.weightsOf(group, 0);
    long step = m.groupBytes();
    long blockStep = m.blockStep();
    long pairs = a.pairsAddress();
    IntVector flip = IntVector.fromArray(I, LOW_SIGN, 0);
    IntVector flipped = IntVector.fromArray(I, LESS_8_LOW_SIGNS, 0);
    for (int b = 0; b < blocks; b++) {
      FloatVector factor = FloatVector.broadcast(F, a.scale[b]);
      for (int g = 0; g < groups; g++) {
        long from = (start + g * step + b * blockStep) & Memory.MASK;
        IntVector high0 = IntVector.zero(I);
        IntVector high1 = IntVector.zero(I);
        IntVector high2 = IntVector.zero(I);
        IntVector all0 = flipped;
        IntVector all1 = flipped;
        IntVector all2 = flipped;
        for (int j = 0; j < 8; j++) {
          long at = from + j * 12L * L;
          long k = (pairs + (b * 16L + 2L * j) * 4) & Memory.MASK;
          ShortVector x = IntVector.broadcast(I, ALL.get(INT, k)).reinterpretAsShorts();
          ShortVector p0 = weights(at).mul(x);
          ShortVector p1 = weights(at + 2L * L).mul(x);
          ShortVector p2 = weights(at + 4L * L).mul(x);
          x = IntVector.broadcast(I, ALL.get(INT, k + 4)).reinterpretAsShorts();
          p0 = weights(at + 6L * L).mul(x).add(p0);
          p1 = weights(at + 8L * L).mul(x).add(p1);
          p2 = weights(at + 10L * L).mul(x).add(p2);
          IntVector i0 = p0.reinterpretAsInts().lanewise(XOR, flip);
          IntVector i1 = p1.reinterpretAsInts().lanewise(XOR, flip);
          IntVector i2 = p2.reinterpretAsInts().lanewise(XOR, flip);
          high0 = high0.add(i0.lanewise(ASHR, 16));
          high1 = high1.add(i1.lanewise(ASHR, 16));
          high2 = high2.add(i2.lanewise(ASHR, 16));
          all0 = all0.add(i0);
          all1 = all1.add(i1);
          all2 = all2.add(i2);
        }
        IntVector t0 = all0.sub(high0.lanewise(LSHL, 16)).add(high0);
        IntVector t1 = all1.sub(high1.lanewise(LSHL, 16)).add(high1);
        IntVector t2 = all2.sub(high2.lanewise(LSHL, 16)).add(high2);
        long h = from + 96L * L;
        int r = g * 3 * L;
        FloatVector scale0 =
            ((IntVector) ShortVector.fromMemorySegment(SF, ALL, h, LE).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(0x8FFFE000)
                .reinterpretAsFloats()
                .mul(0x1p112f)
                .mul(factor);
        scale0
            .fma((FloatVector) t0.convert(I2F, 0), FloatVector.fromArray(F, sums, r))
            .intoArray(sums, r);
        FloatVector scale1 =
            ((IntVector)
                    ShortVector.fromMemorySegment(SF, ALL, h + 2L * L, LE).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(0x8FFFE000)
                .reinterpretAsFloats()
                .mul(0x1p112f)
                .mul(factor);
        scale1
            .fma((FloatVector) t1.convert(I2F, 0), FloatVector.fromArray(F, sums, r + L))
            .intoArray(sums, r + L);
        FloatVector scale2 =
            ((IntVector)
                    ShortVector.fromMemorySegment(SF, ALL, h + 4L * L, LE).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(0x8FFFE000)
                .reinterpretAsFloats()
                .mul(0x1p112f)
                .mul(factor);
        scale2
            .fma((FloatVector) t2.convert(I2F, 0), FloatVector.fromArray(F, sums, r + 2 * L))
            .intoArray(sums, r + 2 * L);
      }
    }
  }

  /** 32 products of 4 bits, less 8, by 8 bits fit 16 bits: a block's. */
  private static void nibbles(PackedMatrix m, int group, int groups, Activations a, float[] sums) {
    int blocks = m.cols() / 32;
    long start = m.weightsOf(group, 0);
    long step = m.groupBytes();
    long blockStep = m.blockStep();
    ShortVector less8 = ShortVector.fromArray(S, LESS_8, 0);
    long fours = a.foursAddress();
    for (int b = 0; b < blocks; b++) {
      long x0 = (fours + b * 64L) & Memory.MASK;
      ShortVector less = IntVector.broadcast(I, a.halves[b]).reinterpretAsShorts().mul(less8);
      FloatVector factor = FloatVector.broadcast(F, a.scale[b]);
      for (int g = 0; g < groups; g++) {
        long from = (start + g * step + b * blockStep) & Memory.MASK;
        ShortVector p0 = less;
        ShortVector p1 = less;
        ShortVector p2 = less;
        for (int w = 0; w < 4; w++) {
          long at = from + w * 12L * L;
          long k = x0 + w * 16L;
          IntVector v0 = IntVector.fromMemorySegment(I, ALL, at, LE);
          IntVector v1 = IntVector.fromMemorySegment(I, ALL, at + 4L * L, LE);
          IntVector v2 = IntVector.fromMemorySegment(I, ALL, at + 8L * L, LE);
          ShortVector x = IntVector.broadcast(I, ALL.get(INT, k)).reinterpretAsShorts();
          p0 = v0.reinterpretAsShorts().mul(x).add(p0);
          p1 = v1.reinterpretAsShorts().mul(x).add(p1);
          p2 = v2.reinterpretAsShorts().mul(x).add(p2);
          x = IntVector.broadcast(I, ALL.get(INT, k + 4)).reinterpretAsShorts();
          p0 = v0.lanewise(LSHR, 4).reinterpretAsShorts().mul(x).add(p0);
          p1 = v1.lanewise(LSHR, 4).reinterpretAsShorts().mul(x).add(p1);
          p2 = v2.lanewise(LSHR, 4).reinterpretAsShorts().mul(x).add(p2);
          x = IntVector.broadcast(I, ALL.get(INT, k + 8)).reinterpretAsShorts();
          p0 = v0.lanewise(LSHR, 8).reinterpretAsShorts().mul(x).add(p0);
          p1 = v1.lanewise(LSHR, 8).reinterpretAsShorts().mul(x).add(p1);
          p2 = v2.lanewise(LSHR, 8).reinterpretAsShorts().mul(x).add(p2);
          x = IntVector.broadcast(I, ALL.get(INT, k + 12)).reinterpretAsShorts();
          p0 = v0.lanewise(LSHR, 12).reinterpretAsShorts().mul(x).add(p0);
          p1 = v1.lanewise(LSHR, 12).reinterpretAsShorts().mul(x).add(p1);
          p2 = v2.lanewise(LSHR, 12).reinterpretAsShorts().mul(x).add(p2);
        }
        IntVector t0 = p0.reinterpretAsInts();
        IntVector t1 = p1.reinterpretAsInts();
        IntVector t2 = p2.reinterpretAsInts();
        t0 = t0.add(t0.lanewise(LSHL, 16)).lanewise(ASHR, 16);
        t1 = t1.add(t1.lanewise(LSHL, 16)).lanewise(ASHR, 16);
        t2 = t2.add(t2.lanewise(LSHL, 16)).lanewise(ASHR, 16);
        long h = from + 48L * L;
        int r = g * 3 * L;
        FloatVector scale0 =
            ((IntVector) ShortVector.fromMemorySegment(SF, ALL, h, LE).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(0x8FFFE000)
                .reinterpretAsFloats()
                .mul(0x1p112f)
                .mul(factor);
        scale0
            .fma((FloatVector) t0.convert(I2F, 0), FloatVector.fromArray(F, sums, r))
            .intoArray(sums, r);
        FloatVector scale1 =
            ((IntVector)
                    ShortVector.fromMemorySegment(SF, ALL, h + 2L * L, LE).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(0x8FFFE000)
                .reinterpretAsFloats()
                .mul(0x1p112f)
                .mul(factor);
        scale1
            .fma((FloatVector) t1.convert(I2F, 0), FloatVector.fromArray(F, sums, r + L))
            .intoArray(sums, r + L);
        FloatVector scale2 =
            ((IntVector)
                    ShortVector.fromMemorySegment(SF, ALL, h + 4L * L, LE).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(0x8FFFE000)
                .reinterpretAsFloats()
                .mul(0x1p112f)
                .mul(factor);
        scale2
            .fma((FloatVector) t2.convert(I2F, 0), FloatVector.fromArray(F, sums, r + 2 * L))
            .intoArray(sums, r + 2 * L);
      }
    }
  }

  /** Sixteen products of 5 bits, less 16, by 8 bits fit 16 bits: those of a half of a block's. */
  private static void fives(PackedMatrix m, int group, int groups, Activations a, float[] sums) {
    int blocks = m.cols() / 32;
    long start = m.weightsOf(group, 0);
    long step = m.groupBytes();
    long blockStep = m.blockStep();
    ShortVector less16 = ShortVector.fromArray(S, LESS_16, 0);
    ShortVector low10 = ShortVector.fromArray(S, LOW_10, 0);
    ShortVector low5 = ShortVector.fromArray(S, LOW_5, 0);
    long fives = a.fivesAddress();
    for (int b = 0; b < blocks; b++) {
      long x0 = (fives + b * 64L) & Memory.MASK;
      ShortVector less = IntVector.broadcast(I, a.halves[b]).reinterpretAsShorts().mul(less16);
      FloatVector factor = FloatVector.broadcast(F, a.scale[b]);
      for (int g = 0; g < groups; g++) {
        long from = (start + g * step + b * blockStep) & Memory.MASK;
        ShortVector x = IntVector.broadcast(I, ALL.get(INT, x0 + 60)).reinterpretAsShorts();
        ShortVector p0 = weights(from).mul(x).add(less);
        ShortVector p1 = weights(from + 2L * L).mul(x).add(less);
        ShortVector p2 = weights(from + 4L * L).mul(x).add(less);
        for (int w = 0; w < 5; w++) {
          long at = from + 6L * L + w * 12L * L;
          long k = x0 + w * 12L;
          IntVector v0 = IntVector.fromMemorySegment(I, ALL, at, LE);
          IntVector v1 = IntVector.fromMemorySegment(I, ALL, at + 4L * L, LE);
          IntVector v2 = IntVector.fromMemorySegment(I, ALL, at + 8L * L, LE);
          x = IntVector.broadcast(I, ALL.get(INT, k)).reinterpretAsShorts();
          p0 = v0.reinterpretAsShorts().mul(x).add(p0);
          p1 = v1.reinterpretAsShorts().mul(x).add(p1);
          p2 = v2.reinterpretAsShorts().mul(x).add(p2);
          x = IntVector.broadcast(I, ALL.get(INT, k + 4)).reinterpretAsShorts();
          p0 = v0.lanewise(LSHR, 5).reinterpretAsShorts().and(low10).mul(x).add(p0);
          p1 = v1.lanewise(LSHR, 5).reinterpretAsShorts().and(low10).mul(x).add(p1);
          p2 = v2.lanewise(LSHR, 5).reinterpretAsShorts().and(low10).mul(x).add(p2);
          x = IntVector.broadcast(I, ALL.get(INT, k + 8)).reinterpretAsShorts();
          p0 = v0.lanewise(LSHR, 10).reinterpretAsShorts().and(low5).mul(x).add(p0);
          p1 = v1.lanewise(LSHR, 10).reinterpretAsShorts().and(low5).mul(x).add(p1);
          p2 = v2.lanewise(LSHR, 10).reinterpretAsShorts().and(low5).mul(x).add(p2);
        }
        IntVector t0 = p0.reinterpretAsInts();
        IntVector t1 = p1.reinterpretAsInts();
        IntVector t2 = p2.reinterpretAsInts();
        t0 = t0.lanewise(ASHR, 16).add(t0.lanewise(LSHL, 16).lanewise(ASHR, 16));
        t1 = t1.lanewise(ASHR, 16).add(t1.lanewise(LSHL, 16).lanewise(ASHR, 16));
        t2 = t2.lanewise(ASHR, 16).add(t2.lanewise(LSHL, 16).lanewise(ASHR, 16));
        long h = from + 66L * L;
        int r = g * 3 * L;
        FloatVector scale0 =
            ((IntVector) ShortVector.fromMemorySegment(SF, ALL, h, LE).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(0x8FFFE000)
                .reinterpretAsFloats()
                .mul(0x1p112f)
                .mul(factor);
        scale0
            .fma((FloatVector) t0.convert(I2F, 0), FloatVector.fromArray(F, sums, r))
            .intoArray(sums, r);
        FloatVector scale1 =
            ((IntVector)
                    ShortVector.fromMemorySegment(SF, ALL, h + 2L * L, LE).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(0x8FFFE000)
                .reinterpretAsFloats()
                .mul(0x1p112f)
                .mul(factor);
        scale1
            .fma((FloatVector) t1.convert(I2F, 0), FloatVector.fromArray(F, sums, r + L))
            .intoArray(sums, r + L);
        FloatVector scale2 =
            ((IntVector)
                    ShortVector.fromMemorySegment(SF, ALL, h + 4L * L, LE).convertShape(S2I, I, 0))
                .lanewise(LSHL, 13)
                .and(0x8FFFE000)
                .reinterpretAsFloats()
                .mul(0x1p112f)
                .mul(factor);
        scale2
            .fma((FloatVector) t2.convert(I2F, 0), FloatVector.fromArray(F, sums, r + 2 * L))
            .intoArray(sums, r + 2 * L);
      }
    }
  }

  private static ShortVector weights(long at) {
    return (ShortVector) ByteVector.fromMemorySegment(BS, ALL, at, LE).convertShape(B2S, S, 0);
  }
}
