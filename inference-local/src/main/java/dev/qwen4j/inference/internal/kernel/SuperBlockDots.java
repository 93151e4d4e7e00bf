package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BS;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static dev.qwen4j.inference.internal.kernel.PackedDots.LESS_16;
import static dev.qwen4j.inference.internal.kernel.PackedDots.LESS_32;
import static dev.qwen4j.inference.internal.kernel.PackedDots.LESS_8;
import static dev.qwen4j.inference.internal.kernel.PackedDots.LOW_10;
import static dev.qwen4j.inference.internal.kernel.PackedDots.LOW_4;
import static dev.qwen4j.inference.internal.kernel.PackedDots.LOW_5;
import static dev.qwen4j.inference.internal.kernel.PackedDots.LOW_6;
import static dev.qwen4j.inference.internal.kernel.PackedDots.TOP_2_OF_6;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2S;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * {@link PackedDots} of the K types, whose scales are bytes times a number for 256 weights: more
 * work than fits the kernels, so that they are written down as floats first. The launcher names
 * this class, to have it compiled with a profile.
 */
final class SuperBlockDots {
  private SuperBlockDots() {}

  /** {@code sums[r] += row r · a} for the rows of some groups, from 0 on. */
  static void multiply(
      PackedMatrix m, int group, int groups, Activations a, Scratch scratch, float[] sums) {
    float[] factors = m.packing() == Packing.SIXES ? a.scale16 : a.scale;
    int unit = 256 / m.packing().block();
    int n = unit * m.packing().groupRows();
    float[] scales = scratch.scales(groups * n);
    for (int b = 0; b < m.cols() / m.packing().block(); b += unit) {
      for (int g = 0; g < groups; g++) {
        PackedScales.scales(m, group + g, b, unit, factors, scales, g * n);
        if (PackedScales.haveMinima(m.type())) {
          PackedScales.takeOff(m, group + g, b, unit, a.sum, sums, g * m.packing().groupRows());
        }
      }
      long start = m.weightsOf(group, b);
      switch (m.packing()) {
        case NIBBLES -> nibbles(start, m.groupBytes(), groups, a, b, scales, sums);
        case FIVES -> fives(start, m.groupBytes(), groups, a, b, scales, sums);
        case SIXES -> sixes(start, m.groupBytes(), groups, a, b, scales, sums);
        default -> throw new IllegalArgumentException(m.type() + " has no blocks of 256");
      }
    }
  }

  /** 32 products of 4 bits, less 8, by 8 bits fit 16 bits: a block's. */
  private static void nibbles(
      long start, long step, int groups, Activations a, int first, float[] scales, float[] sums) {
    ShortVector less8 = ShortVector.fromArray(S, LESS_8, 0);
    long fours = a.foursAddress() + first * 64L;
    for (int b = 0; b < 8; b++) {
      long x0 = (fours + b * 64L) & Memory.MASK;
      ShortVector less =
          IntVector.broadcast(I, a.halves[first + b]).reinterpretAsShorts().mul(less8);
      for (int g = 0; g < groups; g++) {
        long from = (start + g * step + b * 48L * L) & Memory.MASK;
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
        int s = (g * 8 + b) * 3 * L;
        int r = g * 3 * L;
        FloatVector.fromArray(F, scales, s)
            .fma((FloatVector) t0.convert(I2F, 0), FloatVector.fromArray(F, sums, r))
            .intoArray(sums, r);
        FloatVector.fromArray(F, scales, s + L)
            .fma((FloatVector) t1.convert(I2F, 0), FloatVector.fromArray(F, sums, r + L))
            .intoArray(sums, r + L);
        FloatVector.fromArray(F, scales, s + 2 * L)
            .fma((FloatVector) t2.convert(I2F, 0), FloatVector.fromArray(F, sums, r + 2 * L))
            .intoArray(sums, r + 2 * L);
      }
    }
  }

  /** Sixteen products of 5 bits, less 16, by 8 bits fit 16 bits: those of a half of a block's. */
  private static void fives(
      long start, long step, int groups, Activations a, int first, float[] scales, float[] sums) {
    ShortVector less16 = ShortVector.fromArray(S, LESS_16, 0);
    ShortVector low10 = ShortVector.fromArray(S, LOW_10, 0);
    ShortVector low5 = ShortVector.fromArray(S, LOW_5, 0);
    long fives = a.fivesAddress() + first * 64L;
    for (int b = 0; b < 8; b++) {
      long x0 = (fives + b * 64L) & Memory.MASK;
      ShortVector less =
          IntVector.broadcast(I, a.halves[first + b]).reinterpretAsShorts().mul(less16);
      for (int g = 0; g < groups; g++) {
        long from = (start + g * step + b * 66L * L) & Memory.MASK;
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
        int s = (g * 8 + b) * 3 * L;
        int r = g * 3 * L;
        FloatVector.fromArray(F, scales, s)
            .fma((FloatVector) t0.convert(I2F, 0), FloatVector.fromArray(F, sums, r))
            .intoArray(sums, r);
        FloatVector.fromArray(F, scales, s + L)
            .fma((FloatVector) t1.convert(I2F, 0), FloatVector.fromArray(F, sums, r + L))
            .intoArray(sums, r + L);
        FloatVector.fromArray(F, scales, s + 2 * L)
            .fma((FloatVector) t2.convert(I2F, 0), FloatVector.fromArray(F, sums, r + 2 * L))
            .intoArray(sums, r + 2 * L);
      }
    }
  }

  /** Eight products of 6 bits, less 32, by 8 bits fit 16 bits: those of a half of a block of 16. */
  private static void sixes(
      long start, long step, int groups, Activations a, int first, float[] scales, float[] sums) {
    ShortVector less32 = ShortVector.fromArray(S, LESS_32, 0);
    ShortVector low4 = ShortVector.fromArray(S, LOW_4, 0);
    ShortVector low6 = ShortVector.fromArray(S, LOW_6, 0);
    ShortVector top2 = ShortVector.fromArray(S, TOP_2_OF_6, 0);
    long pairs = a.pairsAddress() + first * 32L;
    for (int b = 0; b < 16; b++) {
      long k = (pairs + b * 32L) & Memory.MASK;
      ShortVector less =
          IntVector.broadcast(I, a.halves16[first + b]).reinterpretAsShorts().mul(less32);
      for (int g = 0; g < groups; g++) {
        long block = (start + g * step + b * 12L * L) & Memory.MASK;
        IntVector v0 = IntVector.fromMemorySegment(I, ALL, block, LE);
        IntVector v1 = IntVector.fromMemorySegment(I, ALL, block + 4L * L, LE);
        IntVector v2 = IntVector.fromMemorySegment(I, ALL, block + 8L * L, LE);
        ShortVector x = IntVector.broadcast(I, ALL.get(INT, k)).reinterpretAsShorts();
        ShortVector p = v0.reinterpretAsShorts().and(low6).mul(x).add(less);
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
        FloatVector.fromArray(F, scales, (g * 16 + b) * L)
            .fma((FloatVector) t.convert(I2F, 0), FloatVector.fromArray(F, sums, g * L))
            .intoArray(sums, g * L);
      }
    }
  }

  private static ShortVector weights(long at) {
    return (ShortVector) ByteVector.fromMemorySegment(BS, ALL, at, LE).convertShape(B2S, S, 0);
  }
}
