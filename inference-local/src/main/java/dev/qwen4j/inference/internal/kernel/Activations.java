package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * One token's activations in the forms that row products read: as they are, and rounded to 8 bits
 * in blocks of 32 with a scale each (ggml's Q8_0, but 16 bits wide in memory, which is what 16-bit
 * multiplies want). The buffers are reused from token to token.
 *
 * <p>Weights of 4 and 5 bits lie several to a word, and getting one out takes a shift and a mask.
 * The mask can be saved where sums are taken modulo 2^16 anyway: with {@code s_j = word >> 4j}, the
 * weights are {@code n_j = s_j − 16 s_(j+1)}, and so {@code Σ x_j n_j = Σ (x_j − 16 x_(j−1)) s_j}.
 * So it is the activations that change, once for all rows ({@link #fours}, {@link #fives}).
 */
final class Activations {
  /** 1.5 · 2^23: adding it rounds a small float to an integer in the low mantissa bits. */
  private static final float ROUND = 12582912f;

  /** As they are. */
  float[] x = new float[0];

  /** Halves decode to 2^-112 of their value without a multiply, and so on; this is x · 2^56. */
  float[] xHalf = new float[0];

  /**
   * Pairs of neighbours rounded to 8 bits, the first in the low 16 bits, the second in the high.
   */
  int[] pairs = new int[0];

  /** Pairs that words of four pairs of 4 bits are multiplied with, shifted but not masked. */
  int[] fours = new int[0];

  /** Pairs that words of three pairs of 5 bits are, with what is above a pair's half masked. */
  int[] fives = new int[0];

  /** Scale of each block of 32. */
  float[] scale = new float[0];

  /** Scale of each 16. */
  float[] scale16 = new float[0];

  /** scale · Σq of each block of 32. */
  float[] sum = new float[0];

  /** Σq of each block of 32. */
  int[] total = new int[0];

  /** Σq of the first and of the second of each pair, as a pair, of each block of 32. */
  int[] halves = new int[0];

  /** The same of each 16. */
  int[] halves16 = new int[0];

  private float[] own = new float[0];
  private int[] rounded = new int[0];

  /** {@link #pairs}, {@link #fours} and {@link #fives} once more, where kernels need no checks. */
  private MemorySegment copies = MemorySegment.NULL;

  /**
   * Takes a token as it is, and times 2^56 if that is wanted.
   *
   * @param values of one token or more
   * @param from where the token begins
   */
  void set(float[] values, int from, int cols, boolean halves) {
    if (from == 0) {
      x = values;
    } else {
      if (own.length < cols) {
        own = new float[cols];
      }
      System.arraycopy(values, from, own, 0, cols);
      x = own;
    }
    if (halves) {
      if (xHalf.length < cols) {
        xHalf = new float[cols];
      }
      for (int i = 0; i < cols; i++) {
        xHalf[i] = x[i] * 0x1p56f;
      }
    }
  }

  /**
   * Rounds a token.
   *
   * @param values of one token or more
   * @param from where the token begins
   * @param packings that it is to be multiplied with
   */
  void round(float[] values, int from, int cols, Set<Packing> packings) {
    if (rounded.length < cols) {
      rounded = new int[cols];
      int pairsOfAll = cols / 2;
      int blocksOfAll = cols / 32;
      pairs = new int[pairsOfAll];
      fours = new int[pairsOfAll];
      fives = new int[pairsOfAll];
      scale = new float[blocksOfAll];
      sum = new float[blocksOfAll];
      total = new int[blocksOfAll];
      halves = new int[blocksOfAll];
      scale16 = new float[2 * blocksOfAll];
      halves16 = new int[2 * blocksOfAll];
      copies = Arena.ofAuto().allocate(3 * 4L * pairsOfAll, 64);
    }
    round(values, from, cols);
    totals(cols);
    if (packings.contains(Packing.NIBBLES)) {
      fours(cols);
    }
    if (packings.contains(Packing.FIVES)) {
      fives(cols);
    }
    int n = cols / 2;
    MemorySegment.copy(pairs, 0, copies, JAVA_INT, 0, n);
    if (packings.contains(Packing.NIBBLES)) {
      MemorySegment.copy(fours, 0, copies, JAVA_INT, 4L * pairs.length, n);
    }
    if (packings.contains(Packing.FIVES)) {
      MemorySegment.copy(fives, 0, copies, JAVA_INT, 8L * pairs.length, n);
    }
  }

  /** The address of {@link #pairs}, as long as this object is reachable. */
  long pairsAddress() {
    return copies.address();
  }

  /** The address of {@link #fours}, as long as this object is reachable. */
  long foursAddress() {
    return copies.address() + 4L * pairs.length;
  }

  /** The address of {@link #fives}, as long as this object is reachable. */
  long fivesAddress() {
    return copies.address() + 8L * pairs.length;
  }

  private void round(float[] values, int from, int cols) {
    for (int b = 0; b < cols / 32; b++) {
      int at = b * 32;
      FloatVector max = FloatVector.zero(F);
      for (int j = 0; j < 32; j += L) {
        max = max.max(FloatVector.fromArray(F, values, from + at + j).abs());
      }
      float d = max.reduceLanes(VectorOperators.MAX) / 127;
      float inverse = d == 0 ? 0 : 1 / d;
      for (int j = 0; j < 32; j += L) {
        FloatVector.fromArray(F, values, from + at + j)
            .mul(inverse)
            .add(ROUND)
            .reinterpretAsInts()
            .sub(Float.floatToRawIntBits(ROUND))
            .intoArray(rounded, at + j);
      }
      scale[b] = d;
    }
  }

  private void totals(int cols) {
    for (int i = 0; i < cols / 16; i++) {
      int even = 0;
      int odd = 0;
      for (int p = i * 8; p < i * 8 + 8; p++) {
        even += rounded[2 * p];
        odd += rounded[2 * p + 1];
        pairs[p] = pair(rounded[2 * p], rounded[2 * p + 1]);
      }
      halves16[i] = pair(even, odd);
      int block = i / 2;
      scale16[i] = scale[block];
      boolean second = i % 2 == 1;
      total[block] = even + odd + (second ? total[block] : 0);
      if (second) {
        int before = halves16[i - 1];
        halves[block] = pair(even + (short) before, odd + (before >> 16));
        sum[block] = scale[block] * total[block];
      }
    }
  }

  /** Words of 32 bits are shifted as a whole: into the lower half comes what is in the upper. */
  private void fours(int cols) {
    for (int i = 0; i < cols; i += 8) {
      int[] q = rounded;
      int to = i / 2;
      fours[to] = pair(q[i], q[i + 1] - 16 * q[i + 6]);
      fours[to + 1] = pair(q[i + 2] - 16 * q[i], q[i + 3] - 16 * q[i + 1]);
      fours[to + 2] = pair(q[i + 4] - 16 * q[i + 2], q[i + 5] - 16 * q[i + 3]);
      fours[to + 3] = pair(q[i + 6] - 16 * q[i + 4], q[i + 7] - 16 * q[i + 5]);
    }
  }

  private void fives(int cols) {
    for (int b = 0; b < cols; b += 32) {
      int[] q = rounded;
      int to = b / 2;
      for (int i = b; i < b + 30; i += 6) {
        fives[to] = pair(q[i], q[i + 1]);
        fives[to + 1] = pair(q[i + 2] - 32 * q[i], q[i + 3] - 32 * q[i + 1]);
        fives[to + 2] = pair(q[i + 4] - 32 * q[i + 2], q[i + 5] - 32 * q[i + 3]);
        to += 3;
      }
      fives[to] = pair(q[b + 30], q[b + 31]);
    }
  }

  private static int pair(int first, int second) {
    return (first & 0xFFFF) | second << 16;
  }
}
