package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * Rows of 4-bit weights in blocks of 32 with a scale each, as they are multiplied where single rows
 * are wanted: a lane is a block, and a vector of 16-bit lanes holds four of the 32 columns of as
 * many blocks as there are lanes. So a row's sums come out in lanes, to be scaled all at once.
 *
 * <p>A chunk of {@link #BLOCKS} blocks is eight such vectors and one of scales, as halves. Four
 * rows lie vector by vector beside each other, so that all of them are one stream.
 */
final class NibbleRows {
  /** Blocks of a chunk. */
  static final int BLOCKS = 2 * L;

  /** Rows that are multiplied together where all are. */
  static final int TOGETHER = 4;

  private static final int COLUMNS = 32;

  /** Vectors of weights in a chunk. */
  private static final int VECTORS = COLUMNS / 4;

  private static final long VECTOR_BYTES = 2L * BLOCKS;

  /** From one vector of a row to the next. */
  private static final long STEP = TOGETHER * VECTOR_BYTES;

  private static final long CHUNK_BYTES = (VECTORS + 1) * STEP;

  private static final VectorShuffle<Float> BY_HALF = turn(L / 2);
  private static final VectorShuffle<Float> BY_QUARTER = turn(L / 4);
  private static final VectorShuffle<Float> BY_EIGHTH = turn(L / 8);
  private static final VectorShuffle<Float> BY_SIXTEENTH = turn(L / 16);

  private final int chunks;
  private final MemorySegment data;
  private final long address; // for the reason that PackedMatrix has one

  /** Rows of {@code cols} columns in {@code data}, {@link #bytes} of it. */
  NibbleRows(int cols, MemorySegment data) {
    this.chunks = chunks(cols);
    this.data = data;
    this.address = data.address();
  }

  static long bytes(int rows, int cols) {
    return (long) Math.ceilDiv(rows, TOGETHER) * chunks(cols) * CHUNK_BYTES;
  }

  /** Chunks of a row. */
  static int chunks(int cols) {
    return Math.ceilDiv(cols / COLUMNS, BLOCKS);
  }

  /** An array for a row that {@link #put} takes. */
  byte[] emptyRow() {
    return new byte[Math.toIntExact(VECTOR_BYTES * (VECTORS + 1) * chunks)];
  }

  /**
   * Writes a block to a row.
   *
   * @param fours what is four neighbours' 16 bits, the first in the lowest, {@link #VECTORS} times
   */
  static void put(byte[] row, int block, short scale, short[] fours) {
    int at = (int) (VECTOR_BYTES * (VECTORS + 1)) * (block / BLOCKS) + block % BLOCKS * 2;
    for (int v = 0; v < VECTORS; v++) {
      putShort(row, at + (int) (v * VECTOR_BYTES), fours[v]);
    }
    putShort(row, at + (int) (VECTORS * VECTOR_BYTES), scale);
  }

  /** The low four bits of four bytes, as {@link #put} takes them. */
  static short lowBits(int fourBytes) {
    int nibbles = fourBytes & 0x0F0F_0F0F;
    int bytes = (nibbles | nibbles >>> 4) & 0x00FF_00FF;
    return (short) (bytes | bytes >>> 8);
  }

  private static void putShort(byte[] out, int to, short value) {
    out[to] = (byte) value;
    out[to + 1] = (byte) (value >>> 8);
  }

  /** Takes over what {@link #put} has written. */
  void set(int row, byte[] bytes) {
    for (int v = 0; v < chunks * (VECTORS + 1); v++) {
      int from = (int) (v * VECTOR_BYTES);
      MemorySegment.copy(bytes, from, data, JAVA_BYTE, start(row) + v * STEP, (int) VECTOR_BYTES);
    }
  }

  float scale(int row, int block) {
    return Float.float16ToFloat(data.get(SHORT, at(row, block) + VECTORS * STEP));
  }

  /** A weight's four bits. */
  int get(int row, int column) {
    long four = at(row, column / COLUMNS) + column % COLUMNS / 4 * STEP;
    return (data.get(SHORT, four) >>> (column % 4 * 4)) & 15;
  }

  private long at(int row, int block) {
    return start(row) + block / BLOCKS * CHUNK_BYTES + block % BLOCKS * 2L;
  }

  /** Where a row's first vector begins. */
  private long start(int row) {
    return (long) row / TOGETHER * chunks * CHUNK_BYTES + row % TOGETHER * VECTOR_BYTES;
  }

  /**
   * {@code Σ scale · ((q − 8) · x + rest)} over a row's blocks.
   *
   * @param x the token's {@link OutputForms}
   * @param rest of each block, as {@link OutputForms#evenOdd} lays them out
   */
  float dot(int row, OutputForms x, int[] rest, Scratch scratch) {
    long products = scratch.tiles.address((long) chunks * L);
    long weights = address + start(row);
    long forms = x.columnsAddress();
    for (int c = 0; c < chunks; c++) {
      multiply(
          weights + c * CHUNK_BYTES,
          forms + c * OutputForms.CHUNK_BYTES,
          products + c * VECTOR_BYTES);
    }
    return scaled(products, weights, x, rest);
  }

  /** The same of {@link #TOGETHER} rows, from a multiple of that on, to {@code out[at …]}. */
  void dots(int row, OutputForms x, int[] rest, Scratch scratch, float[] out, int at) {
    long rowProducts = chunks * VECTOR_BYTES;
    long products = scratch.tiles.address((long) TOGETHER * chunks * L);
    long weights = address + start(row);
    long forms = x.columnsAddress();
    for (int c = 0; c < chunks; c++) {
      multiplyFour(
          weights + c * CHUNK_BYTES,
          forms + c * OutputForms.CHUNK_BYTES,
          products + c * VECTOR_BYTES,
          rowProducts);
    }
    for (int r = 0; r < TOGETHER; r++) {
      long of = weights + r * VECTOR_BYTES;
      out[at + r] = scaled(products + r * rowProducts, of, x, rest);
    }
  }

  /** A chunk's sums, in 16 bits: 32 products of 4 bits, less 8, by 8 bits fit them. */
  private static void multiply(long weights, long forms, long to) {
    long from = weights & Memory.MASK;
    long form = forms & Memory.MASK;
    ShortVector p = ShortVector.fromMemorySegment(S, ALL, form + COLUMNS * VECTOR_BYTES, LE);
    for (int v = 0; v < VECTORS; v++) {
      ShortVector w = ShortVector.fromMemorySegment(S, ALL, from + v * STEP, LE);
      long k = form + v * (4 * VECTOR_BYTES);
      ShortVector x = ShortVector.fromMemorySegment(S, ALL, k, LE);
      p = w.mul(x).add(p);
      x = ShortVector.fromMemorySegment(S, ALL, k + VECTOR_BYTES, LE);
      p = w.lanewise(LSHR, 4).mul(x).add(p);
      x = ShortVector.fromMemorySegment(S, ALL, k + 2 * VECTOR_BYTES, LE);
      p = w.lanewise(LSHR, 8).mul(x).add(p);
      x = ShortVector.fromMemorySegment(S, ALL, k + 3 * VECTOR_BYTES, LE);
      p = w.lanewise(LSHR, 12).mul(x).add(p);
    }
    p.intoMemorySegment(ALL, to & Memory.MASK, LE);
  }

  private static void multiplyFour(long weights, long forms, long out, long outStep) {
    long from = weights & Memory.MASK;
    long form = forms & Memory.MASK;
    ShortVector p0 = ShortVector.fromMemorySegment(S, ALL, form + COLUMNS * VECTOR_BYTES, LE);
    ShortVector p1 = p0;
    ShortVector p2 = p0;
    ShortVector p3 = p0;
    for (int v = 0; v < VECTORS; v++) {
      long at = from + v * STEP;
      ShortVector w0 = ShortVector.fromMemorySegment(S, ALL, at, LE);
      ShortVector w1 = ShortVector.fromMemorySegment(S, ALL, at + VECTOR_BYTES, LE);
      ShortVector w2 = ShortVector.fromMemorySegment(S, ALL, at + 2 * VECTOR_BYTES, LE);
      ShortVector w3 = ShortVector.fromMemorySegment(S, ALL, at + 3 * VECTOR_BYTES, LE);
      long k = form + v * (4 * VECTOR_BYTES);
      ShortVector x = ShortVector.fromMemorySegment(S, ALL, k, LE);
      p0 = w0.mul(x).add(p0);
      p1 = w1.mul(x).add(p1);
      p2 = w2.mul(x).add(p2);
      p3 = w3.mul(x).add(p3);
      x = ShortVector.fromMemorySegment(S, ALL, k + VECTOR_BYTES, LE);
      p0 = w0.lanewise(LSHR, 4).mul(x).add(p0);
      p1 = w1.lanewise(LSHR, 4).mul(x).add(p1);
      p2 = w2.lanewise(LSHR, 4).mul(x).add(p2);
      p3 = w3.lanewise(LSHR, 4).mul(x).add(p3);
      x = ShortVector.fromMemorySegment(S, ALL, k + 2 * VECTOR_BYTES, LE);
      p0 = w0.lanewise(LSHR, 8).mul(x).add(p0);
      p1 = w1.lanewise(LSHR, 8).mul(x).add(p1);
      p2 = w2.lanewise(LSHR, 8).mul(x).add(p2);
      p3 = w3.lanewise(LSHR, 8).mul(x).add(p3);
      x = ShortVector.fromMemorySegment(S, ALL, k + 3 * VECTOR_BYTES, LE);
      p0 = w0.lanewise(LSHR, 12).mul(x).add(p0);
      p1 = w1.lanewise(LSHR, 12).mul(x).add(p1);
      p2 = w2.lanewise(LSHR, 12).mul(x).add(p2);
      p3 = w3.lanewise(LSHR, 12).mul(x).add(p3);
    }
    p0.intoMemorySegment(ALL, out & Memory.MASK, LE);
    p1.intoMemorySegment(ALL, (out + outStep) & Memory.MASK, LE);
    p2.intoMemorySegment(ALL, (out + 2 * outStep) & Memory.MASK, LE);
    p3.intoMemorySegment(ALL, (out + 3 * outStep) & Memory.MASK, LE);
  }

  /** A row's sums times their scales. */
  private float scaled(long products, long weights, OutputForms x, int[] rest) {
    FloatVector sum = FloatVector.zero(F);
    for (int c = 0; c < chunks; c++) {
      long from = (products + c * VECTOR_BYTES) & Memory.MASK;
      long scales = (weights + c * CHUNK_BYTES + VECTORS * STEP) & Memory.MASK;
      IntVector both = IntVector.fromMemorySegment(I, ALL, from, LE);
      IntVector even = both.lanewise(LSHL, 16).lanewise(ASHR, 16);
      IntVector odd = both.lanewise(ASHR, 16);
      even = even.add(IntVector.fromArray(I, rest, c * BLOCKS));
      odd = odd.add(IntVector.fromArray(I, rest, c * BLOCKS + L));
      IntVector halves = IntVector.fromMemorySegment(I, ALL, scales, LE);
      FloatVector evenScale =
          halves
              .lanewise(LSHL, 16)
              .lanewise(ASHR, 3)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(FloatVector.fromArray(F, x.scales, c * BLOCKS));
      FloatVector oddScale =
          halves
              .lanewise(ASHR, 3)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(FloatVector.fromArray(F, x.scales, c * BLOCKS + L));
      sum = evenScale.fma((FloatVector) even.convert(I2F, 0), sum);
      sum = oddScale.fma((FloatVector) odd.convert(I2F, 0), sum);
    }
    return sumOf(sum) * OutputForms.REST_OF_HALVES;
  }

  /** A vector's lanes added up in an order that is the same before and after compilation. */
  private static float sumOf(FloatVector v) {
    FloatVector sum = v.add(v.rearrange(BY_HALF));
    sum = sum.add(sum.rearrange(BY_QUARTER));
    if (L > 4) {
      sum = sum.add(sum.rearrange(BY_EIGHTH));
    }
    if (L > 8) {
      sum = sum.add(sum.rearrange(BY_SIXTEENTH));
    }
    return sum.lane(0);
  }

  private static VectorShuffle<Float> turn(int lanes) {
    return VectorShuffle.iota(F, lanes, 1, true);
  }
}
