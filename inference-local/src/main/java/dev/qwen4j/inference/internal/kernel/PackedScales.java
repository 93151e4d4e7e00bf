package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BF;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * The scales of a group's blocks as floats, which is all that tells the types of one {@link
 * Packing} apart. A weight is {@code scale · (q − center) − minus}.
 *
 * <p>Of the types with blocks of 32, a half per row behind each block, of Q4_1 and Q5_1 a second
 * one for the minima. Before each 256 columns of the K types: a half per row, of Q4_K and Q5_K a
 * second one for the minima, then [8 or 16, rows] of byte scales, then of byte minima.
 */
final class PackedScales {
  private PackedScales() {}

  /** What has to be taken off the integers of a type that are stored without a sign. */
  static int center(TensorType type) {
    return switch (type) {
      case Q4_0 -> 8;
      case Q5_0 -> 16;
      case Q6_K -> 32;
      default -> 0;
    };
  }

  /**
   * What of its packing's center a type's weights do not have taken off: {@link PackedDots} takes
   * it off all.
   */
  static int back(TensorType type) {
    return switch (type) {
      case Q4_1, Q4_K -> 8;
      case Q5_1, Q5_K -> 16;
      default -> 0;
    };
  }

  /** Whether a type's weights have something taken off that differs from block to block. */
  static boolean haveMinima(TensorType type) {
    return switch (type) {
      case Q4_1, Q5_1, Q4_K, Q5_K -> true;
      default -> false;
    };
  }

  /**
   * Writes [blocks, rows] of {@code scale · factor}.
   *
   * @param from the first block; of the K types, the first of 256 columns, which are written
   * @param factors one per block of the row
   * @param at where {@code out} begins
   */
  static void scales(
      PackedMatrix m, int group, int from, int blocks, float[] factors, float[] out, int at) {
    long start = m.scalesOf(group, from);
    switch (m.type()) {
      case Q4_K, Q5_K -> bytes(start, 0, factors, from, out, at);
      case Q6_K -> sixteenths(start, factors, from, out, at);
      default -> halves(start, m.blockStep(), blocks, 1, factors, from, out, at);
    }
  }

  /**
   * Writes [blocks, rows] of {@code minus} of a type that {@link #haveMinima}.
   *
   * @param from the first block; of the K types, the first of 256 columns, which are written
   * @param ones as many as blocks of the row
   */
  static void minus(PackedMatrix m, int group, int from, int blocks, float[] ones, float[] out) {
    long start = m.scalesOf(group, from);
    switch (m.type()) {
      case Q4_1, Q5_1 -> {
        halves(start + 6L * L, m.blockStep(), blocks, -1, ones, from, out, 0);
      }
      default -> bytes(start, 1, ones, from, out, 0);
    }
  }

  /**
   * {@code out[at + row] += Σ (back · scale[block, row] − minus[block, row]) · sum[block]} of a
   * type that {@link #haveMinima}: what {@link PackedDots} took off too much, and what is to be.
   *
   * @param from the first block
   * @param blocks of a K type those of 256 columns
   * @param sums scale · Σq of the activations, per block of the row
   */
  static void takeOff(
      PackedMatrix m, int group, int from, int blocks, float[] sums, float[] out, int at) {
    long start = m.scalesOf(group, from);
    float back = back(m.type());
    for (int r = 0; r < 3 * L; r += L) {
      switch (m.type()) {
        case Q4_1, Q5_1 ->
            ofHalves(start + 2L * r, m.blockStep(), blocks, back, sums, from, out, at + r);
        default -> {
          ofBytes(start, 0, r, back, sums, from, out, at + r);
          ofBytes(start, 1, r, -1, sums, from, out, at + r);
        }
      }
    }
  }

  private static void ofHalves(
      long start, long step, int blocks, float back, float[] sums, int from, float[] out, int at) {
    FloatVector more = FloatVector.zero(F);
    FloatVector sum = FloatVector.fromArray(F, out, at);
    for (int b = 0; b < blocks; b++) {
      FloatVector factor = FloatVector.broadcast(F, sums[from + b]);
      long scale = (start + b * step) & Memory.MASK;
      more = half(scale).fma(factor, more);
      sum = half(scale + 6L * L).fma(factor, sum);
    }
    more.mul(back).add(sum).intoArray(out, at);
  }

  /**
   * {@code out[at …] += constant · half · Σ bytes[j] · sums[from + j]} of a vector of rows of 8
   * blocks. Written out, since C2 would make objects of what a helper returns.
   *
   * @param which the scales, 0, or the minima, 1
   * @param r the first of the rows
   */
  private static void ofBytes(
      long start, int which, int r, float constant, float[] sums, int from, float[] out, int at) {
    long half = (start + which * 6L * L + 2L * r) & Memory.MASK;
    long bytes = start + 12L * L + which * 24L * L + r;
    FloatVector sum = FloatVector.zero(F);
    for (int j = 0; j < 8; j++) {
      FloatVector factor = FloatVector.broadcast(F, sums[from + j]);
      long b = (bytes + j * 3L * L) & Memory.MASK;
      sum =
          ((FloatVector) ByteVector.fromMemorySegment(BF, ALL, b, LE).convertShape(B2F, F, 0))
              .fma(factor, sum);
    }
    IntVector bits =
        (IntVector) ShortVector.fromMemorySegment(SF, ALL, half, LE).convertShape(S2I, I, 0);
    FloatVector f = bits.and(0x7FFF).lanewise(LSHL, 13).add((127 - 15) << 23).reinterpretAsFloats();
    IntVector size = f.add(f.min(0x1p-14f).sub(0x1p-14f)).reinterpretAsInts();
    size.or(bits.and(0x80000000))
        .reinterpretAsFloats()
        .mul(constant)
        .fma(sum, FloatVector.fromArray(F, out, at))
        .intoArray(out, at);
  }

  private static void halves(
      long start,
      long step,
      int blocks,
      float constant,
      float[] factors,
      int first,
      float[] out,
      int at) {
    for (int b = 0; b < blocks; b++) {
      FloatVector factor = FloatVector.broadcast(F, constant * factors[first + b]);
      long from = (start + b * step) & Memory.MASK;
      int to = at + b * 3 * L;
      half(from).mul(factor).intoArray(out, to);
      half(from + 2L * L).mul(factor).intoArray(out, to + L);
      half(from + 4L * L).mul(factor).intoArray(out, to + 2 * L);
    }
  }

  /**
   * Of 8 blocks, halves for each row, and the bytes they are a factor of.
   *
   * @param which the scales, 0, or the minima, 1
   */
  private static void bytes(
      long start, int which, float[] factors, int first, float[] out, int at) {
    long unit = start & Memory.MASK;
    for (int r = 0; r < 3 * L; r += L) {
      FloatVector d = half(unit + which * 6L * L + 2L * r);
      long from = unit + 12L * L + which * 24L * L + r;
      for (int j = 0; j < 8; j++) {
        ((FloatVector)
                ByteVector.fromMemorySegment(BF, ALL, from + j * 3L * L, LE)
                    .convertShape(B2F, F, 0))
            .mul(d)
            .mul(factors[first + j])
            .intoArray(out, at + j * 3 * L + r);
      }
    }
  }

  /** Of 16 blocks, a half for each row, and the bytes it is a factor of. */
  private static void sixteenths(long start, float[] factors, int first, float[] out, int at) {
    long unit = start & Memory.MASK;
    FloatVector d = half(unit);
    for (int j = 0; j < 16; j++) {
      ((FloatVector)
              ByteVector.fromMemorySegment(BF, ALL, unit + (2L + j) * L, LE)
                  .convertShape(B2F, F, 0))
          .mul(d)
          .mul(factors[first + j])
          .intoArray(out, at + j * L);
    }
  }

  /**
   * Halves to floats by moving their bits. The scales of K types are subnormal halves as a rule; as
   * bits alone they would be subnormal floats, of which each multiply costs an Intel processor more
   * than a hundred cycles. So all get the exponent of normal ones, {@code f}, and where that is
   * wrong, which is where {@code f < 2^-14}, the half is {@code 2f − 2^-14}.
   */
  private static FloatVector half(long at) {
    ShortVector halves = ShortVector.fromMemorySegment(SF, ALL, at, LE);
    IntVector bits = (IntVector) halves.convertShape(S2I, I, 0);
    FloatVector f = bits.and(0x7FFF).lanewise(LSHL, 13).add((127 - 15) << 23).reinterpretAsFloats();
    IntVector size = f.add(f.min(0x1p-14f).sub(0x1p-14f)).reinterpretAsInts();
    return size.or(bits.and(0x80000000)).reinterpretAsFloats();
  }
}
