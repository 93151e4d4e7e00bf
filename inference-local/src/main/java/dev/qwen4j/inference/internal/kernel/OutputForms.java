package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BF;
import static dev.qwen4j.inference.internal.kernel.Lanes.BITS;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.I2B;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * A token's rounded activations in the forms that {@link EstimatedMatrix} multiplies. The buffers
 * are reused from token to token.
 */
final class OutputForms {
  private static final int BLOCK = EstimatedMatrix.BLOCK;

  /** A vector for each column of a chunk's blocks, and what their sums start from. */
  static final long CHUNK_BYTES = (BLOCK + 1) * 2L * NibbleRows.BLOCKS;

  /** Entries of a table. */
  static final int ENTRIES = 16;

  /** Tables of a block: one for each pair of columns. */
  static final int TABLES = BLOCK / 2;

  /** The middle of two bits' values. */
  static final float MIDDLE = 1.5f;

  /** Variances of rounding, and of numbers below 16, where each is as frequent. */
  static final double ROUNDING = 1 / 12.0;

  private static final double BELOW_16 = (16 * 16 - 1) / 12.0;

  /** What each entry of a table is more than it should be, so that none is negative. */
  static final int BIAS = 32;

  /** The largest entry without its bias: four of them with it fit a byte. */
  private static final int MOST = 31;

  /**
   * Halves whose bits are moved into a float read 2^-112 of their value. Most of that is in what
   * they are multiplied with, and the rest, {@link #REST_OF_HALVES}, in their sums: so no
   * activation is large enough to overflow.
   */
  private static final float OF_HALVES = 0x1p100f;

  static final float REST_OF_HALVES = 0x1p12f;

  /** Scale of each block, as {@link #evenOdd} lays them out, for sums of halves. */
  float[] scales = new float[0];

  /** What a row's sums are still to be corrected by, of each block, laid out the same. */
  int[] rest = new int[0];

  /** Nothing, for as many blocks. */
  int[] noRest = new int[0];

  /** What sums with the upper bits of a block start from, for both of a pair. */
  int[] less = new int[0];

  /** What a block's integers are multiplied with, in an estimate; in {@link #upper} for halves. */
  float[] factors = new float[0];

  /** {@code (Σ variance²)^¼} over the blocks, of what an estimate lacks of weights of scale 1. */
  float spread;

  private MemorySegment columns = MemorySegment.NULL;
  private MemorySegment tables = MemorySegment.NULL;

  /** Where blocks lie whose chunk's even ones come first, then its odd ones. */
  static int evenOdd(int block) {
    int lane = block % NibbleRows.BLOCKS;
    return block - lane + lane / 2 + lane % 2 * L;
  }

  /**
   * The address of the columns of chunks of blocks, as long as this object is reachable: {@code
   * [chunk][column][block]} in 16 bits, each less 16 times the one before it in the same word,
   * since words are shifted and not masked; behind the columns −8 · Σq.
   */
  long columnsAddress() {
    return columns.address();
  }

  /**
   * The address of the tables, {@code [block][pair][entry]} in 8 bits, as long as this object is
   * reachable.
   */
  long tablesAddress() {
    return tables.address();
  }

  /** Lays out the columns as {@link NibbleRows#dot} reads them. */
  void columns(Activations a, int cols) {
    int chunks = NibbleRows.chunks(cols);
    if (columns.byteSize() < chunks * CHUNK_BYTES) {
      columns = Arena.ofAuto().allocate(chunks * CHUNK_BYTES, 64);
      scales = OwnLines.floats(chunks * NibbleRows.BLOCKS);
      rest = OwnLines.ints(chunks * NibbleRows.BLOCKS);
      noRest = OwnLines.ints(chunks * NibbleRows.BLOCKS);
    }
    for (int b = 0; b < cols / BLOCK; b++) {
      scales[evenOdd(b)] = a.scale[b] * OF_HALVES;
      long pairs = (a.pairsAddress() + b * 2L * BLOCK) & Memory.MASK;
      long to = columns.address() + b / NibbleRows.BLOCKS * CHUNK_BYTES;
      to = (to + b % NibbleRows.BLOCKS * 2L) & Memory.MASK;
      int before = 0;
      for (int j = 0; j < BLOCK; j++) {
        int q = ALL.get(SHORT, pairs + 2L * j);
        int less = j % 4 == 0 ? 0 : before;
        ALL.set(SHORT, to + j * 2L * NibbleRows.BLOCKS, (short) (q - 16 * less));
        before = q;
      }
      ALL.set(SHORT, to + BLOCK * 2L * NibbleRows.BLOCKS, (short) (-8 * a.integerSum(b)));
    }
  }

  /** What {@link SplitMatrix} needs besides. */
  void upper(Activations a, int cols) {
    int blocks = cols / BLOCK;
    if (less.length < blocks) {
      less = OwnLines.ints(blocks);
    }
    reserveFactors(blocks);
    double squares = 0;
    for (int b = 0; b < blocks; b++) {
      int firsts = (short) a.halves[b];
      int seconds = a.halves[b] >> 16;
      // 128 less 7.5, as the upper bits count them, to the integer below.
      int first = (firsts * -241) >> 5;
      int second = (seconds * -241) >> 5;
      less[b] = (first & 0xFFFF) | (second << 16);
      // The lower bits' sum has taken off 8 of these 128.
      rest[evenOdd(b)] = -120 * (firsts + seconds) - 16 * (first + second);
      factors[b] = 16 * a.scale[b] * OF_HALVES;
      double variance = BELOW_16 * energy(a, b);
      squares += variance * variance;
    }
    spread = (float) Math.sqrt(Math.sqrt(squares));
  }

  /** What a {@link Sketch} needs besides. */
  void tables(Activations a, int cols) {
    int blocks = cols / BLOCK;
    long bytes = (long) blocks * TABLES * ENTRIES + BITS / 8; // whole vectors are read
    reserveFactors(blocks);
    if (tables.byteSize() < bytes) {
      tables = Arena.ofAuto().allocate(bytes, 64);
    }
    double squares = 0;
    for (int b = 0; b < blocks; b++) {
      long pairs = (a.pairsAddress() + b * 2L * BLOCK) & Memory.MASK;
      int most = 1;
      for (int p = 0; p < TABLES; p++) {
        int first = ALL.get(SHORT, pairs + 4L * p);
        int second = ALL.get(SHORT, pairs + 4L * p + 2);
        most = Math.max(most, Math.abs(first) + Math.abs(second));
      }
      float unit = most * MIDDLE / MOST;
      for (int p = 0; p < TABLES; p++) {
        float first = ALL.get(SHORT, pairs + 4L * p) / unit;
        float second = ALL.get(SHORT, pairs + 4L * p + 2) / unit;
        table(first, second, (tables.address() + ((long) b * TABLES + p) * ENTRIES) & Memory.MASK);
      }
      float step = unit * a.scale[b];
      factors[b] = step;
      double variance = ROUNDING * (energy(a, b) + TABLES * step * step);
      squares += variance * variance;
    }
    spread = (float) Math.sqrt(Math.sqrt(squares));
  }

  private void reserveFactors(int blocks) {
    if (factors.length < blocks) {
      factors = OwnLines.floats(blocks);
    }
  }

  /** The sums of two columns for all bits of two weights. */
  private static void table(float first, float second, long at) {
    for (int i = 0; i < ENTRIES; i += L) {
      IntVector index = IntVector.broadcast(I, i).addIndex(1);
      FloatVector lower = (FloatVector) index.and(3).convert(I2F, 0);
      FloatVector upper = (FloatVector) index.lanewise(LSHR, 2).convert(I2F, 0);
      IntVector entries =
          lower
              .sub(MIDDLE)
              .mul(first)
              .add(upper.sub(MIDDLE).mul(second))
              .add(Activations.ROUND + BIAS)
              .reinterpretAsInts();
      if (L == 4) {
        ALL.set(INT, at + i, bytes(entries));
      } else {
        ((ByteVector) entries.convertShape(I2B, BF, 0)).intoMemorySegment(ALL, at + i, LE);
      }
    }
  }

  private static int bytes(IntVector four) {
    return (four.lane(0) & 0xFF)
        | (four.lane(1) & 0xFF) << 8
        | (four.lane(2) & 0xFF) << 16
        | (four.lane(3) & 0xFF) << 24;
  }

  /** Σx² of a block as it was rounded. */
  private static double energy(Activations a, int block) {
    long at = (a.pairsAddress() + block * 2L * BLOCK) & Memory.MASK;
    int sum = 0;
    for (int j = 0; j < BLOCK; j++) {
      int q = ALL.get(SHORT, at + 2L * j);
      sum += q * q;
    }
    return (double) a.scale[block] * a.scale[block] * sum;
  }
}
