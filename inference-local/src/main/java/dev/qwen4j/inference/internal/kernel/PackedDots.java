package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BS;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
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
 * <p>What shapes the code is C2 (JDK 25; docs/log.md has the figures). It keeps vectors in
 * registers only where it inlines every operation, and stops inlining in methods of some hundred of
 * them; hence one small loop nest a packing, and the scales apart. It unrolls small loop bodies
 * until the registers spill; hence bodies of 40 operations and more. It loads constant vectors anew
 * at each use; hence masks that come from arrays.
 */
final class PackedDots {
  /** Masks for all shorts of a vector. */
  private static final short[] LOW_4 = mask(0x0F);

  private static final short[] LOW_5 = mask(0x1F);
  private static final short[] LOW_6 = mask(0x3F);
  private static final short[] TOP_2_OF_6 = mask(0x30);

  private PackedDots() {}

  private static short[] mask(int value) {
    short[] mask = new short[S.length()];
    Arrays.fill(mask, (short) value);
    return mask;
  }

  /** {@code out[r] = row r · a} for the rows of some groups. */
  static void multiply(
      PackedMatrix m, int group, int groups, Activations a, Scratch scratch, float[] out) {
    Packing packing = m.packing();
    int rows = packing.groupRows();
    int blocks = m.cols() / packing.block();
    float[] factors = packing == Packing.SIXES ? a.scale16 : a.scale;
    int center = PackedScales.center(m.type());
    boolean minima = PackedScales.haveMinima(m.type());
    float[] scales = scratch.scales(blocks * rows);
    float[] minus = scratch.minus(blocks * rows);
    for (int g = group; g < group + groups; g++) {
      PackedScales.write(m, g, 0, blocks, factors, a.sum, scales, minus);
      int first = g * rows;
      boolean whole = first + rows <= m.rows();
      float[] target = whole ? out : scratch.rows(rows);
      int at = whole ? first : 0;
      long weights = m.data().address() + m.weightsOf(g);
      takeOff(minus, minima ? blocks : 0, rows, target, at);
      switch (packing) {
        case BYTES -> bytes(weights, blocks, a.pairs, scales, target, at);
        case NIBBLES -> nibbles(weights, blocks, a.pairs, center, a.total, scales, target, at);
        case FIVES -> fives(weights, blocks, a.pairs, center, a.total, scales, target, at);
        case SIXES -> sixes(weights, blocks, a.pairs, center, a.total16, scales, target, at);
      }
      if (!whole) {
        System.arraycopy(target, 0, out, first, m.rows() - first);
      }
    }
  }

  /**
   * {@code out[at + row] = −Σ minus[block, row]}, nothing if there are no minima, from which the
   * products are summed on.
   */
  private static void takeOff(float[] minus, int blocks, int rows, float[] out, int at) {
    for (int r = 0; r < rows; r += L) {
      FloatVector sum = FloatVector.zero(F);
      for (int i = r; i < blocks * rows; i += rows) {
        sum = sum.sub(FloatVector.fromArray(F, minus, i));
      }
      sum.intoArray(out, at + r);
    }
  }

  /** Two products of 8 by 8 bits fit 16 bits, even of the most negative weight. */
  private static void bytes(
      long start, int blocks, int[] pairs, float[] scales, float[] out, int at) {
    FloatVector sum0 = FloatVector.fromArray(F, out, at);
    FloatVector sum1 = FloatVector.fromArray(F, out, at + L);
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * 64L * L) & Memory.MASK;
      IntVector t0 = IntVector.zero(I);
      IntVector t1 = IntVector.zero(I);
      for (int j = 0; j < 8; j++) {
        long from = block + j * 8L * L;
        ShortVector x = IntVector.broadcast(I, pairs[b * 16 + 2 * j]).reinterpretAsShorts();
        ShortVector p0 = weights(from).mul(x);
        ShortVector p1 = weights(from + 2L * L).mul(x);
        x = IntVector.broadcast(I, pairs[b * 16 + 2 * j + 1]).reinterpretAsShorts();
        IntVector i0 = weights(from + 4L * L).mul(x).add(p0).reinterpretAsInts();
        IntVector i1 = weights(from + 6L * L).mul(x).add(p1).reinterpretAsInts();
        t0 = t0.add(i0.lanewise(ASHR, 16)).add(i0.lanewise(LSHL, 16).lanewise(ASHR, 16));
        t1 = t1.add(i1.lanewise(ASHR, 16)).add(i1.lanewise(LSHL, 16).lanewise(ASHR, 16));
      }
      int s = b * 2 * L;
      sum0 = ((FloatVector) t0.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s), sum0);
      sum1 = ((FloatVector) t1.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s + L), sum1);
    }
    sum0.intoArray(out, at);
    sum1.intoArray(out, at + L);
  }

  /** Sixteen products of 4 by 8 bits fit 16 bits: a block's. */
  private static void nibbles(
      long start,
      int blocks,
      int[] pairs,
      int center,
      int[] totals,
      float[] scales,
      float[] out,
      int at) {
    FloatVector sum0 = FloatVector.fromArray(F, out, at);
    FloatVector sum1 = FloatVector.fromArray(F, out, at + L);
    ShortVector low4 = ShortVector.fromArray(S, LOW_4, 0);
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * 32L * L) & Memory.MASK;
      ShortVector p0 = ShortVector.zero(S);
      ShortVector p1 = ShortVector.zero(S);
      for (int w = 0; w < 4; w++) {
        IntVector v0 = IntVector.fromMemorySegment(I, ALL, block + w * 8L * L, LE);
        IntVector v1 = IntVector.fromMemorySegment(I, ALL, block + w * 8L * L + 4L * L, LE);
        int k = b * 16 + w * 4;
        ShortVector x = IntVector.broadcast(I, pairs[k]).reinterpretAsShorts();
        p0 = v0.reinterpretAsShorts().and(low4).mul(x).add(p0);
        p1 = v1.reinterpretAsShorts().and(low4).mul(x).add(p1);
        x = IntVector.broadcast(I, pairs[k + 1]).reinterpretAsShorts();
        p0 = v0.lanewise(LSHR, 4).reinterpretAsShorts().and(low4).mul(x).add(p0);
        p1 = v1.lanewise(LSHR, 4).reinterpretAsShorts().and(low4).mul(x).add(p1);
        x = IntVector.broadcast(I, pairs[k + 2]).reinterpretAsShorts();
        p0 = v0.lanewise(LSHR, 8).reinterpretAsShorts().and(low4).mul(x).add(p0);
        p1 = v1.lanewise(LSHR, 8).reinterpretAsShorts().and(low4).mul(x).add(p1);
        x = IntVector.broadcast(I, pairs[k + 3]).reinterpretAsShorts();
        p0 = v0.lanewise(LSHR, 12).reinterpretAsShorts().and(low4).mul(x).add(p0);
        p1 = v1.lanewise(LSHR, 12).reinterpretAsShorts().and(low4).mul(x).add(p1);
      }
      IntVector t0 = p0.reinterpretAsInts();
      IntVector t1 = p1.reinterpretAsInts();
      IntVector less = IntVector.broadcast(I, center * totals[b]);
      t0 = t0.lanewise(ASHR, 16).add(t0.lanewise(LSHL, 16).lanewise(ASHR, 16)).sub(less);
      t1 = t1.lanewise(ASHR, 16).add(t1.lanewise(LSHL, 16).lanewise(ASHR, 16)).sub(less);
      int s = b * 2 * L;
      sum0 = ((FloatVector) t0.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s), sum0);
      sum1 = ((FloatVector) t1.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s + L), sum1);
    }
    sum0.intoArray(out, at);
    sum1.intoArray(out, at + L);
  }

  /** Eight products of 5 by 8 bits fit 16 bits; a word has three for each half. */
  private static void fives(
      long start,
      int blocks,
      int[] pairs,
      int center,
      int[] totals,
      float[] scales,
      float[] out,
      int at) {
    FloatVector sum0 = FloatVector.fromArray(F, out, at);
    FloatVector sum1 = FloatVector.fromArray(F, out, at + L);
    ShortVector low5 = ShortVector.fromArray(S, LOW_5, 0);
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * 44L * L) & Memory.MASK;
      ShortVector x = IntVector.broadcast(I, pairs[b * 16 + 15]).reinterpretAsShorts();
      IntVector t0 = weights(block + 40L * L).mul(x).reinterpretAsInts();
      IntVector t1 = weights(block + 42L * L).mul(x).reinterpretAsInts();
      IntVector less = IntVector.broadcast(I, center * totals[b]);
      t0 = t0.lanewise(ASHR, 16).add(t0.lanewise(LSHL, 16).lanewise(ASHR, 16)).sub(less);
      t1 = t1.lanewise(ASHR, 16).add(t1.lanewise(LSHL, 16).lanewise(ASHR, 16)).sub(less);
      for (int w = 0; w < 5; w++) {
        IntVector v0 = IntVector.fromMemorySegment(I, ALL, block + w * 8L * L, LE);
        IntVector v1 = IntVector.fromMemorySegment(I, ALL, block + w * 8L * L + 4L * L, LE);
        int k = b * 16 + w * 3;
        x = IntVector.broadcast(I, pairs[k]).reinterpretAsShorts();
        ShortVector p0 = v0.reinterpretAsShorts().and(low5).mul(x);
        ShortVector p1 = v1.reinterpretAsShorts().and(low5).mul(x);
        x = IntVector.broadcast(I, pairs[k + 1]).reinterpretAsShorts();
        p0 = v0.lanewise(LSHR, 5).reinterpretAsShorts().and(low5).mul(x).add(p0);
        p1 = v1.lanewise(LSHR, 5).reinterpretAsShorts().and(low5).mul(x).add(p1);
        x = IntVector.broadcast(I, pairs[k + 2]).reinterpretAsShorts();
        p0 = v0.lanewise(LSHR, 10).reinterpretAsShorts().and(low5).mul(x).add(p0);
        p1 = v1.lanewise(LSHR, 10).reinterpretAsShorts().and(low5).mul(x).add(p1);
        IntVector i0 = p0.reinterpretAsInts();
        IntVector i1 = p1.reinterpretAsInts();
        t0 = t0.add(i0.lanewise(ASHR, 16)).add(i0.lanewise(LSHL, 16).lanewise(ASHR, 16));
        t1 = t1.add(i1.lanewise(ASHR, 16)).add(i1.lanewise(LSHL, 16).lanewise(ASHR, 16));
      }
      int s = b * 2 * L;
      sum0 = ((FloatVector) t0.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s), sum0);
      sum1 = ((FloatVector) t1.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, s + L), sum1);
    }
    sum0.intoArray(out, at);
    sum1.intoArray(out, at + L);
  }

  /** Four products of 6 by 8 bits fit 16 bits; a block of 16 has eight for each half. */
  private static void sixes(
      long start,
      int blocks,
      int[] pairs,
      int center,
      int[] totals,
      float[] scales,
      float[] out,
      int at) {
    FloatVector sum = FloatVector.fromArray(F, out, at);
    ShortVector low4 = ShortVector.fromArray(S, LOW_4, 0);
    ShortVector low6 = ShortVector.fromArray(S, LOW_6, 0);
    ShortVector top2 = ShortVector.fromArray(S, TOP_2_OF_6, 0);
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * 12L * L) & Memory.MASK;
      IntVector v0 = IntVector.fromMemorySegment(I, ALL, block, LE);
      IntVector v1 = IntVector.fromMemorySegment(I, ALL, block + 4L * L, LE);
      IntVector v2 = IntVector.fromMemorySegment(I, ALL, block + 8L * L, LE);
      int k = b * 8;
      ShortVector x = IntVector.broadcast(I, pairs[k]).reinterpretAsShorts();
      ShortVector p = v0.reinterpretAsShorts().and(low6).mul(x);
      x = IntVector.broadcast(I, pairs[k + 1]).reinterpretAsShorts();
      p = v0.lanewise(LSHR, 6).reinterpretAsShorts().and(low6).mul(x).add(p);
      x = IntVector.broadcast(I, pairs[k + 2]).reinterpretAsShorts();
      p = v1.reinterpretAsShorts().and(low6).mul(x).add(p);
      x = IntVector.broadcast(I, pairs[k + 3]).reinterpretAsShorts();
      p = v1.lanewise(LSHR, 6).reinterpretAsShorts().and(low6).mul(x).add(p);
      IntVector t = p.reinterpretAsInts();
      IntVector total = t.lanewise(ASHR, 16).add(t.lanewise(LSHL, 16).lanewise(ASHR, 16));
      x = IntVector.broadcast(I, pairs[k + 4]).reinterpretAsShorts();
      p = v2.reinterpretAsShorts().and(low6).mul(x);
      x = IntVector.broadcast(I, pairs[k + 5]).reinterpretAsShorts();
      p = v2.lanewise(LSHR, 6).reinterpretAsShorts().and(low6).mul(x).add(p);
      x = IntVector.broadcast(I, pairs[k + 6]).reinterpretAsShorts();
      ShortVector low = v0.lanewise(LSHR, 12).reinterpretAsShorts().and(low4);
      ShortVector top = v2.lanewise(LSHR, 8).reinterpretAsShorts().and(top2);
      p = low.or(top).mul(x).add(p);
      x = IntVector.broadcast(I, pairs[k + 7]).reinterpretAsShorts();
      low = v1.lanewise(LSHR, 12).reinterpretAsShorts().and(low4);
      top = v2.lanewise(LSHR, 10).reinterpretAsShorts().and(top2);
      p = low.or(top).mul(x).add(p);
      t = p.reinterpretAsInts();
      total = total.add(t.lanewise(ASHR, 16)).add(t.lanewise(LSHL, 16).lanewise(ASHR, 16));
      total = total.sub(IntVector.broadcast(I, center * totals[b]));
      sum = ((FloatVector) total.convert(I2F, 0)).fma(FloatVector.fromArray(F, scales, b * L), sum);
    }
    sum.intoArray(out, at);
  }

  private static ShortVector weights(long at) {
    return (ShortVector) ByteVector.fromMemorySegment(BS, ALL, at, LE).convertShape(B2S, S, 0);
  }
}
