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
    int rows = m.packing().groupRows();
    long start = m.data().address() + m.scalesOf(group);
    switch (m.type()) {
      case Q4_1, Q5_1 -> {
        long minima = start + 2L * rows * (m.cols() / 32);
        halves(start + 2L * rows * from, rows, blocks, 1, factors, scales);
        halves(minima + 2L * rows * from, rows, blocks, -1, sums, minus);
      }
      case Q4_K, Q5_K ->
          withMinima(start + 20L * rows * (from / 8), rows, blocks, factors, sums, scales, minus);
      case Q6_K -> sixteenths(start + 18L * rows * (from / 16), rows, blocks, factors, scales);
      default -> halves(start + 2L * rows * from, rows, blocks, 1, factors, scales);
    }
  }

  private static void halves(
      long start, int rows, int blocks, float constant, float[] factors, float[] out) {
    for (int b = 0; b < blocks; b++) {
      float factor = constant * factors[b];
      for (int r = 0; r < rows; r += L) {
        int i = b * rows + r;
        half(start + 2L * i).mul(factor).intoArray(out, i);
      }
    }
  }

  private static void withMinima(
      long start,
      int rows,
      int blocks,
      float[] factors,
      float[] sums,
      float[] scales,
      float[] minus) {
    for (int first = 0; first < blocks; first += 8) {
      long block = start + first / 8 * 20L * rows;
      for (int r = 0; r < rows; r += L) {
        FloatVector d = half(block + 2L * r);
        FloatVector min = half(block + 2L * (rows + r));
        for (int j = 0; j < 8; j++) {
          int i = (first + j) * rows + r;
          long scale = block + (4L + j) * rows + r;
          bytes(scale).mul(d).mul(factors[first + j]).intoArray(scales, i);
          bytes(scale + 8L * rows).mul(min).mul(sums[first + j]).intoArray(minus, i);
        }
      }
    }
  }

  private static void sixteenths(
      long start, int rows, int blocks, float[] factors, float[] scales) {
    for (int first = 0; first < blocks; first += 16) {
      long block = start + first / 16 * 18L * rows;
      for (int r = 0; r < rows; r += L) {
        FloatVector d = half(block + 2L * r);
        for (int j = 0; j < 16; j++) {
          FloatVector scale = bytes(block + (2L + j) * rows + r).mul(d);
          scale.mul(factors[first + j]).intoArray(scales, (first + j) * rows + r);
        }
      }
    }
  }

  /** Halves to floats by moving their bits, subnormals too: the result is short of 2^112. */
  private static FloatVector half(long at) {
    ShortVector halves = ShortVector.fromMemorySegment(SF, ALL, at & Memory.MASK, LE);
    IntVector bits = (IntVector) halves.convertShape(S2I, I, 0);
    return bits.lanewise(LSHL, 13).and(0x8FFFE000).reinterpretAsFloats().mul(0x1p112f);
  }

  private static FloatVector bytes(long at) {
    ByteVector bytes = ByteVector.fromMemorySegment(BF, ALL, at & Memory.MASK, LE);
    return (FloatVector) bytes.castShape(F, 0);
  }
}
