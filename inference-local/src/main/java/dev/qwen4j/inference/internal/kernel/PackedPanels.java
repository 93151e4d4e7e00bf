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
  private PackedPanels() {}

  /**
   * Writes columns {@code from} to {@code from + n}, whole blocks of the file, of a group's rows to
   * the rows of a panel that begin at {@code row}. The panel lies in strips, as {@link
   * Tiles#inStrips} finds them.
   */
  static void unpack(
      PackedMatrix m, int group, int from, int n, Scratch scratch, float[] panel, int row) {
    Packing packing = m.packing();
    int rows = packing.groupRows();
    int blocks = n / packing.block();
    int first = from / packing.block();
    float[] scales = scratch.scales(blocks * rows);
    int center = PackedScales.center(m.type());
    boolean minima = PackedScales.haveMinima(m.type());
    float[] minus = minima ? scratch.minus(blocks * rows) : scratch.zeros(blocks * rows);
    float[] ones = scratch.ones(blocks);
    PackedScales.scales(m, group, first, blocks, ones, scales, 0);
    if (minima) {
      PackedScales.minus(m, group, first, blocks, ones, minus);
    }
    long weights = m.data().address() + m.weightsOf(group);
    for (int r = 0; r < rows; r += L) {
      long vector = weights + r / L * packing.vectorBytes(m.cols());
      int at = Tiles.inStrips(row + r, n);
      switch (packing) {
        case BYTES -> bytes(vector + first * 32L * L, r, blocks, scales, panel, at);
        case NIBBLES ->
            words(4, vector + first * 16L * L, r, blocks, center, scales, minus, panel, at);
        case FIVES -> {
          words(5, vector + first * 20L * L, r, blocks, center, scales, minus, panel, at);
          long last = vector + m.cols() / 32 * 20L * L + first * 2L * L;
          lastPairOfFives(last, r, blocks, center, scales, minus, panel, at);
        }
        case SIXES -> sixes(vector + first * 12L * L, blocks, center, scales, minus, panel, at);
      }
    }
  }

  private static void bytes(long start, int r, int blocks, float[] scales, float[] panel, int at) {
    for (int i = 0; i < blocks * 16; i++) {
      long from = (start + i * 2L * L) & Memory.MASK;
      FloatVector scale = FloatVector.fromArray(F, scales, i / 16 * 3 * L + r);
      IntVector v = pairsOfBytes(from);
      int to = at + 2 * i * STRIP;
      floats(v.lanewise(LSHL, 16).lanewise(ASHR, 16)).mul(scale).intoArray(panel, to);
      floats(v.lanewise(ASHR, 16)).mul(scale).intoArray(panel, to + STRIP);
    }
  }

  /** Words of two 16-bit halves, each as full of weights as it gets, lowest bits first. */
  private static void words(
      int bits,
      long start,
      int r,
      int blocks,
      int center,
      float[] scales,
      float[] minus,
      float[] panel,
      int at) {
    int mask = (1 << bits) - 1;
    int perWord = 16 / bits * 2;
    int words = 32 / perWord;
    for (int i = 0; i < blocks * words; i++) {
      int b = i / words;
      int word = i % words;
      long from = (start + i * 4L * L) & Memory.MASK;
      IntVector v = IntVector.fromMemorySegment(I, ALL, from, LE);
      FloatVector scale = FloatVector.fromArray(F, scales, b * 3 * L + r);
      FloatVector less = FloatVector.fromArray(F, minus, b * 3 * L + r);
      int to = at + (b * 32 + word * perWord) * STRIP;
      for (int j = 0; j < perWord; j++) {
        int shift = j / 2 * bits + j % 2 * 16;
        FloatVector q = floats(v.lanewise(LSHR, shift).and(mask).sub(center));
        q.mul(scale).sub(less).intoArray(panel, to + j * STRIP);
      }
    }
  }

  private static void lastPairOfFives(
      long start,
      int r,
      int blocks,
      int center,
      float[] scales,
      float[] minus,
      float[] panel,
      int at) {
    for (int b = 0; b < blocks; b++) {
      long from = (start + b * 2L * L) & Memory.MASK;
      IntVector v = pairsOfBytes(from);
      FloatVector scale = FloatVector.fromArray(F, scales, b * 3 * L + r);
      FloatVector less = FloatVector.fromArray(F, minus, b * 3 * L + r);
      int to = at + (b * 32 + 30) * STRIP;
      FloatVector even = floats(v.and(0xFFFF).sub(center));
      even.mul(scale).sub(less).intoArray(panel, to);
      FloatVector odd = floats(v.lanewise(LSHR, 16).sub(center));
      odd.mul(scale).sub(less).intoArray(panel, to + STRIP);
    }
  }

  private static void sixes(
      long start, int blocks, int center, float[] scales, float[] minus, float[] panel, int at) {
    for (int b = 0; b < blocks; b++) {
      long block = (start + b * 12L * L) & Memory.MASK;
      FloatVector scale = FloatVector.fromArray(F, scales, b * L);
      FloatVector less = FloatVector.fromArray(F, minus, b * L);
      IntVector tops = IntVector.fromMemorySegment(I, ALL, block + 8L * L, LE);
      for (int j = 0; j < 16; j++) {
        int pair = j / 2;
        int half = j % 2 * 16;
        IntVector q;
        if (pair < 6) {
          long word = block + pair / 2 * 4L * L;
          q = IntVector.fromMemorySegment(I, ALL, word, LE);
          q = q.lanewise(LSHR, pair % 2 * 6 + half).and(63);
        } else {
          long word = block + (pair - 6) * 4L * L;
          q = IntVector.fromMemorySegment(I, ALL, word, LE).lanewise(LSHR, 12 + half).and(15);
          q = q.or(tops.lanewise(LSHR, 12 + (pair - 6) * 2 + half).and(3).lanewise(LSHL, 4));
        }
        floats(q.sub(center)).mul(scale).sub(less).intoArray(panel, at + (b * 16 + j) * STRIP);
      }
    }
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
