package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BS;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2S;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Decode on packed weights: groups of rows times one token rounded to 8 bits, each group one stream
 * of memory from its first byte to its last.
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

  private PackedDots() {}

  private static short[] all(int value) {
    short[] mask = new short[S.length()];
    Arrays.fill(mask, (short) value);
    return mask;
  }

  /** {@code out[r] = row r · a} for the rows of some groups. */
  static void multiply(
      PackedMatrix m,
      int group,
      int groups,
      Activations a,
      Scratch scratch,
      float[] out,
      int outAt) {
    Packing packing = m.packing();
    int rows = packing.groupRows();
    int blocks = m.cols() / packing.block();
    float[] factors = packing == Packing.SIXES ? a.scale16 : a.scale;
    boolean minima = PackedScales.haveMinima(m.type());
    float[] scales = scratch.scales(blocks * rows);
    float[] sums = scratch.rows(rows);
    for (int g = group; g < group + groups; g++) {
      PackedScales.scales(m, g, 0, blocks, factors, scales);
      if (minima) {
        PackedScales.takeOff(m, g, a.sum, sums, 0);
      } else {
        Arrays.fill(sums, 0, rows, 0);
      }
      long weights = m.data().address() + m.weightsOf(g);
      switch (packing) {
        case BYTES -> bytes(weights, blocks, a.pairsAddress(), scales, sums);
        case NIBBLES -> nibbles(weights, blocks, a, scales, sums);
        case FIVES -> fives(weights, blocks, a, scales, sums);
        case SIXES -> sixes(weights, blocks, a.pairsAddress(), a.halves16, scales, sums);
      }
      System.arraycopy(sums, 0, out, outAt + g * rows, Math.min(rows, m.rows() - g * rows));
    }
  }

  /** Two products of 8 by 8 bits fit 16 bits, even of the most negative weight. */
  private static void bytes(long start, int blocks, long pairs, float[] scales, float[] sums) {
    FloatVector sum0 = FloatVector.fromArray(F, sums, 0);
    FloatVector sum1 = FloatVector.fromArray(F, sums, L);
    FloatVector sum2 = FloatVector.fromArray(F, sums, 2 * L);
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * 96L * L) & Memory.MASK;
      IntVector t0 = IntVector.zero(I);
      IntVector t1 = IntVector.zero(I);
      IntVector t2 = IntVector.zero(I);
      for (int j = 0; j < 8; j++) {
        long from = block + j * 12L * L;
        long k = (pairs + (b * 16L + 2L * j) * 4) & Memory.MASK;
        ShortVector x = IntVector.broadcast(I, ALL.get(INT, k)).reinterpretAsShorts();
        ShortVector p0 = weights(from).mul(x);
        ShortVector p1 = weights(from + 2L * L).mul(x);
        ShortVector p2 = weights(from + 4L * L).mul(x);
        x = IntVector.broadcast(I, ALL.get(INT, k + 4)).reinterpretAsShorts();
        IntVector i0 = weights(from + 6L * L).mul(x).add(p0).reinterpretAsInts();
        IntVector i1 = weights(from + 8L * L).mul(x).add(p1).reinterpretAsInts();
        IntVector i2 = weights(from + 10L * L).mul(x).add(p2).reinterpretAsInts();
        t0 = t0.add(i0.lanewise(ASHR, 16)).add(i0.lanewise(LSHL, 16).lanewise(ASHR, 16));
        t1 = t1.add(i1.lanewise(ASHR, 16)).add(i1.lanewise(LSHL, 16).lanewise(ASHR, 16));
        t2 = t2.add(i2.lanewise(ASHR, 16)).add(i2.lanewise(LSHL, 16).lanewise(ASHR, 16));
      }
      int s = b * 3 * L;
      sum0 = ((FloatVector) t0.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s), sum0);
      sum1 = ((FloatVector) t1.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s + L), sum1);
      sum2 =
          ((FloatVector) t2.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s + 2 * L), sum2);
    }
    sum0.intoArray(sums, 0);
    sum1.intoArray(sums, L);
    sum2.intoArray(sums, 2 * L);
  }

  /** 32 products of 4 bits, less 8, by 8 bits fit 16 bits: a block's. */
  private static void nibbles(long start, int blocks, Activations a, float[] scales, float[] sums) {
    FloatVector sum0 = FloatVector.fromArray(F, sums, 0);
    FloatVector sum1 = FloatVector.fromArray(F, sums, L);
    FloatVector sum2 = FloatVector.fromArray(F, sums, 2 * L);
    ShortVector less8 = ShortVector.fromArray(S, LESS_8, 0);
    long fours = a.foursAddress();
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * 48L * L) & Memory.MASK;
      long x0 = (fours + b * 64L) & Memory.MASK;
      ShortVector p0 = IntVector.broadcast(I, a.halves[b]).reinterpretAsShorts().mul(less8);
      ShortVector p1 = p0;
      ShortVector p2 = p0;
      for (int w = 0; w < 4; w++) {
        long at = block + w * 4L * L;
        long k = x0 + w * 16L;
        IntVector v0 = IntVector.fromMemorySegment(I, ALL, at, LE);
        IntVector v1 = IntVector.fromMemorySegment(I, ALL, at + 16L * L, LE);
        IntVector v2 = IntVector.fromMemorySegment(I, ALL, at + 32L * L, LE);
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
      t0 = t0.add(t0.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      IntVector t1 = p1.reinterpretAsInts();
      t1 = t1.add(t1.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      IntVector t2 = p2.reinterpretAsInts();
      t2 = t2.add(t2.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      int s = b * 3 * L;
      sum0 = ((FloatVector) t0.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s), sum0);
      sum1 = ((FloatVector) t1.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s + L), sum1);
      sum2 =
          ((FloatVector) t2.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s + 2 * L), sum2);
    }
    sum0.intoArray(sums, 0);
    sum1.intoArray(sums, L);
    sum2.intoArray(sums, 2 * L);
  }

  /** Sixteen products of 5 bits, less 16, by 8 bits fit 16 bits: those of a half of a block's. */
  private static void fives(long start, int blocks, Activations a, float[] scales, float[] sums) {
    FloatVector sum0 = FloatVector.fromArray(F, sums, 0);
    FloatVector sum1 = FloatVector.fromArray(F, sums, L);
    FloatVector sum2 = FloatVector.fromArray(F, sums, 2 * L);
    ShortVector less16 = ShortVector.fromArray(S, LESS_16, 0);
    ShortVector low10 = ShortVector.fromArray(S, LOW_10, 0);
    ShortVector low5 = ShortVector.fromArray(S, LOW_5, 0);
    long fives = a.fivesAddress();
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * 66L * L) & Memory.MASK;
      long x0 = (fives + b * 64L) & Memory.MASK;
      ShortVector p = IntVector.broadcast(I, a.halves[b]).reinterpretAsShorts().mul(less16);
      ShortVector x = IntVector.broadcast(I, ALL.get(INT, x0 + 60)).reinterpretAsShorts();
      ShortVector p0 = weights(block + 60L * L).mul(x).add(p);
      ShortVector p1 = weights(block + 62L * L).mul(x).add(p);
      ShortVector p2 = weights(block + 64L * L).mul(x).add(p);
      for (int w = 0; w < 5; w++) {
        long at = block + w * 4L * L;
        long k = x0 + w * 12L;
        IntVector v0 = IntVector.fromMemorySegment(I, ALL, at, LE);
        IntVector v1 = IntVector.fromMemorySegment(I, ALL, at + 20L * L, LE);
        IntVector v2 = IntVector.fromMemorySegment(I, ALL, at + 40L * L, LE);
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
      t0 = t0.lanewise(ASHR, 16).add(t0.lanewise(LSHL, 16).lanewise(ASHR, 16));
      IntVector t1 = p1.reinterpretAsInts();
      t1 = t1.lanewise(ASHR, 16).add(t1.lanewise(LSHL, 16).lanewise(ASHR, 16));
      IntVector t2 = p2.reinterpretAsInts();
      t2 = t2.lanewise(ASHR, 16).add(t2.lanewise(LSHL, 16).lanewise(ASHR, 16));
      int s = b * 3 * L;
      sum0 = ((FloatVector) t0.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s), sum0);
      sum1 = ((FloatVector) t1.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s + L), sum1);
      sum2 =
          ((FloatVector) t2.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s + 2 * L), sum2);
    }
    sum0.intoArray(sums, 0);
    sum1.intoArray(sums, L);
    sum2.intoArray(sums, 2 * L);
  }

  /** Eight products of 6 bits, less 32, by 8 bits fit 16 bits: those of a half of a block of 16. */
  private static void sixes(
      long start, int blocks, long pairs, int[] halves, float[] scales, float[] sums) {
    FloatVector sum = FloatVector.fromArray(F, sums, 0);
    ShortVector less32 = ShortVector.fromArray(S, LESS_32, 0);
    ShortVector low4 = ShortVector.fromArray(S, LOW_4, 0);
    ShortVector low6 = ShortVector.fromArray(S, LOW_6, 0);
    ShortVector top2 = ShortVector.fromArray(S, TOP_2_OF_6, 0);
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * 12L * L) & Memory.MASK;
      IntVector v0 = IntVector.fromMemorySegment(I, ALL, block, LE);
      IntVector v1 = IntVector.fromMemorySegment(I, ALL, block + 4L * L, LE);
      IntVector v2 = IntVector.fromMemorySegment(I, ALL, block + 8L * L, LE);
      long k = (pairs + b * 32L) & Memory.MASK;
      ShortVector p = IntVector.broadcast(I, halves[b]).reinterpretAsShorts().mul(less32);
      ShortVector x = IntVector.broadcast(I, ALL.get(INT, k)).reinterpretAsShorts();
      p = v0.reinterpretAsShorts().and(low6).mul(x).add(p);
      x = IntVector.broadcast(I, ALL.get(INT, k + 4)).reinterpretAsShorts();
      p = v0.lanewise(LSHR, 6).reinterpretAsShorts().and(low6).mul(x).add(p);
      x = IntVector.broadcast(I, ALL.get(INT, k + 8)).reinterpretAsShorts();
      p = v1.reinterpretAsShorts().and(low6).mul(x).add(p);
      x = IntVector.broadcast(I, ALL.get(INT, k + 12)).reinterpretAsShorts();
      p = v1.lanewise(LSHR, 6).reinterpretAsShorts().and(low6).mul(x).add(p);
      x = IntVector.broadcast(I, ALL.get(INT, k + 16)).reinterpretAsShorts();
      ShortVector q = v2.reinterpretAsShorts().and(low6).mul(x);
      x = IntVector.broadcast(I, ALL.get(INT, k + 20)).reinterpretAsShorts();
      q = v2.lanewise(LSHR, 6).reinterpretAsShorts().and(low6).mul(x).add(q);
      x = IntVector.broadcast(I, ALL.get(INT, k + 24)).reinterpretAsShorts();
      ShortVector low = v0.lanewise(LSHR, 12).reinterpretAsShorts().and(low4);
      ShortVector top = v2.lanewise(LSHR, 8).reinterpretAsShorts().and(top2);
      q = low.or(top).mul(x).add(q);
      x = IntVector.broadcast(I, ALL.get(INT, k + 28)).reinterpretAsShorts();
      low = v1.lanewise(LSHR, 12).reinterpretAsShorts().and(low4);
      top = v2.lanewise(LSHR, 10).reinterpretAsShorts().and(top2);
      p = low.or(top).mul(x).add(p).add(q);
      IntVector t = p.reinterpretAsInts();
      t = t.lanewise(ASHR, 16).add(t.lanewise(LSHL, 16).lanewise(ASHR, 16));
      sum = ((FloatVector) t.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, b * L), sum);
    }
    sum.intoArray(sums, 0);
  }

  private static ShortVector weights(long at) {
    return (ShortVector) ByteVector.fromMemorySegment(BS, ALL, at, LE).convertShape(B2S, S, 0);
  }
}
