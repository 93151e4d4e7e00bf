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

import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * What {@link PackedDots} does for one token, for four: replies that are written side by side, or a
 * draft that is checked. Weights come from memory once, and are taken out of their words once for
 * all four. Each token's result is that of {@link PackedDots}, to the bit.
 *
 * <p>256 columns of a group at a time: a kernel adds up the products of all their blocks as
 * integers, {@code [block][vector of rows][token][lane]}, which stay in the cache until {@link
 * #add} scales them. One vector of rows at a time, so that four sums stay in registers. What shapes
 * the code besides is C2, as {@link PackedDots} says: kernels of one group, since it moves the
 * addresses of all broadcasts out of a loop over groups, onto the stack; and everything written
 * out, since with a helper for each token it stops inlining.
 */
final class PackedFours {
  /** Tokens. */
  static final int COUNT = 4;

  /** Columns of a group that are multiplied, and then scaled. */
  private static final int UNIT = 256;

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
    int unit = UNIT / packing.block();
    float[] scales = scratch.scales(unit * rows);
    float[] sums = scratch.sums(groups * COUNT * rows);
    Arrays.fill(sums, 0, groups * COUNT * rows, 0);
    float[] ones = scratch.ones(blocks);
    long products = scratch.tiles.address((long) unit * rows * COUNT);
    boolean scalesFirst = Packing.unit(m.type()) == UNIT;
    for (int b = 0; b < blocks; b += unit) {
      int n = Math.min(unit, blocks - b);
      for (int g = 0; g < groups; g++) {
        int at = g * COUNT * rows;
        if (scalesFirst) {
          PackedScales.scales(m, group + g, b, n, ones, scales, 0);
          if (PackedScales.haveMinima(m.type())) {
            takeOff(m, group + g, b, n, tokens, first, sums, at);
          }
        }
        switch (packing) {
          case BYTES -> bytes(m, group + g, b, n, tokens, first, products);
          case NIBBLES -> nibbles(m, group + g, b, n, tokens, first, products);
          case FIVES -> fives(m, group + g, b, n, tokens, first, products);
          case SIXES -> sixes(m, group + g, b, n, tokens, first, products);
        }
        for (int r = 0; r < rows; r += L) {
          long sumsOf = products + (long) r * COUNT * Integer.BYTES;
          if (scalesFirst) {
            add(sumsOf, n, rows, tokens, first, b, scales, r, sums, at + r);
          } else {
            long halves = m.scalesOf(group + g, b) + 2L * r;
            addHalves(sumsOf, n, m.blockStep(), tokens, first, b, halves, sums, at + r);
          }
        }
      }
    }
    for (int g = 0; g < groups; g++) {
      if (!scalesFirst && PackedScales.haveMinima(m.type())) {
        takeOff(m, group + g, 0, blocks, tokens, first, sums, g * COUNT * rows);
      }
      int to = (group + g) * rows;
      int n = Math.min(rows, m.rows() - to);
      for (int t = 0; t < COUNT; t++) {
        System.arraycopy(sums, (g * COUNT + t) * rows, out, outAt + t * m.rows() + to, n);
      }
    }
  }

  private static void takeOff(
      PackedMatrix m,
      int group,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      float[] sums,
      int at) {
    int rows = m.packing().groupRows();
    for (int t = 0; t < COUNT; t++) {
      PackedScales.takeOff(m, group, from, blocks, tokens[first + t].sum, sums, at + t * rows);
    }
  }

  /**
   * {@code sums[at + t · rows + lane] += Σ scales[block, lane] · products[block][t][lane]}, for one
   * vector of rows, and times each token's scale.
   *
   * @param products of that vector of rows in the first block
   * @param from the block of the tokens that is the first one here
   */
  private static void add(
      long products,
      int blocks,
      int rows,
      Activations[] tokens,
      int first,
      int from,
      float[] scales,
      int scaleAt,
      float[] sums,
      int at) {
    boolean sixteens = rows == L; // Only blocks of 16 come in groups of one vector of rows.
    float[] d0 = sixteens ? tokens[first].scale16 : tokens[first].scale;
    float[] d1 = sixteens ? tokens[first + 1].scale16 : tokens[first + 1].scale;
    float[] d2 = sixteens ? tokens[first + 2].scale16 : tokens[first + 2].scale;
    float[] d3 = sixteens ? tokens[first + 3].scale16 : tokens[first + 3].scale;
    FloatVector s0 = FloatVector.fromArray(F, sums, at);
    FloatVector s1 = FloatVector.fromArray(F, sums, at + rows);
    FloatVector s2 = FloatVector.fromArray(F, sums, at + 2 * rows);
    FloatVector s3 = FloatVector.fromArray(F, sums, at + 3 * rows);
    for (int b = 0; b < blocks; b++) {
      FloatVector scale = FloatVector.fromArray(F, scales, scaleAt + b * rows);
      long p = (products + (long) b * rows * COUNT * Integer.BYTES) & Memory.MASK;
      IntVector p0 = IntVector.fromMemorySegment(I, ALL, p, LE);
      IntVector p1 = IntVector.fromMemorySegment(I, ALL, p + 4L * L, LE);
      IntVector p2 = IntVector.fromMemorySegment(I, ALL, p + 8L * L, LE);
      IntVector p3 = IntVector.fromMemorySegment(I, ALL, p + 12L * L, LE);
      s0 = scale.mul(d0[from + b]).fma((FloatVector) p0.convert(I2F, 0), s0);
      s1 = scale.mul(d1[from + b]).fma((FloatVector) p1.convert(I2F, 0), s1);
      s2 = scale.mul(d2[from + b]).fma((FloatVector) p2.convert(I2F, 0), s2);
      s3 = scale.mul(d3[from + b]).fma((FloatVector) p3.convert(I2F, 0), s3);
    }
    s0.intoArray(sums, at);
    s1.intoArray(sums, at + rows);
    s2.intoArray(sums, at + 2 * rows);
    s3.intoArray(sums, at + 3 * rows);
  }

  /** The same with the scales as they lie, a half per row behind each block. */
  private static void addHalves(
      long products,
      int blocks,
      long step,
      Activations[] tokens,
      int first,
      int from,
      long halves,
      float[] sums,
      int at) {
    float[] d0 = tokens[first].scale;
    float[] d1 = tokens[first + 1].scale;
    float[] d2 = tokens[first + 2].scale;
    float[] d3 = tokens[first + 3].scale;
    FloatVector s0 = FloatVector.fromArray(F, sums, at);
    FloatVector s1 = FloatVector.fromArray(F, sums, at + 3 * L);
    FloatVector s2 = FloatVector.fromArray(F, sums, at + 6 * L);
    FloatVector s3 = FloatVector.fromArray(F, sums, at + 9 * L);
    for (int b = 0; b < blocks; b++) {
      FloatVector scale =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, (halves + b * step) & Memory.MASK, LE)
                      .convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(0x1p112f);
      long p = (products + b * 48L * L) & Memory.MASK;
      IntVector p0 = IntVector.fromMemorySegment(I, ALL, p, LE);
      IntVector p1 = IntVector.fromMemorySegment(I, ALL, p + 4L * L, LE);
      IntVector p2 = IntVector.fromMemorySegment(I, ALL, p + 8L * L, LE);
      IntVector p3 = IntVector.fromMemorySegment(I, ALL, p + 12L * L, LE);
      s0 = scale.mul(d0[from + b]).fma((FloatVector) p0.convert(I2F, 0), s0);
      s1 = scale.mul(d1[from + b]).fma((FloatVector) p1.convert(I2F, 0), s1);
      s2 = scale.mul(d2[from + b]).fma((FloatVector) p2.convert(I2F, 0), s2);
      s3 = scale.mul(d3[from + b]).fma((FloatVector) p3.convert(I2F, 0), s3);
    }
    s0.intoArray(sums, at);
    s1.intoArray(sums, at + 3 * L);
    s2.intoArray(sums, at + 6 * L);
    s3.intoArray(sums, at + 9 * L);
  }

  private static void nibbles(
      PackedMatrix m,
      int group,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      long products) {
    long start = m.weightsOf(group, from);
    long step = m.blockStep();
    Activations t0 = tokens[first];
    Activations t1 = tokens[first + 1];
    Activations t2 = tokens[first + 2];
    Activations t3 = tokens[first + 3];
    long x0 = t0.foursAddress() + from * 64L;
    long x1 = t1.foursAddress() + from * 64L;
    long x2 = t2.foursAddress() + from * 64L;
    long x3 = t3.foursAddress() + from * 64L;
    ShortVector less8 = ShortVector.fromArray(S, PackedDots.LESS_8, 0);
    for (int b = 0; b < blocks; b++) {
      long at = (start + b * step) & Memory.MASK;
      ShortVector less0 =
          IntVector.broadcast(I, t0.halves[from + b]).reinterpretAsShorts().mul(less8);
      ShortVector less1 =
          IntVector.broadcast(I, t1.halves[from + b]).reinterpretAsShorts().mul(less8);
      ShortVector less2 =
          IntVector.broadcast(I, t2.halves[from + b]).reinterpretAsShorts().mul(less8);
      ShortVector less3 =
          IntVector.broadcast(I, t3.halves[from + b]).reinterpretAsShorts().mul(less8);
      for (int r = 0; r < 3; r++) {
        ShortVector p0 = less0;
        ShortVector p1 = less1;
        ShortVector p2 = less2;
        ShortVector p3 = less3;
        for (int w = 0; w < 4; w++) {
          IntVector v = IntVector.fromMemorySegment(I, ALL, at + r * 4L * L + w * 12L * L, LE);
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
        long to = (products + b * 48L * L + r * 16L * L) & Memory.MASK;
        IntVector sum = p0.reinterpretAsInts();
        sum.add(sum.lanewise(LSHL, 16)).lanewise(ASHR, 16).intoMemorySegment(ALL, to, LE);
        sum = p1.reinterpretAsInts();
        sum.add(sum.lanewise(LSHL, 16)).lanewise(ASHR, 16).intoMemorySegment(ALL, to + 4L * L, LE);
        sum = p2.reinterpretAsInts();
        sum.add(sum.lanewise(LSHL, 16)).lanewise(ASHR, 16).intoMemorySegment(ALL, to + 8L * L, LE);
        sum = p3.reinterpretAsInts();
        sum.add(sum.lanewise(LSHL, 16)).lanewise(ASHR, 16).intoMemorySegment(ALL, to + 12L * L, LE);
      }
    }
  }

  private static void fives(
      PackedMatrix m,
      int group,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      long products) {
    long start = m.weightsOf(group, from);
    long step = m.blockStep();
    Activations t0 = tokens[first];
    Activations t1 = tokens[first + 1];
    Activations t2 = tokens[first + 2];
    Activations t3 = tokens[first + 3];
    long x0 = t0.fivesAddress() + from * 64L;
    long x1 = t1.fivesAddress() + from * 64L;
    long x2 = t2.fivesAddress() + from * 64L;
    long x3 = t3.fivesAddress() + from * 64L;
    ShortVector less16 = ShortVector.fromArray(S, PackedDots.LESS_16, 0);
    ShortVector low10 = ShortVector.fromArray(S, PackedDots.LOW_10, 0);
    ShortVector low5 = ShortVector.fromArray(S, PackedDots.LOW_5, 0);
    for (int b = 0; b < blocks; b++) {
      long at = (start + b * step) & Memory.MASK;
      ShortVector less0 =
          IntVector.broadcast(I, t0.halves[from + b]).reinterpretAsShorts().mul(less16);
      ShortVector less1 =
          IntVector.broadcast(I, t1.halves[from + b]).reinterpretAsShorts().mul(less16);
      ShortVector less2 =
          IntVector.broadcast(I, t2.halves[from + b]).reinterpretAsShorts().mul(less16);
      ShortVector less3 =
          IntVector.broadcast(I, t3.halves[from + b]).reinterpretAsShorts().mul(less16);
      for (int r = 0; r < 3; r++) {
        ShortVector s = weights(at + r * 2L * L);
        long last0 = (x0 + b * 64L + 60) & Memory.MASK;
        ShortVector p0 =
            s.mul(IntVector.broadcast(I, ALL.get(INT, last0)).reinterpretAsShorts()).add(less0);
        long last1 = (x1 + b * 64L + 60) & Memory.MASK;
        ShortVector p1 =
            s.mul(IntVector.broadcast(I, ALL.get(INT, last1)).reinterpretAsShorts()).add(less1);
        long last2 = (x2 + b * 64L + 60) & Memory.MASK;
        ShortVector p2 =
            s.mul(IntVector.broadcast(I, ALL.get(INT, last2)).reinterpretAsShorts()).add(less2);
        long last3 = (x3 + b * 64L + 60) & Memory.MASK;
        ShortVector p3 =
            s.mul(IntVector.broadcast(I, ALL.get(INT, last3)).reinterpretAsShorts()).add(less3);
        for (int w = 0; w < 5; w++) {
          IntVector v =
              IntVector.fromMemorySegment(I, ALL, at + 6L * L + r * 4L * L + w * 12L * L, LE);
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
        long to = (products + b * 48L * L + r * 16L * L) & Memory.MASK;
        IntVector sum = p0.reinterpretAsInts();
        sum.lanewise(ASHR, 16)
            .add(sum.lanewise(LSHL, 16).lanewise(ASHR, 16))
            .intoMemorySegment(ALL, to, LE);
        sum = p1.reinterpretAsInts();
        sum.lanewise(ASHR, 16)
            .add(sum.lanewise(LSHL, 16).lanewise(ASHR, 16))
            .intoMemorySegment(ALL, to + 4L * L, LE);
        sum = p2.reinterpretAsInts();
        sum.lanewise(ASHR, 16)
            .add(sum.lanewise(LSHL, 16).lanewise(ASHR, 16))
            .intoMemorySegment(ALL, to + 8L * L, LE);
        sum = p3.reinterpretAsInts();
        sum.lanewise(ASHR, 16)
            .add(sum.lanewise(LSHL, 16).lanewise(ASHR, 16))
            .intoMemorySegment(ALL, to + 12L * L, LE);
      }
    }
  }

  private static void bytes(
      PackedMatrix m,
      int group,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      long products) {
    long start = m.weightsOf(group, from);
    long step = m.blockStep();
    Activations t0 = tokens[first];
    Activations t1 = tokens[first + 1];
    Activations t2 = tokens[first + 2];
    Activations t3 = tokens[first + 3];
    long x0 = t0.pairsAddress() + from * 64L;
    long x1 = t1.pairsAddress() + from * 64L;
    long x2 = t2.pairsAddress() + from * 64L;
    long x3 = t3.pairsAddress() + from * 64L;
    for (int b = 0; b < blocks; b++) {
      long at = (start + b * step) & Memory.MASK;
      for (int r = 0; r < 3; r++) {
        IntVector p0 = IntVector.zero(I);
        IntVector p1 = IntVector.zero(I);
        IntVector p2 = IntVector.zero(I);
        IntVector p3 = IntVector.zero(I);
        for (int j = 0; j < 8; j++) {
          ShortVector v = weights(at + r * 2L * L + j * 12L * L);
          ShortVector w = weights(at + r * 2L * L + j * 12L * L + 6L * L);
          long k0 = (x0 + b * 64L + j * 8L) & Memory.MASK;
          IntVector i =
              v.mul(IntVector.broadcast(I, ALL.get(INT, k0)).reinterpretAsShorts())
                  .add(w.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 4)).reinterpretAsShorts()))
                  .reinterpretAsInts();
          p0 = p0.add(i.lanewise(ASHR, 16)).add(i.lanewise(LSHL, 16).lanewise(ASHR, 16));
          long k1 = (x1 + b * 64L + j * 8L) & Memory.MASK;
          i =
              v.mul(IntVector.broadcast(I, ALL.get(INT, k1)).reinterpretAsShorts())
                  .add(w.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 4)).reinterpretAsShorts()))
                  .reinterpretAsInts();
          p1 = p1.add(i.lanewise(ASHR, 16)).add(i.lanewise(LSHL, 16).lanewise(ASHR, 16));
          long k2 = (x2 + b * 64L + j * 8L) & Memory.MASK;
          i =
              v.mul(IntVector.broadcast(I, ALL.get(INT, k2)).reinterpretAsShorts())
                  .add(w.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 4)).reinterpretAsShorts()))
                  .reinterpretAsInts();
          p2 = p2.add(i.lanewise(ASHR, 16)).add(i.lanewise(LSHL, 16).lanewise(ASHR, 16));
          long k3 = (x3 + b * 64L + j * 8L) & Memory.MASK;
          i =
              v.mul(IntVector.broadcast(I, ALL.get(INT, k3)).reinterpretAsShorts())
                  .add(w.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 4)).reinterpretAsShorts()))
                  .reinterpretAsInts();
          p3 = p3.add(i.lanewise(ASHR, 16)).add(i.lanewise(LSHL, 16).lanewise(ASHR, 16));
        }
        long to = (products + b * 48L * L + r * 16L * L) & Memory.MASK;
        p0.intoMemorySegment(ALL, to, LE);
        p1.intoMemorySegment(ALL, to + 4L * L, LE);
        p2.intoMemorySegment(ALL, to + 8L * L, LE);
        p3.intoMemorySegment(ALL, to + 12L * L, LE);
      }
    }
  }

  private static void sixes(
      PackedMatrix m,
      int group,
      int from,
      int blocks,
      Activations[] tokens,
      int first,
      long products) {
    long start = m.weightsOf(group, from);
    long step = m.blockStep();
    Activations t0 = tokens[first];
    Activations t1 = tokens[first + 1];
    Activations t2 = tokens[first + 2];
    Activations t3 = tokens[first + 3];
    long x0 = t0.pairsAddress() + from * 32L;
    long x1 = t1.pairsAddress() + from * 32L;
    long x2 = t2.pairsAddress() + from * 32L;
    long x3 = t3.pairsAddress() + from * 32L;
    ShortVector less32 = ShortVector.fromArray(S, PackedDots.LESS_32, 0);
    ShortVector low4 = ShortVector.fromArray(S, PackedDots.LOW_4, 0);
    ShortVector low6 = ShortVector.fromArray(S, PackedDots.LOW_6, 0);
    ShortVector top2 = ShortVector.fromArray(S, PackedDots.TOP_2_OF_6, 0);
    for (int b = 0; b < blocks; b++) {
      long at = (start + b * step) & Memory.MASK;
      ShortVector p0 =
          IntVector.broadcast(I, t0.halves16[from + b]).reinterpretAsShorts().mul(less32);
      ShortVector p1 =
          IntVector.broadcast(I, t1.halves16[from + b]).reinterpretAsShorts().mul(less32);
      ShortVector p2 =
          IntVector.broadcast(I, t2.halves16[from + b]).reinterpretAsShorts().mul(less32);
      ShortVector p3 =
          IntVector.broadcast(I, t3.halves16[from + b]).reinterpretAsShorts().mul(less32);
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
        ShortVector top = high.lanewise(LSHR, 8 + 2 * w).reinterpretAsShorts().and(top2);
        k0 = (x0 + b * 32L + w * 4L + 16) & Memory.MASK;
        k1 = (x1 + b * 32L + w * 4L + 16) & Memory.MASK;
        k2 = (x2 + b * 32L + w * 4L + 16) & Memory.MASK;
        k3 = (x3 + b * 32L + w * 4L + 16) & Memory.MASK;
        s = high.lanewise(LSHR, 6 * w).reinterpretAsShorts().and(low6);
        p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0)).reinterpretAsShorts()).add(p0);
        p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1)).reinterpretAsShorts()).add(p1);
        p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2)).reinterpretAsShorts()).add(p2);
        p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3)).reinterpretAsShorts()).add(p3);
        s = v.lanewise(LSHR, 12).reinterpretAsShorts().and(low4).or(top);
        p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k0 + 8)).reinterpretAsShorts()).add(p0);
        p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k1 + 8)).reinterpretAsShorts()).add(p1);
        p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k2 + 8)).reinterpretAsShorts()).add(p2);
        p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k3 + 8)).reinterpretAsShorts()).add(p3);
      }
      long to = (products + b * 16L * L) & Memory.MASK;
      IntVector sum = p0.reinterpretAsInts();
      sum.lanewise(ASHR, 16)
          .add(sum.lanewise(LSHL, 16).lanewise(ASHR, 16))
          .intoMemorySegment(ALL, to, LE);
      sum = p1.reinterpretAsInts();
      sum.lanewise(ASHR, 16)
          .add(sum.lanewise(LSHL, 16).lanewise(ASHR, 16))
          .intoMemorySegment(ALL, to + 4L * L, LE);
      sum = p2.reinterpretAsInts();
      sum.lanewise(ASHR, 16)
          .add(sum.lanewise(LSHL, 16).lanewise(ASHR, 16))
          .intoMemorySegment(ALL, to + 8L * L, LE);
      sum = p3.reinterpretAsInts();
      sum.lanewise(ASHR, 16)
          .add(sum.lanewise(LSHL, 16).lanewise(ASHR, 16))
          .intoMemorySegment(ALL, to + 12L * L, LE);
    }
  }

  private static ShortVector weights(long at) {
    return (ShortVector) ByteVector.fromMemorySegment(BS, ALL, at, LE).convertShape(B2S, S, 0);
  }
}
