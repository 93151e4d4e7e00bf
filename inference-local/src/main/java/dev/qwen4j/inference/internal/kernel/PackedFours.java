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
 * What {@link PackedDots} does for one token, for four: replies that are written side by side, or a
 * draft that is checked. Weights come from memory once, and are taken out of their words and their
 * scales made floats once for all four. Each token's result is that of {@link PackedDots}, to the
 * bit.
 *
 * <p>One vector of rows at a time, so that four sums stay in registers. All is written out for the
 * reason that {@link PackedDots} gives: with a helper for each broadcast C2 stops inlining.
 */
final class PackedFours {
  /** Tokens. */
  static final int COUNT = 4;

  /** Columns whose scales are made floats at once, as the K types have them. */
  private static final int UNIT = 256;

  /** The same of the other types. */
  private static final int COLUMNS = 2048;

  private PackedFours() {}

  /**
   * {@code out[t · m.rows() + r] = row r · token first + t} for the rows of some groups, which are
   * read side by side.
   *
   * @param tokens rounded for the packing
   */
  static void multiply(
      PackedMatrix m,
      int group,
      int groups,
      Activations[] tokens,
      int first,
      Scratch scratch,
      float[] out,
      int outAt) {
    Packing packing = m.packing();
    int rows = packing.groupRows();
    int blocks = m.cols() / packing.block();
    boolean units = Packing.unit(m.type()) == UNIT;
    int most = (units ? UNIT : COLUMNS) / packing.block();
    float[] scales = scratch.scales(groups * most * rows);
    float[] ones = scratch.ones(blocks);
    float[] sums = scratch.sums(groups * COUNT * rows);
    Arrays.fill(sums, 0, groups * COUNT * rows, 0);
    boolean minima = PackedScales.haveMinima(m.type());
    for (int from = 0; from < blocks; from += most) {
      int n = Math.min(most, blocks - from);
      for (int g = 0; g < groups; g++) {
        PackedScales.scales(m, group + g, from, n, ones, scales, g * n * rows);
      }
      if (minima && units) {
        takeOff(m, group, groups, from, n, tokens, first, sums);
      }
      switch (packing) {
        case BYTES -> bytes(m, group, groups, from, n, tokens, first, scales, sums);
        case NIBBLES -> nibbles(m, group, groups, from, n, tokens, first, scales, sums);
        case FIVES -> fives(m, group, groups, from, n, tokens, first, scales, sums);
        case SIXES -> sixes(m, group, groups, from, n, tokens, first, scales, sums);
      }
    }
    if (minima && !units) {
      takeOff(m, group, groups, 0, blocks, tokens, first, sums);
    }
    for (int g = 0; g < groups; g++) {
      int to = (group + g) * rows;
      for (int t = 0; t < COUNT; t++) {
        int n = Math.min(rows, m.rows() - to);
        System.arraycopy(sums, (g * COUNT + t) * rows, out, outAt + t * m.rows() + to, n);
      }
    }
  }

  private static void takeOff(
      PackedMatrix m,
      int group,
      int groups,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      float[] sums) {
    for (int i = 0; i < groups * COUNT; i++) {
      float[] sum = tokens[first + i % COUNT].sum;
      PackedScales.takeOff(m, group + i / COUNT, from, blocks, sum, sums, i * 3 * L);
    }
  }

  private static void bytes(
      PackedMatrix m,
      int group,
      int groups,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      float[] scales,
      float[] sums) {
    long start = m.weightsOf(group, from);
    long step = m.groupBytes();
    long blockStep = m.blockStep();
    Activations a0 = tokens[first];
    Activations a1 = tokens[first + 1];
    Activations a2 = tokens[first + 2];
    Activations a3 = tokens[first + 3];
    long x0 = a0.pairsAddress() + from * 64L;
    long x1 = a1.pairsAddress() + from * 64L;
    long x2 = a2.pairsAddress() + from * 64L;
    long x3 = a3.pairsAddress() + from * 64L;
    for (int b = 0; b < blocks; b++) {
      for (int g = 0; g < groups; g++) {
        for (int r = 0; r < 3; r++) {
          long at = (start + g * step + b * blockStep + r * 2L * L) & Memory.MASK;
          IntVector p0 = IntVector.zero(I);
          IntVector p1 = IntVector.zero(I);
          IntVector p2 = IntVector.zero(I);
          IntVector p3 = IntVector.zero(I);
          for (int j = 0; j < 8; j++) {
            ShortVector v = weights(at + j * 12L * L);
            ShortVector w = weights(at + j * 12L * L + 6L * L);
            long k0 = (x0 + b * 64L + j * 8L) & Memory.MASK;
            IntVector i0 =
                v.mul(IntVector.broadcast(I, ALL.get(INT, k0)).reinterpretAsShorts())
                    .add(w.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 4)).reinterpretAsShorts()))
                    .reinterpretAsInts();
            p0 = p0.add(i0.lanewise(ASHR, 16)).add(i0.lanewise(LSHL, 16).lanewise(ASHR, 16));
            long k1 = (x1 + b * 64L + j * 8L) & Memory.MASK;
            IntVector i1 =
                v.mul(IntVector.broadcast(I, ALL.get(INT, k1)).reinterpretAsShorts())
                    .add(w.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 4)).reinterpretAsShorts()))
                    .reinterpretAsInts();
            p1 = p1.add(i1.lanewise(ASHR, 16)).add(i1.lanewise(LSHL, 16).lanewise(ASHR, 16));
            long k2 = (x2 + b * 64L + j * 8L) & Memory.MASK;
            IntVector i2 =
                v.mul(IntVector.broadcast(I, ALL.get(INT, k2)).reinterpretAsShorts())
                    .add(w.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 4)).reinterpretAsShorts()))
                    .reinterpretAsInts();
            p2 = p2.add(i2.lanewise(ASHR, 16)).add(i2.lanewise(LSHL, 16).lanewise(ASHR, 16));
            long k3 = (x3 + b * 64L + j * 8L) & Memory.MASK;
            IntVector i3 =
                v.mul(IntVector.broadcast(I, ALL.get(INT, k3)).reinterpretAsShorts())
                    .add(w.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 4)).reinterpretAsShorts()))
                    .reinterpretAsInts();
            p3 = p3.add(i3.lanewise(ASHR, 16)).add(i3.lanewise(LSHL, 16).lanewise(ASHR, 16));
          }
          FloatVector scale = FloatVector.fromArray(F, scales, ((g * blocks + b) * 3 + r) * L);
          int to = (g * 12 + r) * L;
          IntVector t0 = p0;
          scale
              .mul(a0.scale[from + b])
              .fma((FloatVector) t0.convert(I2F, 0), FloatVector.fromArray(F, sums, to))
              .intoArray(sums, to);
          IntVector t1 = p1;
          scale
              .mul(a1.scale[from + b])
              .fma((FloatVector) t1.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 3 * L))
              .intoArray(sums, to + 3 * L);
          IntVector t2 = p2;
          scale
              .mul(a2.scale[from + b])
              .fma((FloatVector) t2.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 6 * L))
              .intoArray(sums, to + 6 * L);
          IntVector t3 = p3;
          scale
              .mul(a3.scale[from + b])
              .fma((FloatVector) t3.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 9 * L))
              .intoArray(sums, to + 9 * L);
        }
      }
    }
  }

  private static void nibbles(
      PackedMatrix m,
      int group,
      int groups,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      float[] scales,
      float[] sums) {
    long start = m.weightsOf(group, from);
    long step = m.groupBytes();
    long blockStep = m.blockStep();
    Activations a0 = tokens[first];
    Activations a1 = tokens[first + 1];
    Activations a2 = tokens[first + 2];
    Activations a3 = tokens[first + 3];
    long x0 = a0.foursAddress() + from * 64L;
    long x1 = a1.foursAddress() + from * 64L;
    long x2 = a2.foursAddress() + from * 64L;
    long x3 = a3.foursAddress() + from * 64L;
    ShortVector less8 = ShortVector.fromArray(S, PackedDots.LESS_8, 0);
    for (int b = 0; b < blocks; b++) {
      for (int g = 0; g < groups; g++) {
        for (int r = 0; r < 3; r++) {
          long at = (start + g * step + b * blockStep + r * 4L * L) & Memory.MASK;
          ShortVector p0 =
              IntVector.broadcast(I, a0.halves[from + b]).reinterpretAsShorts().mul(less8);
          ShortVector p1 =
              IntVector.broadcast(I, a1.halves[from + b]).reinterpretAsShorts().mul(less8);
          ShortVector p2 =
              IntVector.broadcast(I, a2.halves[from + b]).reinterpretAsShorts().mul(less8);
          ShortVector p3 =
              IntVector.broadcast(I, a3.halves[from + b]).reinterpretAsShorts().mul(less8);
          for (int w = 0; w < 4; w++) {
            IntVector v = IntVector.fromMemorySegment(I, ALL, at + w * 12L * L, LE);
            long k0 = (x0 + b * 64L + w * 16L) & Memory.MASK;
            long k1 = (x1 + b * 64L + w * 16L) & Memory.MASK;
            long k2 = (x2 + b * 64L + w * 16L) & Memory.MASK;
            long k3 = (x3 + b * 64L + w * 16L) & Memory.MASK;
            ShortVector s = v.reinterpretAsShorts();
            p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0)).reinterpretAsShorts()).add(p0);
            p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1)).reinterpretAsShorts()).add(p1);
            p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2)).reinterpretAsShorts()).add(p2);
            p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 4).reinterpretAsShorts();
            p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 4)).reinterpretAsShorts()).add(p0);
            p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 4)).reinterpretAsShorts()).add(p1);
            p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 4)).reinterpretAsShorts()).add(p2);
            p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 4)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 8).reinterpretAsShorts();
            p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 8)).reinterpretAsShorts()).add(p0);
            p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 8)).reinterpretAsShorts()).add(p1);
            p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 8)).reinterpretAsShorts()).add(p2);
            p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 8)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 12).reinterpretAsShorts();
            p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 12)).reinterpretAsShorts()).add(p0);
            p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 12)).reinterpretAsShorts()).add(p1);
            p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 12)).reinterpretAsShorts()).add(p2);
            p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 12)).reinterpretAsShorts()).add(p3);
          }
          FloatVector scale = FloatVector.fromArray(F, scales, ((g * blocks + b) * 3 + r) * L);
          int to = (g * 12 + r) * L;
          IntVector t0 = p0.reinterpretAsInts();
          t0 = t0.add(t0.lanewise(LSHL, 16)).lanewise(ASHR, 16);
          scale
              .mul(a0.scale[from + b])
              .fma((FloatVector) t0.convert(I2F, 0), FloatVector.fromArray(F, sums, to))
              .intoArray(sums, to);
          IntVector t1 = p1.reinterpretAsInts();
          t1 = t1.add(t1.lanewise(LSHL, 16)).lanewise(ASHR, 16);
          scale
              .mul(a1.scale[from + b])
              .fma((FloatVector) t1.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 3 * L))
              .intoArray(sums, to + 3 * L);
          IntVector t2 = p2.reinterpretAsInts();
          t2 = t2.add(t2.lanewise(LSHL, 16)).lanewise(ASHR, 16);
          scale
              .mul(a2.scale[from + b])
              .fma((FloatVector) t2.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 6 * L))
              .intoArray(sums, to + 6 * L);
          IntVector t3 = p3.reinterpretAsInts();
          t3 = t3.add(t3.lanewise(LSHL, 16)).lanewise(ASHR, 16);
          scale
              .mul(a3.scale[from + b])
              .fma((FloatVector) t3.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 9 * L))
              .intoArray(sums, to + 9 * L);
        }
      }
    }
  }

  private static void fives(
      PackedMatrix m,
      int group,
      int groups,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      float[] scales,
      float[] sums) {
    long start = m.weightsOf(group, from);
    long step = m.groupBytes();
    long blockStep = m.blockStep();
    Activations a0 = tokens[first];
    Activations a1 = tokens[first + 1];
    Activations a2 = tokens[first + 2];
    Activations a3 = tokens[first + 3];
    long x0 = a0.fivesAddress() + from * 64L;
    long x1 = a1.fivesAddress() + from * 64L;
    long x2 = a2.fivesAddress() + from * 64L;
    long x3 = a3.fivesAddress() + from * 64L;
    ShortVector less16 = ShortVector.fromArray(S, PackedDots.LESS_16, 0);
    ShortVector low10 = ShortVector.fromArray(S, PackedDots.LOW_10, 0);
    ShortVector low5 = ShortVector.fromArray(S, PackedDots.LOW_5, 0);
    for (int b = 0; b < blocks; b++) {
      for (int g = 0; g < groups; g++) {
        for (int r = 0; r < 3; r++) {
          long block = (start + g * step + b * blockStep) & Memory.MASK;
          long at = block + 6L * L + r * 4L * L;
          ShortVector s = weights(block + r * 2L * L);
          long last0 = (x0 + b * 64L + 60) & Memory.MASK;
          ShortVector p0 =
              s.mul(IntVector.broadcast(I, ALL.get(INT, last0)).reinterpretAsShorts())
                  .add(
                      IntVector.broadcast(I, a0.halves[from + b])
                          .reinterpretAsShorts()
                          .mul(less16));
          long last1 = (x1 + b * 64L + 60) & Memory.MASK;
          ShortVector p1 =
              s.mul(IntVector.broadcast(I, ALL.get(INT, last1)).reinterpretAsShorts())
                  .add(
                      IntVector.broadcast(I, a1.halves[from + b])
                          .reinterpretAsShorts()
                          .mul(less16));
          long last2 = (x2 + b * 64L + 60) & Memory.MASK;
          ShortVector p2 =
              s.mul(IntVector.broadcast(I, ALL.get(INT, last2)).reinterpretAsShorts())
                  .add(
                      IntVector.broadcast(I, a2.halves[from + b])
                          .reinterpretAsShorts()
                          .mul(less16));
          long last3 = (x3 + b * 64L + 60) & Memory.MASK;
          ShortVector p3 =
              s.mul(IntVector.broadcast(I, ALL.get(INT, last3)).reinterpretAsShorts())
                  .add(
                      IntVector.broadcast(I, a3.halves[from + b])
                          .reinterpretAsShorts()
                          .mul(less16));
          for (int w = 0; w < 5; w++) {
            IntVector v = IntVector.fromMemorySegment(I, ALL, at + w * 12L * L, LE);
            long k0 = (x0 + b * 64L + w * 12L) & Memory.MASK;
            long k1 = (x1 + b * 64L + w * 12L) & Memory.MASK;
            long k2 = (x2 + b * 64L + w * 12L) & Memory.MASK;
            long k3 = (x3 + b * 64L + w * 12L) & Memory.MASK;
            s = v.reinterpretAsShorts();
            p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0)).reinterpretAsShorts()).add(p0);
            p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1)).reinterpretAsShorts()).add(p1);
            p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2)).reinterpretAsShorts()).add(p2);
            p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 5).reinterpretAsShorts().and(low10);
            p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 4)).reinterpretAsShorts()).add(p0);
            p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 4)).reinterpretAsShorts()).add(p1);
            p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 4)).reinterpretAsShorts()).add(p2);
            p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 4)).reinterpretAsShorts()).add(p3);
            s = v.lanewise(LSHR, 10).reinterpretAsShorts().and(low5);
            p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 8)).reinterpretAsShorts()).add(p0);
            p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 8)).reinterpretAsShorts()).add(p1);
            p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 8)).reinterpretAsShorts()).add(p2);
            p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 8)).reinterpretAsShorts()).add(p3);
          }
          FloatVector scale = FloatVector.fromArray(F, scales, ((g * blocks + b) * 3 + r) * L);
          int to = (g * 12 + r) * L;
          IntVector t0 = p0.reinterpretAsInts();
          t0 = t0.lanewise(ASHR, 16).add(t0.lanewise(LSHL, 16).lanewise(ASHR, 16));
          scale
              .mul(a0.scale[from + b])
              .fma((FloatVector) t0.convert(I2F, 0), FloatVector.fromArray(F, sums, to))
              .intoArray(sums, to);
          IntVector t1 = p1.reinterpretAsInts();
          t1 = t1.lanewise(ASHR, 16).add(t1.lanewise(LSHL, 16).lanewise(ASHR, 16));
          scale
              .mul(a1.scale[from + b])
              .fma((FloatVector) t1.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 3 * L))
              .intoArray(sums, to + 3 * L);
          IntVector t2 = p2.reinterpretAsInts();
          t2 = t2.lanewise(ASHR, 16).add(t2.lanewise(LSHL, 16).lanewise(ASHR, 16));
          scale
              .mul(a2.scale[from + b])
              .fma((FloatVector) t2.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 6 * L))
              .intoArray(sums, to + 6 * L);
          IntVector t3 = p3.reinterpretAsInts();
          t3 = t3.lanewise(ASHR, 16).add(t3.lanewise(LSHL, 16).lanewise(ASHR, 16));
          scale
              .mul(a3.scale[from + b])
              .fma((FloatVector) t3.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 9 * L))
              .intoArray(sums, to + 9 * L);
        }
      }
    }
  }

  private static void sixes(
      PackedMatrix m,
      int group,
      int groups,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      float[] scales,
      float[] sums) {
    long start = m.weightsOf(group, from);
    long step = m.groupBytes();
    long blockStep = m.blockStep();
    Activations a0 = tokens[first];
    Activations a1 = tokens[first + 1];
    Activations a2 = tokens[first + 2];
    Activations a3 = tokens[first + 3];
    long x0 = a0.pairsAddress() + from * 32L;
    long x1 = a1.pairsAddress() + from * 32L;
    long x2 = a2.pairsAddress() + from * 32L;
    long x3 = a3.pairsAddress() + from * 32L;
    ShortVector less32 = ShortVector.fromArray(S, PackedDots.LESS_32, 0);
    ShortVector low4 = ShortVector.fromArray(S, PackedDots.LOW_4, 0);
    ShortVector low6 = ShortVector.fromArray(S, PackedDots.LOW_6, 0);
    ShortVector top2 = ShortVector.fromArray(S, PackedDots.TOP_2_OF_6, 0);
    for (int b = 0; b < blocks; b++) {
      for (int g = 0; g < groups; g++) {
        long at = (start + g * step + b * blockStep) & Memory.MASK;
        ShortVector p0 =
            IntVector.broadcast(I, a0.halves16[from + b]).reinterpretAsShorts().mul(less32);
        ShortVector p1 =
            IntVector.broadcast(I, a1.halves16[from + b]).reinterpretAsShorts().mul(less32);
        ShortVector p2 =
            IntVector.broadcast(I, a2.halves16[from + b]).reinterpretAsShorts().mul(less32);
        ShortVector p3 =
            IntVector.broadcast(I, a3.halves16[from + b]).reinterpretAsShorts().mul(less32);
        IntVector high = IntVector.fromMemorySegment(I, ALL, at + 8L * L, LE);
        for (int w = 0; w < 2; w++) {
          IntVector v = IntVector.fromMemorySegment(I, ALL, at + w * 4L * L, LE);
          long k0 = (x0 + b * 32L + w * 8L) & Memory.MASK;
          long k1 = (x1 + b * 32L + w * 8L) & Memory.MASK;
          long k2 = (x2 + b * 32L + w * 8L) & Memory.MASK;
          long k3 = (x3 + b * 32L + w * 8L) & Memory.MASK;
          ShortVector s = v.reinterpretAsShorts().and(low6);
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2)).reinterpretAsShorts()).add(p2);
          p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3)).reinterpretAsShorts()).add(p3);
          s = v.lanewise(LSHR, 6).reinterpretAsShorts().and(low6);
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 4)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 4)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 4)).reinterpretAsShorts()).add(p2);
          p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 4)).reinterpretAsShorts()).add(p3);
          k0 = (x0 + b * 32L + w * 4L + 16) & Memory.MASK;
          k1 = (x1 + b * 32L + w * 4L + 16) & Memory.MASK;
          k2 = (x2 + b * 32L + w * 4L + 16) & Memory.MASK;
          k3 = (x3 + b * 32L + w * 4L + 16) & Memory.MASK;
          s = high.lanewise(LSHR, 6 * w).reinterpretAsShorts().and(low6);
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2)).reinterpretAsShorts()).add(p2);
          p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3)).reinterpretAsShorts()).add(p3);
          ShortVector top = high.lanewise(LSHR, 8 + 2 * w).reinterpretAsShorts().and(top2);
          s = v.lanewise(LSHR, 12).reinterpretAsShorts().and(low4).or(top);
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 8)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 8)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 8)).reinterpretAsShorts()).add(p2);
          p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 8)).reinterpretAsShorts()).add(p3);
        }
        FloatVector scale = FloatVector.fromArray(F, scales, (g * blocks + b) * L);
        int to = g * 4 * L;
        IntVector t0 = p0.reinterpretAsInts();
        t0 = t0.lanewise(ASHR, 16).add(t0.lanewise(LSHL, 16).lanewise(ASHR, 16));
        scale
            .mul(a0.scale16[from + b])
            .fma((FloatVector) t0.convert(I2F, 0), FloatVector.fromArray(F, sums, to))
            .intoArray(sums, to);
        IntVector t1 = p1.reinterpretAsInts();
        t1 = t1.lanewise(ASHR, 16).add(t1.lanewise(LSHL, 16).lanewise(ASHR, 16));
        scale
            .mul(a1.scale16[from + b])
            .fma((FloatVector) t1.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 1 * L))
            .intoArray(sums, to + 1 * L);
        IntVector t2 = p2.reinterpretAsInts();
        t2 = t2.lanewise(ASHR, 16).add(t2.lanewise(LSHL, 16).lanewise(ASHR, 16));
        scale
            .mul(a2.scale16[from + b])
            .fma((FloatVector) t2.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 2 * L))
            .intoArray(sums, to + 2 * L);
        IntVector t3 = p3.reinterpretAsInts();
        t3 = t3.lanewise(ASHR, 16).add(t3.lanewise(LSHL, 16).lanewise(ASHR, 16));
        scale
            .mul(a3.scale16[from + b])
            .fma((FloatVector) t3.convert(I2F, 0), FloatVector.fromArray(F, sums, to + 3 * L))
            .intoArray(sums, to + 3 * L);
      }
    }
  }

  private static ShortVector weights(long at) {
    return (ShortVector) ByteVector.fromMemorySegment(BS, ALL, at, LE).convertShape(B2S, S, 0);
  }
}
