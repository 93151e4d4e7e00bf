package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BS;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static dev.qwen4j.inference.internal.kernel.Tiles.STRIP;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2S;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Packed weights as float32 for the panels that prefill multiplies: {@code strip[k][row]}, so that
 * lanes stay lanes and nothing is transposed. The values are those of {@link Dequantizer}, to the
 * bit but for the sign of zeros.
 */
final class PackedPanels {
  /** Bytes from one column of a strip to the next. */
  private static final long COLUMN = 4L * STRIP;

  private PackedPanels() {}

  /**
   * Writes columns {@code from} to {@code from + n}, whole blocks of the file, of a group's rows to
   * the rows from {@code row} on of a panel, in strips as {@link Tiles#inStrips} finds them.
   *
   * @param panel its address
   */
  static void unpack(
      PackedMatrix m, int group, int from, int n, Scratch scratch, long panel, int row) {
    long at = panel + Tiles.inStrips(row, n);
    for (int k = 0; k < n; k += 256) {
      unpack(m, group, from + k, Math.min(256, n - k), scratch, at + k * COLUMN);
    }
  }

  /** 256 columns, or what is left of a row. */
  private static void unpack(PackedMatrix m, int group, int from, int n, Scratch scratch, long at) {
    Packing packing = m.packing();
    int rows = packing.groupRows();
    int blocks = n / packing.block();
    int first = from / packing.block();
    float[] scales = scratch.scales(blocks * rows);
    int center = PackedScales.center(m.type());
    boolean minima = PackedScales.haveMinima(m.type());
    float[] minus = minima ? scratch.minus(blocks * rows) : scratch.zeros(blocks * rows);
    float[] ones = scratch.ones(m.cols() / packing.block());
    PackedScales.scales(m, group, first, blocks, ones, scales, 0);
    if (minima) {
      PackedScales.minus(m, group, first, blocks, ones, minus);
    }
    long start = m.weightsOf(group, first);
    long step = m.blockStep();
    switch (packing) {
      case BYTES -> bytes(start, step, blocks, scales, at);
      case NIBBLES -> nibbles(start, step, blocks, center, scales, minus, at);
      case FIVES -> fives(start, step, blocks, center, scales, minus, at);
      case SIXES -> sixes(start, step, blocks, center, scales, minus, at);
    }
  }

  private static void bytes(long start, long step, int blocks, float[] scales, long at) {
    for (int i = 0; i < blocks * 3; i++) {
      int b = i / 3;
      int r = i % 3;
      long block = (start + b * step + r * 2L * L) & Memory.MASK;
      FloatVector scale = FloatVector.fromArray(F, scales, i * L);
      for (int j = 0; j < 16; j++) {
        IntVector v = pairsOfBytes(block + j * 6L * L);
        long to = (at + r * 4L * L + (b * 32L + 2L * j) * COLUMN) & Memory.MASK;
        floats(v.lanewise(LSHL, 16).lanewise(ASHR, 16)).mul(scale).intoMemorySegment(ALL, to, LE);
        floats(v.lanewise(ASHR, 16)).mul(scale).intoMemorySegment(ALL, to + COLUMN, LE);
      }
    }
  }

  /** {@code q · scale − (center · scale + minus)}, whose products are exact. */
  private static FloatVector off(FloatVector scale, int center, float[] minus, int at) {
    return scale.mul(-center).sub(FloatVector.fromArray(F, minus, at));
  }

  private static void nibbles(
      long start, long step, int blocks, int center, float[] scales, float[] minus, long at) {
    for (int i = 0; i < blocks * 3; i++) {
      int b = i / 3;
      int r = i % 3;
      FloatVector scale = FloatVector.fromArray(F, scales, i * L);
      FloatVector off = off(scale, center, minus, i * L);
      long block = (start + b * step + r * 4L * L) & Memory.MASK;
      for (int w = 0; w < 4; w++) {
        IntVector v = IntVector.fromMemorySegment(I, ALL, block + w * 12L * L, LE);
        long to = (at + r * 4L * L + (b * 32L + w * 8L) * COLUMN) & Memory.MASK;
        for (int h = 0; h < 2; h++) {
          IntVector q = v.lanewise(LSHR, 16 * h);
          put(q.and(15), scale, off, to + h * COLUMN);
          put(q.lanewise(LSHR, 4).and(15), scale, off, to + (2 + h) * COLUMN);
          put(q.lanewise(LSHR, 8).and(15), scale, off, to + (4 + h) * COLUMN);
          put(q.lanewise(LSHR, 12).and(15), scale, off, to + (6 + h) * COLUMN);
        }
      }
    }
  }

  private static void fives(
      long start, long step, int blocks, int center, float[] scales, float[] minus, long at) {
    for (int i = 0; i < blocks * 3; i++) {
      int b = i / 3;
      int r = i % 3;
      FloatVector scale = FloatVector.fromArray(F, scales, i * L);
      FloatVector off = off(scale, center, minus, i * L);
      long block = (start + b * step) & Memory.MASK;
      for (int w = 0; w < 5; w++) {
        IntVector v = IntVector.fromMemorySegment(I, ALL, block + (6L + w * 12L + r * 4L) * L, LE);
        long to = (at + r * 4L * L + (b * 32L + w * 6L) * COLUMN) & Memory.MASK;
        for (int h = 0; h < 2; h++) {
          IntVector q = v.lanewise(LSHR, 16 * h);
          put(q.and(31), scale, off, to + h * COLUMN);
          put(q.lanewise(LSHR, 5).and(31), scale, off, to + (2 + h) * COLUMN);
          put(q.lanewise(LSHR, 10).and(31), scale, off, to + (4 + h) * COLUMN);
        }
      }
      IntVector v = pairsOfBytes(block + r * 2L * L);
      long to = (at + r * 4L * L + (b * 32L + 30) * COLUMN) & Memory.MASK;
      put(v.and(0xFFFF), scale, off, to);
      put(v.lanewise(LSHR, 16), scale, off, to + COLUMN);
    }
  }

  private static void sixes(
      long start, long step, int blocks, int center, float[] scales, float[] minus, long at) {
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * step) & Memory.MASK;
      FloatVector scale = FloatVector.fromArray(F, scales, b * L);
      FloatVector off = off(scale, center, minus, b * L);
      IntVector tops = IntVector.fromMemorySegment(I, ALL, block + 8L * L, LE);
      for (int i = 0; i < 4; i++) {
        int w = i / 2;
        int h = i % 2;
        IntVector v = IntVector.fromMemorySegment(I, ALL, block + w * 4L * L, LE);
        IntVector q = v.lanewise(LSHR, 16 * h);
        IntVector top = tops.lanewise(LSHR, 16 * h);
        long to = (at + (b * 16L + w * 4L + h) * COLUMN) & Memory.MASK;
        put(q.and(63), scale, off, to);
        put(q.lanewise(LSHR, 6).and(63), scale, off, to + 2 * COLUMN);
        to = (at + (b * 16L + 8 + w * 2L + h) * COLUMN) & Memory.MASK;
        put(top.lanewise(LSHR, 6 * w).and(63), scale, off, to);
        q = q.lanewise(LSHR, 12).and(15).or(top.lanewise(LSHR, 8 + 2 * w).and(0x30));
        put(q, scale, off, to + 4 * COLUMN);
      }
    }
  }

  private static void put(IntVector q, FloatVector scale, FloatVector off, long at) {
    floats(q).fma(scale, off).intoMemorySegment(ALL, at, LE);
  }

  private static IntVector pairsOfBytes(long at) {
    return ByteVector.fromMemorySegment(BS, ALL, at, LE)
        .convertShape(B2S, S, 0)
        .reinterpretAsInts();
  }

  private static FloatVector floats(IntVector v) {
    return (FloatVector) v.convert(I2F, 0);
  }
}
