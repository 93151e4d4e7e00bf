package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BF;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
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
 * <p>In a group, [blocks, rows] of halves for the types with blocks of 32, then, of Q4_1 and Q5_1,
 * the same of minima. For each 256 weights of the K types: a half per row, of Q4_K and Q5_K a
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
   * Writes [blocks, rows] of {@code scale · factor}, and of {@code minus · sum} for the types that
   * {@link #haveMinima}.
   *
   * @param from the first block
   * @param factors one per block that is written
   * @param sums one per block that is written
   */
  static void write(
      PackedMatrix m,
      int group,
      int from,
      int blocks,
      float[] factors,
      float[] sums,
      float[] scales,
      float[] minus) {
    long start = m.data().address() + m.scalesOf(group);
    switch (m.type()) {
      case Q4_1, Q5_1 -> {
        long minima = start + 6L * L * (m.cols() / 32);
        halves(start + 6L * L * from, blocks, 1, factors, scales);
        halves(minima + 6L * L * from, blocks, -1, sums, minus);
      }
      case Q4_K, Q5_K -> {
        long block = start + 60L * L * (from / 8);
        bytes(block, 12L * L, blocks, factors, scales);
        bytes(block + 6L * L, 30L * L, blocks, sums, minus);
      }
      case Q6_K -> sixteenths(start + 18L * L * (from / 16), blocks, factors, scales);
      default -> halves(start + 6L * L * from, blocks, 1, factors, scales);
    }
  }

  private static void halves(long start, int blocks, float constant, float[] factors, float[] out) {
    for (int b = 0; b < blocks; b++) {
      FloatVector factor = FloatVector.broadcast(F, constant * factors[b]);
      long at = (start + b * 6L * L) & Memory.MASK;
      int to = b * 3 * L;
      half(at).mul(factor).intoArray(out, to);
      half(at + 2L * L).mul(factor).intoArray(out, to + L);
      half(at + 4L * L).mul(factor).intoArray(out, to + 2 * L);
    }
  }

  /** Of each 8 blocks, a half for each row, and {@code further} on the bytes it is a factor of. */
  private static void bytes(long start, long further, int blocks, float[] factors, float[] out) {
    for (int first = 0; first < blocks; first += 8) {
      for (int r = 0; r < 3 * L; r += L) {
        long at = (start + first / 8 * 60L * L) & Memory.MASK;
        FloatVector d = half(at + 2L * r);
        for (int b = first; b < first + 8; b++) {
          FloatVector scale = bytes(at + further + (b - first) * 3L * L + r).mul(d);
          scale.mul(factors[b]).intoArray(out, b * 3 * L + r);
        }
      }
    }
  }

  /** Of each 16 blocks, a half for each row, and the bytes it is a factor of. */
  private static void sixteenths(long start, int blocks, float[] factors, float[] scales) {
    for (int first = 0; first < blocks; first += 16) {
      long block = (start + first / 16 * 18L * L) & Memory.MASK;
      FloatVector d = half(block);
      for (int j = 0; j < 16; j++) {
        FloatVector scale = bytes(block + (2L + j) * L).mul(d);
        scale.mul(factors[first + j]).intoArray(scales, (first + j) * L);
      }
    }
  }

  /** Halves to floats by moving their bits, subnormals too: the result is short of 2^112. */
  private static FloatVector half(long at) {
    ShortVector halves = ShortVector.fromMemorySegment(SF, ALL, at, LE);
    IntVector bits = (IntVector) halves.convertShape(S2I, I, 0);
    return bits.lanewise(LSHL, 13).and(0x8FFFE000).reinterpretAsFloats().mul(0x1p112f);
  }

  private static FloatVector bytes(long at) {
    ByteVector bytes = ByteVector.fromMemorySegment(BF, ALL, at, LE);
    return (FloatVector) bytes.castShape(F, 0);
  }
}
