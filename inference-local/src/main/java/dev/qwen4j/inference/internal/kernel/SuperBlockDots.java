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
 * work than fits the kernels, so that they are written down as floats first.
 */
final class SuperBlockDots {
  private SuperBlockDots() {}

  /** {@code sums[r] += row r · a} for the rows of some groups, from 0 on. */
  static void multiply(
      PackedMatrix m, int group, int groups, Activations a, Scratch scratch, float[] sums) {
    float[] factors = m.packing() == Packing.SIXES ? a.scale16 : a.scale;
    int blocks = m.cols() / m.packing().block();
    int n = blocks * m.packing().groupRows();
    float[] scales = scratch.scales(groups * n);
    for (int g = 0; g < groups; g++) {
      PackedScales.scales(m, group + g, 0, blocks, factors, scales, g * n);
    }
    switch (m.packing()) {
      case NIBBLES -> nibbles(m, group, groups, a, scales, sums);
      case FIVES -> fives(m, group, groups, a, scales, sums);
      case SIXES -> sixes(m, group, groups, a, scales, sums);
      default -> throw new IllegalArgumentException(m.type() + " has no blocks of 256");
    }
  }

  /** 32 products of 4 bits, less 8, by 8 bits fit 16 bits: a block's. */
  private static void nibbles(
      PackedMatrix m, int group, int groups, Activations a, float[] scales, float[] sums) {
    int blocks = m.cols() / 32;
    long start = m.weightsOf(group);
    long step = m.groupBytes();
    ShortVector less8 = ShortVector.fromArray(S, LESS_8, 0);
    long vector = blocks * 16L * L;
    long fours = a.foursAddress();
    for (int b = 0; b < blocks; b++) {
      long x0 = (fours + b * 64L) & Memory.MASK;
      ShortVector less = IntVector.broadcast(I, a.halves[b]).reinterpretAsShorts().mul(less8);
      for (int g = 0; g < groups; g++) {
        long from0 = (start + g * step + b * 16L * L) & Memory.MASK;
        long from1 = (from0 + vector) & Memory.MASK;
        long from2 = (from1 + vector) & Memory.MASK;
        ShortVector p0 = less;
        ShortVector p1 = less;
        ShortVector p2 = less;
        for (int w = 0; w < 4; w++) {
          long at = w * 4L * L;
          long k = x0 + w * 16L;
          IntVector v0 = IntVector.fromMemorySegment(I, ALL, from0 + at, LE);
          IntVector v1 = IntVector.fromMemorySegment(I, ALL, from1 + at, LE);
          IntVector v2 = IntVector.fromMemorySegment(I, ALL, from2 + at, LE);
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
        int s = (g * blocks + b) * 3 * L;
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
      PackedMatrix m, int group, int groups, Activations a, float[] scales, float[] sums) {
    int blocks = m.cols() / 32;
    long start = m.weightsOf(group);
    long step = m.groupBytes();
    ShortVector less16 = ShortVector.fromArray(S, LESS_16, 0);
    ShortVector low10 = ShortVector.fromArray(S, LOW_10, 0);
    ShortVector low5 = ShortVector.fromArray(S, LOW_5, 0);
    long vector = blocks * 22L * L;
    long fives = a.fivesAddress();
    for (int b = 0; b < blocks; b++) {
      long x0 = (fives + b * 64L) & Memory.MASK;
      ShortVector less = IntVector.broadcast(I, a.halves[b]).reinterpretAsShorts().mul(less16);
      for (int g = 0; g < groups; g++) {
        long from0 = (start + g * step + b * 20L * L) & Memory.MASK;
        long from1 = (from0 + vector) & Memory.MASK;
        long from2 = (from1 + vector) & Memory.MASK;
        long last = (start + g * step + blocks * 20L * L + b * 2L * L) & Memory.MASK;
        ShortVector x = IntVector.broadcast(I, ALL.get(INT, x0 + 60)).reinterpretAsShorts();
        ShortVector p0 = weights(last).mul(x).add(less);
        ShortVector p1 = weights((last + vector) & Memory.MASK).mul(x).add(less);
        ShortVector p2 = weights((last + 2 * vector) & Memory.MASK).mul(x).add(less);
        for (int w = 0; w < 5; w++) {
          long at = w * 4L * L;
          long k = x0 + w * 12L;
          IntVector v0 = IntVector.fromMemorySegment(I, ALL, from0 + at, LE);
          IntVector v1 = IntVector.fromMemorySegment(I, ALL, from1 + at, LE);
          IntVector v2 = IntVector.fromMemorySegment(I, ALL, from2 + at, LE);
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
        int s = (g * blocks + b) * 3 * L;
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
      PackedMatrix m, int group, int groups, Activations a, float[] scales, float[] sums) {
    int blocks = m.cols() / 16;
    long start = m.weightsOf(group);
    long step = m.groupBytes();
    ShortVector less32 = ShortVector.fromArray(S, LESS_32, 0);
    ShortVector low4 = ShortVector.fromArray(S, LOW_4, 0);
    ShortVector low6 = ShortVector.fromArray(S, LOW_6, 0);
    ShortVector top2 = ShortVector.fromArray(S, TOP_2_OF_6, 0);
    long pairs = a.pairsAddress();
    for (int b = 0; b < blocks; b++) {
      long k = (pairs + b * 32L) & Memory.MASK;
      ShortVector less = IntVector.broadcast(I, a.halves16[b]).reinterpretAsShorts().mul(less32);
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
        FloatVector.fromArray(F, scales, (g * blocks + b) * L)
            .fma((FloatVector) t.convert(I2F, 0), FloatVector.fromArray(F, sums, g * L))
            .intoArray(sums, g * L);
      }
    }
  }

  private static ShortVector weights(long at) {
    return (ShortVector) ByteVector.fromMemorySegment(BS, ALL, at, LE).convertShape(B2S, S, 0);
  }
}
