package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BS;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2S;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * What {@link PackedDots} does for one token, for four: replies that are written side by side, or a
 * draft that is checked. Weights come from memory once, and are taken out of their words and their
 * scales made floats once for all four. Each token's result is that of {@link PackedDots}, to the
 * bit.
 *
 * <p>One vector of rows at a time, so that four sums stay in registers. The four tokens'
 * activations lie next to each other ({@link FourTokens}): few enough bytes for the first-level
 * cache, from which a load broadcasts them.
 */
final class PackedFours {
  private PackedFours() {}

  /** {@code out[t · m.rows() + r] = row r · token t} for the rows of some groups. */
  static void multiply(
      PackedMatrix m,
      int group,
      int groups,
      FourTokens tokens,
      Scratch scratch,
      float[] out,
      int outAt) {
    int atOnce = m.packing().groupsAtOnce();
    for (int g = group; g < group + groups; g += atOnce) {
      multiplyAtOnce(m, g, Math.min(atOnce, group + groups - g), tokens, scratch, out, outAt);
    }
  }

  private static void multiplyAtOnce(
      PackedMatrix m,
      int group,
      int groups,
      FourTokens tokens,
      Scratch scratch,
      float[] out,
      int outAt) {
    Packing packing = m.packing();
    int blocks = m.cols() / packing.block();
    long productBytes = 16L * packing.groupRows() * blocks;
    long products = scratch.products(groups * productBytes).address();
    long x = tokens.pairs(packing);
    long start = m.data().address() + m.weightsOf(group);
    long step = m.groupBytes();
    switch (packing) {
      case BYTES -> bytes(start, step, groups, blocks, x, products);
      case NIBBLES -> nibbles(start, step, groups, blocks, x, tokens.starts(packing), products);
      case FIVES -> fives(start, step, groups, blocks, x, tokens.starts(packing), products);
      case SIXES -> sixes(start, step, groups, blocks, x, tokens.starts(packing), products);
    }
    for (int g = 0; g < groups; g++) {
      addUp(m, group + g, tokens, products + g * productBytes, scratch, out, outAt);
    }
  }

  /** Adds up the products of a group. */
  private static void addUp(
      PackedMatrix m,
      int group,
      FourTokens tokens,
      long products,
      Scratch scratch,
      float[] out,
      int outAt) {
    Packing packing = m.packing();
    int rows = packing.groupRows();
    int blocks = m.cols() / packing.block();
    float[] scales = scratch.scales(blocks * rows);
    PackedScales.scales(m, group, 0, blocks, scratch.ones(blocks), scales, 0);
    MemorySegment sums = scratch.sumsOfFour();
    sums.fill((byte) 0);
    float[] taken = scratch.rows(rows);
    boolean minima = PackedScales.haveMinima(m.type());
    for (int t = 0; minima && t < FourTokens.COUNT; t++) {
      PackedScales.takeOff(m, group, tokens.get(t).sum, taken, 0);
      MemorySegment.copy(taken, 0, sums, JAVA_FLOAT, 12L * L * t, rows);
    }
    long factors = tokens.factors(packing);
    switch (packing) {
      case BYTES -> addUp(blocks, 3, products, factors, scales, sums.address());
      case NIBBLES -> addUpWhole(blocks, 3, products, factors, scales, sums.address());
      case FIVES -> addUpHalves(blocks, 3, products, factors, scales, sums.address());
      case SIXES -> addUpHalves(blocks, 1, products, factors, scales, sums.address());
    }
    int n = Math.min(rows, m.rows() - group * rows);
    for (int t = 0; t < FourTokens.COUNT; t++) {
      int to = outAt + t * m.rows() + group * rows;
      MemorySegment.copy(sums, JAVA_FLOAT, 12L * L * t, out, to, n);
    }
  }

  private static void bytes(long start, long step, int groups, int blocks, long x, long products) {
    long vector = blocks * 32L * L;
    for (int b = 0; b < blocks; b++) {
      for (int g = 0; g < groups; g++) {
        for (int r = 0; r < 3; r++) {
          long from = (start + g * step + r * vector + b * 32L * L) & Memory.MASK;
          long to = (products + ((g * blocks + b) * 3L + r) * 16 * L) & Memory.MASK;
          IntVector t0 = IntVector.zero(I);
          IntVector t1 = IntVector.zero(I);
          IntVector t2 = IntVector.zero(I);
          IntVector t3 = IntVector.zero(I);
          for (int j = 0; j < 8; j++) {
            long x0 = (x + (b * 16L + 2L * j) * 16) & Memory.MASK;
            ShortVector v = weights(from + j * 4L * L);
            ShortVector w = weights(from + j * 4L * L + 2L * L);
            IntVector i0 =
                v.mul(IntVector.broadcast(I, ALL.get(INT, x0)).reinterpretAsShorts())
                    .add(
                        w.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 16L)).reinterpretAsShorts()))
                    .reinterpretAsInts();
            t0 = t0.add(i0.lanewise(ASHR, 16)).add(i0.lanewise(LSHL, 16).lanewise(ASHR, 16));
            IntVector i1 =
                v.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 4L)).reinterpretAsShorts())
                    .add(
                        w.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 20L)).reinterpretAsShorts()))
                    .reinterpretAsInts();
            t1 = t1.add(i1.lanewise(ASHR, 16)).add(i1.lanewise(LSHL, 16).lanewise(ASHR, 16));
            IntVector i2 =
                v.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 8L)).reinterpretAsShorts())
                    .add(
                        w.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 24L)).reinterpretAsShorts()))
                    .reinterpretAsInts();
            t2 = t2.add(i2.lanewise(ASHR, 16)).add(i2.lanewise(LSHL, 16).lanewise(ASHR, 16));
            IntVector i3 =
                v.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 12L)).reinterpretAsShorts())
                    .add(
                        w.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 28L)).reinterpretAsShorts()))
                    .reinterpretAsInts();
            t3 = t3.add(i3.lanewise(ASHR, 16)).add(i3.lanewise(LSHL, 16).lanewise(ASHR, 16));
          }
          t0.intoMemorySegment(ALL, to, LE);
          t1.intoMemorySegment(ALL, to + 4L * L, LE);
          t2.intoMemorySegment(ALL, to + 8L * L, LE);
          t3.intoMemorySegment(ALL, to + 12L * L, LE);
        }
      }
    }
  }

  private static void nibbles(
      long start, long step, int groups, int blocks, long x, long starts, long products) {
    long vector = blocks * 16L * L;
    for (int b = 0; b < blocks; b++) {
      for (int g = 0; g < groups; g++) {
        for (int r = 0; r < 3; r++) {
          long from = (start + g * step + r * vector + b * 16L * L) & Memory.MASK;
          long to = (products + ((g * blocks + b) * 3L + r) * 16 * L) & Memory.MASK;
          long h = (starts + b * 16L) & Memory.MASK;
          ShortVector p0 = IntVector.broadcast(I, ALL.get(INT, h)).reinterpretAsShorts();
          ShortVector p1 = IntVector.broadcast(I, ALL.get(INT, h + 4L)).reinterpretAsShorts();
          ShortVector p2 = IntVector.broadcast(I, ALL.get(INT, h + 8L)).reinterpretAsShorts();
          ShortVector p3 = IntVector.broadcast(I, ALL.get(INT, h + 12L)).reinterpretAsShorts();
          for (int w = 0; w < 4; w++) {
            IntVector v = IntVector.fromMemorySegment(I, ALL, from + w * 4L * L, LE);
            long x0 = (x + (b * 16L + w * 4L) * 16) & Memory.MASK;
            ShortVector s = v.reinterpretAsShorts();
            p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0)).reinterpretAsShorts()).add(p0);
            p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 4L)).reinterpretAsShorts()).add(p1);
            p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 8L)).reinterpretAsShorts()).add(p2);
            p3 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 12L)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 4).reinterpretAsShorts();
            p0 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 16L)).reinterpretAsShorts()).add(p0);
            p1 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 20L)).reinterpretAsShorts()).add(p1);
            p2 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 24L)).reinterpretAsShorts()).add(p2);
            p3 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 28L)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 8).reinterpretAsShorts();
            p0 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 32L)).reinterpretAsShorts()).add(p0);
            p1 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 36L)).reinterpretAsShorts()).add(p1);
            p2 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 40L)).reinterpretAsShorts()).add(p2);
            p3 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 44L)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 12).reinterpretAsShorts();
            p0 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 48L)).reinterpretAsShorts()).add(p0);
            p1 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 52L)).reinterpretAsShorts()).add(p1);
            p2 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 56L)).reinterpretAsShorts()).add(p2);
            p3 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 60L)).reinterpretAsShorts()).add(p3);
          }
          p0.intoMemorySegment(ALL, to, LE);
          p1.intoMemorySegment(ALL, to + 4L * L, LE);
          p2.intoMemorySegment(ALL, to + 8L * L, LE);
          p3.intoMemorySegment(ALL, to + 12L * L, LE);
        }
      }
    }
  }

  private static void fives(
      long start, long step, int groups, int blocks, long x, long starts, long products) {
    long vector = blocks * 22L * L;
    ShortVector low10 = ShortVector.fromArray(S, PackedDots.LOW_10, 0);
    ShortVector low5 = ShortVector.fromArray(S, PackedDots.LOW_5, 0);
    for (int b = 0; b < blocks; b++) {
      for (int g = 0; g < groups; g++) {
        for (int r = 0; r < 3; r++) {
          long from = (start + g * step + r * vector + b * 20L * L) & Memory.MASK;
          long bytes = start + g * step + r * vector + blocks * 20L * L + b * 2L * L;
          long to = (products + ((g * blocks + b) * 3L + r) * 16 * L) & Memory.MASK;
          long h = (starts + b * 16L) & Memory.MASK;
          ShortVector p0 = IntVector.broadcast(I, ALL.get(INT, h)).reinterpretAsShorts();
          ShortVector p1 = IntVector.broadcast(I, ALL.get(INT, h + 4L)).reinterpretAsShorts();
          ShortVector p2 = IntVector.broadcast(I, ALL.get(INT, h + 8L)).reinterpretAsShorts();
          ShortVector p3 = IntVector.broadcast(I, ALL.get(INT, h + 12L)).reinterpretAsShorts();
          long last = (x + (b * 16L + 15) * 16) & Memory.MASK;
          ShortVector s = weights(bytes & Memory.MASK);
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, last)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, last + 4L)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, last + 8L)).reinterpretAsShorts()).add(p2);
          p3 =
              s.mul(IntVector.broadcast(I, ALL.get(INT, last + 12L)).reinterpretAsShorts()).add(p3);
          for (int w = 0; w < 5; w++) {
            IntVector v = IntVector.fromMemorySegment(I, ALL, from + w * 4L * L, LE);
            long x0 = (x + (b * 16L + w * 3L) * 16) & Memory.MASK;
            s = v.reinterpretAsShorts();
            p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0)).reinterpretAsShorts()).add(p0);
            p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 4L)).reinterpretAsShorts()).add(p1);
            p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 8L)).reinterpretAsShorts()).add(p2);
            p3 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 12L)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 5).reinterpretAsShorts().and(low10);
            p0 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 16L)).reinterpretAsShorts()).add(p0);
            p1 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 20L)).reinterpretAsShorts()).add(p1);
            p2 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 24L)).reinterpretAsShorts()).add(p2);
            p3 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 28L)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 10).reinterpretAsShorts().and(low5);
            p0 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 32L)).reinterpretAsShorts()).add(p0);
            p1 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 36L)).reinterpretAsShorts()).add(p1);
            p2 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 40L)).reinterpretAsShorts()).add(p2);
            p3 =
                s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 44L)).reinterpretAsShorts()).add(p3);
          }
          p0.intoMemorySegment(ALL, to, LE);
          p1.intoMemorySegment(ALL, to + 4L * L, LE);
          p2.intoMemorySegment(ALL, to + 8L * L, LE);
          p3.intoMemorySegment(ALL, to + 12L * L, LE);
        }
      }
    }
  }

  private static void sixes(
      long start, long step, int groups, int blocks, long x, long starts, long products) {
    ShortVector low4 = ShortVector.fromArray(S, PackedDots.LOW_4, 0);
    ShortVector low6 = ShortVector.fromArray(S, PackedDots.LOW_6, 0);
    ShortVector top2 = ShortVector.fromArray(S, PackedDots.TOP_2_OF_6, 0);
    for (int b = 0; b < blocks; b++) {
      for (int g = 0; g < groups; g++) {
        long from = (start + g * step + b * 12L * L) & Memory.MASK;
        long to = (products + (g * blocks + b) * 16L * L) & Memory.MASK;
        long h = (starts + b * 16L) & Memory.MASK;
        ShortVector p0 = IntVector.broadcast(I, ALL.get(INT, h)).reinterpretAsShorts();
        ShortVector p1 = IntVector.broadcast(I, ALL.get(INT, h + 4L)).reinterpretAsShorts();
        ShortVector p2 = IntVector.broadcast(I, ALL.get(INT, h + 8L)).reinterpretAsShorts();
        ShortVector p3 = IntVector.broadcast(I, ALL.get(INT, h + 12L)).reinterpretAsShorts();
        IntVector high = IntVector.fromMemorySegment(I, ALL, from + 8L * L, LE);
        for (int w = 0; w < 2; w++) {
          IntVector v = IntVector.fromMemorySegment(I, ALL, from + w * 4L * L, LE);
          long x0 = (x + (b * 8L + 2L * w) * 16) & Memory.MASK;
          long x4 = (x + (b * 8L + 4 + w) * 16) & Memory.MASK;
          ShortVector s = v.reinterpretAsShorts().and(low6);
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 4L)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 8L)).reinterpretAsShorts()).add(p2);
          p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 12L)).reinterpretAsShorts()).add(p3);
          s = v.lanewise(LSHR, 6).reinterpretAsShorts().and(low6);
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 16L)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 20L)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 24L)).reinterpretAsShorts()).add(p2);
          p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, x0 + 28L)).reinterpretAsShorts()).add(p3);
          s = high.lanewise(LSHR, 6 * w).reinterpretAsShorts().and(low6);
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, x4)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, x4 + 4L)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, x4 + 8L)).reinterpretAsShorts()).add(p2);
          p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, x4 + 12L)).reinterpretAsShorts()).add(p3);
          ShortVector top = high.lanewise(LSHR, 8 + 2 * w).reinterpretAsShorts().and(top2);
          s = v.lanewise(LSHR, 12).reinterpretAsShorts().and(low4).or(top);
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, x4 + 32L)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, x4 + 36L)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, x4 + 40L)).reinterpretAsShorts()).add(p2);
          p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, x4 + 44L)).reinterpretAsShorts()).add(p3);
        }
        p0.intoMemorySegment(ALL, to, LE);
        p1.intoMemorySegment(ALL, to + 4L * L, LE);
        p2.intoMemorySegment(ALL, to + 8L * L, LE);
        p3.intoMemorySegment(ALL, to + 12L * L, LE);
      }
    }
  }

  private static ShortVector weights(long at) {
    return (ShortVector) ByteVector.fromMemorySegment(BS, ALL, at, LE).convertShape(B2S, S, 0);
  }

  /** {@code sums[t, row] += Σ products[block, row, t] · scales[block, row] · factors[block, t]}. */
  private static void addUp(
      int blocks, int vectors, long products, long factors, float[] scales, long sums) {
    for (int r = 0; r < vectors; r++) {
      long to = (sums + r * 4L * L) & Memory.MASK;
      FloatVector sum0 = FloatVector.fromMemorySegment(F, ALL, to, LE);
      FloatVector sum1 = FloatVector.fromMemorySegment(F, ALL, to + 12L * L, LE);
      FloatVector sum2 = FloatVector.fromMemorySegment(F, ALL, to + 24L * L, LE);
      FloatVector sum3 = FloatVector.fromMemorySegment(F, ALL, to + 36L * L, LE);
      for (int b = 0; b < blocks; b++) {
        int i = b * vectors + r;
        long at = (products + i * 16L * L) & Memory.MASK;
        long f = (factors + b * 16L) & Memory.MASK;
        FloatVector scale = FloatVector.fromArray(F, scales, i * L);
        IntVector t0 = IntVector.fromMemorySegment(I, ALL, at, LE);
        sum0 = ((FloatVector) t0.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f)), sum0);
        IntVector t1 = IntVector.fromMemorySegment(I, ALL, at + 4L * L, LE);
        sum1 = ((FloatVector) t1.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f + 4)), sum1);
        IntVector t2 = IntVector.fromMemorySegment(I, ALL, at + 8L * L, LE);
        sum2 = ((FloatVector) t2.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f + 8)), sum2);
        IntVector t3 = IntVector.fromMemorySegment(I, ALL, at + 12L * L, LE);
        sum3 = ((FloatVector) t3.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f + 12)), sum3);
      }
      sum0.intoMemorySegment(ALL, to, LE);
      sum1.intoMemorySegment(ALL, to + 12L * L, LE);
      sum2.intoMemorySegment(ALL, to + 24L * L, LE);
      sum3.intoMemorySegment(ALL, to + 36L * L, LE);
    }
  }

  /** The same where two halves of 16 bits are to be added first. */
  private static void addUpHalves(
      int blocks, int vectors, long products, long factors, float[] scales, long sums) {
    for (int r = 0; r < vectors; r++) {
      long to = (sums + r * 4L * L) & Memory.MASK;
      FloatVector sum0 = FloatVector.fromMemorySegment(F, ALL, to, LE);
      FloatVector sum1 = FloatVector.fromMemorySegment(F, ALL, to + 12L * L, LE);
      FloatVector sum2 = FloatVector.fromMemorySegment(F, ALL, to + 24L * L, LE);
      FloatVector sum3 = FloatVector.fromMemorySegment(F, ALL, to + 36L * L, LE);
      for (int b = 0; b < blocks; b++) {
        int i = b * vectors + r;
        long at = (products + i * 16L * L) & Memory.MASK;
        long f = (factors + b * 16L) & Memory.MASK;
        FloatVector scale = FloatVector.fromArray(F, scales, i * L);
        IntVector t0 = IntVector.fromMemorySegment(I, ALL, at, LE);
        t0 = t0.lanewise(ASHR, 16).add(t0.lanewise(LSHL, 16).lanewise(ASHR, 16));
        sum0 = ((FloatVector) t0.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f)), sum0);
        IntVector t1 = IntVector.fromMemorySegment(I, ALL, at + 4L * L, LE);
        t1 = t1.lanewise(ASHR, 16).add(t1.lanewise(LSHL, 16).lanewise(ASHR, 16));
        sum1 = ((FloatVector) t1.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f + 4)), sum1);
        IntVector t2 = IntVector.fromMemorySegment(I, ALL, at + 8L * L, LE);
        t2 = t2.lanewise(ASHR, 16).add(t2.lanewise(LSHL, 16).lanewise(ASHR, 16));
        sum2 = ((FloatVector) t2.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f + 8)), sum2);
        IntVector t3 = IntVector.fromMemorySegment(I, ALL, at + 12L * L, LE);
        t3 = t3.lanewise(ASHR, 16).add(t3.lanewise(LSHL, 16).lanewise(ASHR, 16));
        sum3 = ((FloatVector) t3.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f + 12)), sum3);
      }
      sum0.intoMemorySegment(ALL, to, LE);
      sum1.intoMemorySegment(ALL, to + 12L * L, LE);
      sum2.intoMemorySegment(ALL, to + 24L * L, LE);
      sum3.intoMemorySegment(ALL, to + 36L * L, LE);
    }
  }

  /** The same where the sum of two halves fits 16 bits, and one may have taken from the other. */
  private static void addUpWhole(
      int blocks, int vectors, long products, long factors, float[] scales, long sums) {
    for (int r = 0; r < vectors; r++) {
      long to = (sums + r * 4L * L) & Memory.MASK;
      FloatVector sum0 = FloatVector.fromMemorySegment(F, ALL, to, LE);
      FloatVector sum1 = FloatVector.fromMemorySegment(F, ALL, to + 12L * L, LE);
      FloatVector sum2 = FloatVector.fromMemorySegment(F, ALL, to + 24L * L, LE);
      FloatVector sum3 = FloatVector.fromMemorySegment(F, ALL, to + 36L * L, LE);
      for (int b = 0; b < blocks; b++) {
        int i = b * vectors + r;
        long at = (products + i * 16L * L) & Memory.MASK;
        long f = (factors + b * 16L) & Memory.MASK;
        FloatVector scale = FloatVector.fromArray(F, scales, i * L);
        IntVector t0 = IntVector.fromMemorySegment(I, ALL, at, LE);
        t0 = t0.add(t0.lanewise(LSHL, 16)).lanewise(ASHR, 16);
        sum0 = ((FloatVector) t0.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f)), sum0);
        IntVector t1 = IntVector.fromMemorySegment(I, ALL, at + 4L * L, LE);
        t1 = t1.add(t1.lanewise(LSHL, 16)).lanewise(ASHR, 16);
        sum1 = ((FloatVector) t1.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f + 4)), sum1);
        IntVector t2 = IntVector.fromMemorySegment(I, ALL, at + 8L * L, LE);
        t2 = t2.add(t2.lanewise(LSHL, 16)).lanewise(ASHR, 16);
        sum2 = ((FloatVector) t2.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f + 8)), sum2);
        IntVector t3 = IntVector.fromMemorySegment(I, ALL, at + 12L * L, LE);
        t3 = t3.add(t3.lanewise(LSHL, 16)).lanewise(ASHR, 16);
        sum3 = ((FloatVector) t3.convert(I2F, 0)).fma(scale.mul(ALL.get(FLOAT, f + 12)), sum3);
      }
      sum0.intoMemorySegment(ALL, to, LE);
      sum1.intoMemorySegment(ALL, to + 12L * L, LE);
      sum2.intoMemorySegment(ALL, to + 24L * L, LE);
      sum3.intoMemorySegment(ALL, to + 36L * L, LE);
    }
  }
}
