package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.LONG;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Set;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * One token's activations in the forms that row products read: as they are, and rounded to 8 bits
 * in blocks of 32 with a scale each (ggml's Q8_0, but 16 bits wide in memory, which is what 16-bit
 * multiplies want). The buffers are reused from token to token.
 *
 * <p>Weights of 4 and 5 bits lie several to a word, and getting one out takes a shift and a mask.
 * The mask can be saved where sums are taken modulo 2^16 anyway: with {@code s_j = word >> 4j}, the
 * weights are {@code n_j = s_j − 16 s_(j+1)}, and so {@code Σ x_j n_j = Σ (x_j − 16 x_(j−1)) s_j}.
 * So it is the activations that change, once for all rows ({@link #foursAddress}, {@link
 * #fivesAddress}).
 */
final class Activations {
  /** 1.5 · 2^23: adding it rounds a small float to an integer in the low mantissa bits. */
  static final float ROUND = 12582912f;

  /** All bits of a float but its sign. */
  private static final int UNSIGNED = 0x7FFF_FFFF;

  /** Bytes that are spare before and behind what vectors read with an offset. */
  private static final long SPARE = 64;

  /** All bits of every fourth int. */
  private static final int[] FIRST_OF_FOUR = new int[L];

  /** All bits of the second and third of three pairs, five times, and none of the sixteenth. */
  private static final int[] NOT_FIRST_OF_THREE = new int[16];

  static {
    Arrays.setAll(FIRST_OF_FOUR, i -> i % 4 == 0 ? -1 : 0);
    Arrays.setAll(NOT_FIRST_OF_THREE, i -> i % 3 == 0 ? 0 : -1);
  }

  /** As they are. */
  float[] x = new float[0];

  /** Halves decode to 2^-112 of their value without a multiply, and so on; this is x · 2^56. */
  float[] xHalf = new float[0];

  /** Scale of each block of 32. */
  float[] scale = new float[0];

  /** Scale of each 16. */
  float[] scale16 = new float[0];

  /** scale · Σq of each block of 32. */
  float[] sum = new float[0];

  /** Σq of the first and of the second of each pair, as a pair, of each block of 32. */
  int[] halves = new int[0];

  /** The same of each 16. */
  int[] halves16 = new int[0];

  private @Nullable OutputForms outputForms;

  private float[] own = new float[0];

  /** Room for so many activations. */
  private int room;

  /**
   * Pairs, fours and fives, in native memory, where kernels need no checks. A vector before and one
   * behind each are not used, but read.
   */
  private MemorySegment forms = MemorySegment.NULL;

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
        own = OwnLines.floats(cols);
      }
      System.arraycopy(values, from, own, 0, cols);
      x = own;
    }
    if (halves) {
      if (xHalf.length < cols) {
        xHalf = OwnLines.floats(cols);
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
    reserve(cols);
    round(values, from, cols);
    boolean nibbles = packings.contains(Packing.NIBBLES);
    boolean fives = packings.contains(Packing.FIVES);
    if (nibbles || fives || packings.contains(Packing.SIXES)) {
      addUp(cols);
    }
    if (nibbles) {
      fours(cols);
    }
    if (fives) {
      fives(cols);
    }
  }

  private void reserve(int cols) {
    if (room < cols) {
      room = cols;
      scale = OwnLines.floats(cols / 32);
      sum = OwnLines.floats(cols / 32);
      halves = OwnLines.ints(cols / 32);
      scale16 = OwnLines.floats(cols / 16);
      halves16 = OwnLines.ints(cols / 16);
      forms = Arena.ofAuto().allocate(3 * formBytes(), 64);
    }
  }

  private long formBytes() {
    return 2L * room + 2 * SPARE;
  }

  /**
   * The address of pairs of neighbours rounded to 8 bits, the first in the low 16 bits, the second
   * in the high, as long as this object is reachable.
   */
  long pairsAddress() {
    return forms.address() + SPARE;
  }

  /**
   * The address of pairs that words of four pairs of 4 bits are multiplied with, shifted but not
   * masked, as long as this object is reachable.
   */
  long foursAddress() {
    return pairsAddress() + formBytes();
  }

  /**
   * The address of pairs that words of three pairs of 5 bits are multiplied with, with what is
   * above a pair's half masked, as long as this object is reachable.
   */
  long fivesAddress() {
    return foursAddress() + formBytes();
  }

  private void round(float[] values, int from, int cols) {
    long pairs = pairsAddress();
    for (int b = 0; b < cols / 32; b++) {
      int at = from + b * 32;
      // The largest of floats without a sign, as integers: a fraction of the instructions.
      // No vector outlives a turn of the loop: C2 makes an object of one that does.
      int largest = 0;
      for (int j = 0; j < 32; j += 2 * L) {
        IntVector one = FloatVector.fromArray(F, values, at + j).reinterpretAsInts().and(UNSIGNED);
        IntVector max =
            FloatVector.fromArray(F, values, at + j + L).reinterpretAsInts().and(UNSIGNED).max(one);
        largest = Math.max(largest, max.reduceLanes(VectorOperators.MAX));
      }
      float d = Float.intBitsToFloat(largest) / 127;
      float inverse = d == 0 ? 0 : 1 / d;
      for (int j = 0; j < 32; j += L) {
        IntVector q =
            FloatVector.fromArray(F, values, at + j)
                .mul(inverse)
                .add(ROUND)
                .reinterpretAsInts()
                .sub(Float.floatToRawIntBits(ROUND));
        ((ShortVector) q.convertShape(I2S, SF, 0))
            .intoMemorySegment(ALL, (pairs + 2L * (b * 32 + j)) & Memory.MASK, LE);
      }
      scale[b] = d;
      scale16[2 * b] = d;
      scale16[2 * b + 1] = d;
    }
  }

  /** Four at a time as the halves of a long, each 128 more than it is so that none is negative. */
  private void addUp(int cols) {
    for (int b = 0; b < cols / 32; b++) {
      long at = (pairsAddress() + b * 64L) & Memory.MASK;
      long first = biased(at) + biased(at + 8) + biased(at + 16) + biased(at + 24);
      long second = biased(at + 32) + biased(at + 40) + biased(at + 48) + biased(at + 56);
      halves16[2 * b] = pairOf(first, 8 * 128);
      halves16[2 * b + 1] = pairOf(second, 8 * 128);
      int both = pairOf(first + second, 16 * 128);
      halves[b] = both;
      sum[b] = scale[b] * integerSum(b);
    }
  }

  /** Σq of a block of 32. */
  int integerSum(int block) {
    return (short) halves[block] + (halves[block] >> 16);
  }

  /** Room for what output matrices need besides. */
  OutputForms forms() {
    if (outputForms == null) {
      outputForms = new OutputForms();
    }
    return outputForms;
  }

  private static long biased(long at) {
    return (ALL.get(LONG, at) & 0x00FF_00FF_00FF_00FFL) ^ 0x0080_0080_0080_0080L;
  }

  /** Firsts and seconds of two pairs added up, less what each is more than it should be. */
  private static int pairOf(long pairs, int bias) {
    int sums = (int) (pairs + (pairs >>> 32));
    int firsts = (sums & 0xFFFF) - bias;
    int seconds = (sums >>> 16) - bias;
    return (firsts & 0xFFFF) | (seconds << 16);
  }

  /** Words of 32 bits are shifted as a whole: into the lower half comes what is in the upper. */
  private void fours(int cols) {
    IntVector first = IntVector.fromArray(I, FIRST_OF_FOUR, 0);
    for (int i = 0; i < cols / 2; i += L) {
      long at = (pairsAddress() + 4L * i) & Memory.MASK;
      IntVector above = IntVector.fromMemorySegment(I, ALL, at - 4, LE).and(first.not());
      IntVector across = IntVector.fromMemorySegment(I, ALL, at + 12, LE).and(first);
      ShortVector less = above.or(across.lanewise(LSHL, 16)).reinterpretAsShorts();
      ShortVector pairs = ShortVector.fromMemorySegment(S, ALL, at, LE);
      long to = (foursAddress() + 4L * i) & Memory.MASK;
      pairs.sub(less.lanewise(LSHL, 4)).intoMemorySegment(ALL, to, LE);
    }
  }

  private void fives(int cols) {
    for (int i = 0; i < cols / 2; i += L) {
      long at = (pairsAddress() + 4L * i) & Memory.MASK;
      IntVector notFirst = IntVector.fromArray(I, NOT_FIRST_OF_THREE, i % 16);
      IntVector above = IntVector.fromMemorySegment(I, ALL, at - 4, LE).and(notFirst);
      ShortVector pairs = ShortVector.fromMemorySegment(S, ALL, at, LE);
      long to = (fivesAddress() + 4L * i) & Memory.MASK;
      pairs.sub(above.reinterpretAsShorts().lanewise(LSHL, 5)).intoMemorySegment(ALL, to, LE);
    }
  }
}
