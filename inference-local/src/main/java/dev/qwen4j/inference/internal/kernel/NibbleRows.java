package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Rows of 4-bit weights in blocks of 32 with a scale each, as they are multiplied where single rows
 * are wanted: a lane is a block, and a vector of 16-bit lanes holds four of the 32 columns of as
 * many blocks as there are lanes. So a row's sums come out in lanes, to be scaled all at once.
 *
 * <p>A chunk of {@link #BLOCKS} blocks is eight such vectors and one of scales, as halves. Behind
 * the rows lies a float for each: {@code (Σ scale⁴)^¼}.
 */
final class NibbleRows {
  /** Blocks of a chunk. */
  static final int BLOCKS = 2 * L;

  private static final int COLUMNS = 32;

  /** Vectors of weights in a chunk. */
  private static final int VECTORS = COLUMNS / 4;

  private static final long VECTOR_BYTES = 2L * BLOCKS;
  private static final long CHUNK_BYTES = (VECTORS + 1) * VECTOR_BYTES;

  private final int rows;
  private final int chunks;
  private final MemorySegment data;

  /** Rows of {@code cols} columns in {@code data}, {@link #bytes} of it. */
  NibbleRows(int rows, int cols, MemorySegment data) {
    this.rows = rows;
    this.chunks = chunks(cols);
    this.data = data;
  }

  static long bytes(int rows, int cols) {
    return rows * (chunks(cols) * CHUNK_BYTES + Float.BYTES);
  }

  /** Chunks of a row. */
  static int chunks(int cols) {
    return Math.ceilDiv(cols / COLUMNS, BLOCKS);
  }

  private long rowBytes() {
    return chunks * CHUNK_BYTES;
  }

  /** An array for a row that {@link #put} takes. */
  byte[] emptyRow() {
    return new byte[Math.toIntExact(rowBytes())];
  }

  /**
   * Writes a block to a row.
   *
   * @param fours what is four neighbours' 16 bits, the first in the lowest, {@link #VECTORS} times
   */
  static void put(byte[] row, int block, short scale, short[] fours) {
    int at = (int) (block / BLOCKS * CHUNK_BYTES) + block % BLOCKS * 2;
    for (int v = 0; v < VECTORS; v++) {
      putShort(row, at + (int) (v * VECTOR_BYTES), fours[v]);
    }
    putShort(row, at + (int) (VECTORS * VECTOR_BYTES), scale);
  }

  private static void putShort(byte[] out, int to, short value) {
    out[to] = (byte) value;
    out[to + 1] = (byte) (value >>> 8);
  }

  /** Takes over what {@link #put} has written. */
  void set(int row, byte[] bytes) {
    MemorySegment.copy(MemorySegment.ofArray(bytes), 0, data, row * rowBytes(), bytes.length);
    double sum = 0;
    for (int block = 0; block < chunks * BLOCKS; block++) {
      double square = (double) scale(row, block) * scale(row, block);
      sum += square * square;
    }
    data.set(FLOAT, spreadAt(row), (float) Math.sqrt(Math.sqrt(sum)));
  }

  private long spreadAt(int row) {
    return rows * rowBytes() + row * (long) Float.BYTES;
  }

  /** The address of a row's {@code (Σ scale⁴)^¼}, as long as the memory is there. */
  long spread(int row) {
    return data.address() + spreadAt(row);
  }

  float scale(int row, int block) {
    return Float.float16ToFloat(data.get(SHORT, at(row, block) + VECTORS * VECTOR_BYTES));
  }

  /** A weight's four bits. */
  int get(int row, int column) {
    long four = at(row, column / COLUMNS) + column % COLUMNS / 4 * VECTOR_BYTES;
    return (data.get(SHORT, four) >>> (column % 4 * 4)) & 15;
  }

  private long at(int row, int block) {
    return row * rowBytes() + block / BLOCKS * CHUNK_BYTES + block % BLOCKS * 2L;
  }

  /**
   * {@code Σ scale · ((q − 8) · x + rest)} over a row's blocks.
   *
   * @param x the token's {@link OutputForms}
   * @param rest of each block, as {@link OutputForms#evenOdd} lays them out
   * @param lanes room for a vector: a reduction would add up in another order once it is compiled
   */
  float dot(int row, OutputForms x, int[] rest, float[] lanes) {
    long weights = data.address() + row * rowBytes();
    long forms = x.columnsAddress();
    FloatVector sum = FloatVector.zero(F);
    for (int c = 0; c < chunks; c++) {
      long from = (weights + c * CHUNK_BYTES) & Memory.MASK;
      long form = (forms + c * OutputForms.CHUNK_BYTES) & Memory.MASK;
      ShortVector p = ShortVector.fromMemorySegment(S, ALL, form + COLUMNS * VECTOR_BYTES, LE);
      for (int v = 0; v < VECTORS; v++) {
        ShortVector w = ShortVector.fromMemorySegment(S, ALL, from + v * VECTOR_BYTES, LE);
        long k = form + v * (4 * VECTOR_BYTES);
        p = w.mul(ShortVector.fromMemorySegment(S, ALL, k, LE)).add(p);
        ShortVector x1 = ShortVector.fromMemorySegment(S, ALL, k + VECTOR_BYTES, LE);
        p = w.lanewise(LSHR, 4).mul(x1).add(p);
        ShortVector x2 = ShortVector.fromMemorySegment(S, ALL, k + 2 * VECTOR_BYTES, LE);
        p = w.lanewise(LSHR, 8).mul(x2).add(p);
        ShortVector x3 = ShortVector.fromMemorySegment(S, ALL, k + 3 * VECTOR_BYTES, LE);
        p = w.lanewise(LSHR, 12).mul(x3).add(p);
      }
      IntVector both = p.reinterpretAsInts();
      IntVector even = both.lanewise(LSHL, 16).lanewise(ASHR, 16);
      IntVector odd = both.lanewise(ASHR, 16);
      even = even.add(IntVector.fromArray(I, rest, c * BLOCKS));
      odd = odd.add(IntVector.fromArray(I, rest, c * BLOCKS + L));
      IntVector halves = IntVector.fromMemorySegment(I, ALL, from + VECTORS * VECTOR_BYTES, LE);
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
    sum.intoArray(lanes, 0);
    for (int half = L / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }
}
