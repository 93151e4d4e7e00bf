package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BF;
import static dev.qwen4j.inference.internal.kernel.Lanes.BITS;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static jdk.incubator.vector.VectorOperators.B2I;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Two bits of each weight of a matrix, to estimate products from: of a block of 32 columns it reads
 * 9 bytes, and its arithmetic must keep up with that. So the kernel looks products up: two
 * neighbours' bits are an index into a table of 16 sums for those two columns, in 8 bits, of which
 * an instruction finds a vector full. (Wei et al. 2024, "T-MAC".)
 *
 * <p>A weight is {@code scale · (bits − 1.5)}, give or take half a scale; the scale of a block is
 * half its largest weight, as a whole number up to 127 of the row's unit. What that lacks goes with
 * the weight in part, so that the rows that a token is most like would be underestimated, and those
 * are the rows that matter: the unit is stretched until a token that is the row gets its product.
 *
 * <p>A group is two vectors of bytes wide, a byte for each row. Of a block come eight bytes of each
 * row, [four of two, two, two vectors]: of both vectors the first byte, then of both the second. A
 * byte holds four columns, the first in the lowest bits. Behind a block lie its scales, a byte for
 * each row. In a vector of bytes the row {@code k · L + i} is byte {@code 4i + k}, so that sums
 * come out in the order of the rows. Behind all blocks of a group lie its rows' units, as floats,
 * and behind all groups a float for each row, how far it may be off.
 */
final class Sketch {
  static final int GROUP_ROWS = 8 * L;

  private static final int BLOCK = EstimatedMatrix.BLOCK;

  /** A vector of bytes. */
  private static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(BITS));

  /** Bytes of a row's block, without the scale. */
  private static final int ROW_BYTES = 8;

  private static final long SCALES_AT = (long) ROW_BYTES * GROUP_ROWS;
  private static final long BLOCK_BYTES = SCALES_AT + GROUP_ROWS;

  private static final int MOST_UNITS = 127;

  /** What all entries of a block's tables are more than they should be. */
  private static final int BIAS = OutputForms.TABLES * OutputForms.BIAS;

  private final int rows;
  private final int cols;
  private final MemorySegment data;
  private final long address; // for the reason that PackedMatrix has one

  /** A sketch of the shape of {@code shape} in {@code data}, {@link #bytes} of them. */
  Sketch(RawMatrix shape, MemorySegment data) {
    this.rows = shape.rows();
    this.cols = shape.cols();
    this.data = data;
    this.address = data.address();
  }

  static long bytes(RawMatrix raw) {
    return groupsBytes(raw.rows(), raw.cols()) + raw.rows() * (long) Float.BYTES;
  }

  private static long groupsBytes(int rows, int cols) {
    return Math.ceilDiv(rows, GROUP_ROWS) * groupBytes(cols);
  }

  private static long groupBytes(int cols) {
    return unitsAt(cols) + GROUP_ROWS * (long) Float.BYTES;
  }

  private static long unitsAt(int cols) {
    return cols / BLOCK * BLOCK_BYTES;
  }

  long groupBytes() {
    return groupBytes(cols);
  }

  /** {@link EstimatedMatrix#spread}. */
  long spread(int row) {
    return address + groupsBytes(rows, cols) + row * (long) Float.BYTES;
  }

  /** Packs groups of rows of {@code raw}; of one worker. */
  final class GroupPacker {
    private final RawMatrix raw;
    private final byte[] blocks = new byte[Math.toIntExact(unitsAt(cols))];
    private final float[] row = new float[cols];
    private final float[] sketched = new float[cols];

    GroupPacker(RawMatrix raw) {
      this.raw = raw;
    }

    void pack(int g) {
      int first = g * GROUP_ROWS;
      int n = Math.min(GROUP_ROWS, rows - first);
      if (n < GROUP_ROWS) {
        Arrays.fill(blocks, (byte) 0);
      }
      for (int r = 0; r < n; r++) {
        RowFloats.dequantize(raw, first + r, 0, cols, row, 0);
        float unit = largest(0, cols) / 2 / MOST_UNITS;
        for (int b = 0; b < cols / BLOCK; b++) {
          putBlock(r, b, unit);
        }
        double stretch = stretch();
        long at = groupsBytes(rows, cols) + (first + r) * (long) Float.BYTES;
        data.set(FLOAT, at, width(stretch));
        at = g * groupBytes() + unitsAt(cols) + r * (long) Float.BYTES;
        data.set(FLOAT, at, (float) (unit * stretch));
      }
      MemorySegment.copy(blocks, 0, data, JAVA_BYTE, g * groupBytes(), blocks.length);
    }

    private float largest(int from, int to) {
      float most = 0;
      for (int k = from; k < to; k++) {
        most = Math.max(most, Math.abs(row[k]));
      }
      return most;
    }

    private void putBlock(int r, int b, float unit) {
      float wanted = largest(b * BLOCK, (b + 1) * BLOCK) / 2;
      int count = unit == 0 ? 0 : Math.round(wanted / unit);
      float scale = count * unit;
      float inverse = scale == 0 ? 0 : 1 / scale;
      int at = (int) (b * BLOCK_BYTES);
      int set = r / (4 * L);
      int lane = r % L * 4 + r % (4 * L) / L;
      for (int m = 0; m < ROW_BYTES; m++) {
        int bits = 0;
        for (int j = 0; j < 4; j++) {
          int k = b * BLOCK + 4 * m + j;
          int level = Math.clamp((int) Math.floor(row[k] * inverse) + 2, 0, 3);
          sketched[k] = scale * (level - OutputForms.MIDDLE);
          bits |= level << (2 * j);
        }
        int vector = m / 2 * 4 + m % 2 * 2 + set;
        blocks[at + vector * 4 * L + lane] = (byte) bits;
      }
      blocks[at + (int) SCALES_AT + r] = (byte) count;
    }

    /** What a row's estimates are multiplied with, so that a token like the row gets all of it. */
    private double stretch() {
      double whole = 0;
      double found = 0;
      for (int k = 0; k < cols; k++) {
        whole += (double) row[k] * row[k];
        found += (double) row[k] * sketched[k];
      }
      return found > 0 ? whole / found : 1;
    }

    /** {@code (Σ width⁴)^¼} over blocks: uniform numbers so wide vary as what is lacking does. */
    private float width(double stretch) {
      double sum = 0;
      for (int from = 0; from < cols; from += BLOCK) {
        double squares = 0;
        for (int k = from; k < from + BLOCK; k++) {
          double lacking = row[k] - stretch * sketched[k];
          squares += lacking * lacking;
        }
        double square = squares / BLOCK / OutputForms.ROUNDING;
        sum += square * square;
      }
      return (float) Math.sqrt(Math.sqrt(sum));
    }
  }

  /** Estimates a group's products with a token: {@code out[0 … GROUP_ROWS)}. */
  void estimate(int group, Activations a, float[] out) {
    long start = address + group * groupBytes();
    OutputForms forms = a.forms();
    long tables = forms.tablesAddress();
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    FloatVector s4 = FloatVector.zero(F);
    FloatVector s5 = FloatVector.zero(F);
    FloatVector s6 = FloatVector.zero(F);
    FloatVector s7 = FloatVector.zero(F);
    int blocks = cols / BLOCK;
    for (int b = 0; b < blocks; b++) {
      long from = (start + b * BLOCK_BYTES) & Memory.MASK;
      long table = (tables + (long) b * OutputForms.TABLES * OutputForms.ENTRIES) & Memory.MASK;
      // Two neighbouring bytes' sums in a lane, and the upper byte's by themselves.
      ShortVector both0 = ShortVector.zero(S);
      ShortVector high0 = ShortVector.zero(S);
      ShortVector both1 = ShortVector.zero(S);
      ShortVector high1 = ShortVector.zero(S);
      for (int w = 0; w < 4; w++) {
        long at = from + w * 16L * L;
        long k = table + w * 4L * OutputForms.ENTRIES;
        ByteVector v0 = ByteVector.fromMemorySegment(B, ALL, at, LE);
        ByteVector v1 = ByteVector.fromMemorySegment(B, ALL, at + 4L * L, LE);
        ByteVector t = ByteVector.fromMemorySegment(B, ALL, k, LE);
        ByteVector p0 = v0.and((byte) 15).selectFrom(t);
        ByteVector p1 = v1.and((byte) 15).selectFrom(t);
        v0 = v0.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes();
        v1 = v1.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes();
        t = ByteVector.fromMemorySegment(B, ALL, k + OutputForms.ENTRIES, LE);
        p0 = v0.and((byte) 15).selectFrom(t).add(p0);
        p1 = v1.and((byte) 15).selectFrom(t).add(p1);
        v0 = ByteVector.fromMemorySegment(B, ALL, at + 8L * L, LE);
        v1 = ByteVector.fromMemorySegment(B, ALL, at + 12L * L, LE);
        t = ByteVector.fromMemorySegment(B, ALL, k + 2 * OutputForms.ENTRIES, LE);
        p0 = v0.and((byte) 15).selectFrom(t).add(p0);
        p1 = v1.and((byte) 15).selectFrom(t).add(p1);
        v0 = v0.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes();
        v1 = v1.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes();
        t = ByteVector.fromMemorySegment(B, ALL, k + 3 * OutputForms.ENTRIES, LE);
        p0 = v0.and((byte) 15).selectFrom(t).add(p0);
        p1 = v1.and((byte) 15).selectFrom(t).add(p1);
        both0 = both0.add(p0.reinterpretAsShorts());
        both1 = both1.add(p1.reinterpretAsShorts());
        high0 = high0.add(p0.reinterpretAsShorts().lanewise(LSHR, 8));
        high1 = high1.add(p1.reinterpretAsShorts().lanewise(LSHR, 8));
      }
      FloatVector factor = FloatVector.broadcast(F, forms.factors[b]);
      IntVector low = both0.sub(high0.lanewise(LSHL, 8)).reinterpretAsInts();
      IntVector high = high0.reinterpretAsInts();
      long h = from + SCALES_AT;
      FloatVector scale0 =
          ((FloatVector)
                  ByteVector.fromMemorySegment(BF, ALL, h, LE)
                      .convertShape(B2I, I, 0)
                      .convert(I2F, 0))
              .mul(factor);
      s0 = scale0.fma((FloatVector) low.and(0xFFFF).sub(BIAS).convert(I2F, 0), s0);
      FloatVector scale1 =
          ((FloatVector)
                  ByteVector.fromMemorySegment(BF, ALL, h + L, LE)
                      .convertShape(B2I, I, 0)
                      .convert(I2F, 0))
              .mul(factor);
      s1 = scale1.fma((FloatVector) high.and(0xFFFF).sub(BIAS).convert(I2F, 0), s1);
      FloatVector scale2 =
          ((FloatVector)
                  ByteVector.fromMemorySegment(BF, ALL, h + 2L * L, LE)
                      .convertShape(B2I, I, 0)
                      .convert(I2F, 0))
              .mul(factor);
      s2 = scale2.fma((FloatVector) low.lanewise(LSHR, 16).sub(BIAS).convert(I2F, 0), s2);
      FloatVector scale3 =
          ((FloatVector)
                  ByteVector.fromMemorySegment(BF, ALL, h + 3L * L, LE)
                      .convertShape(B2I, I, 0)
                      .convert(I2F, 0))
              .mul(factor);
      s3 = scale3.fma((FloatVector) high.lanewise(LSHR, 16).sub(BIAS).convert(I2F, 0), s3);
      low = both1.sub(high1.lanewise(LSHL, 8)).reinterpretAsInts();
      high = high1.reinterpretAsInts();
      FloatVector scale4 =
          ((FloatVector)
                  ByteVector.fromMemorySegment(BF, ALL, h + 4L * L, LE)
                      .convertShape(B2I, I, 0)
                      .convert(I2F, 0))
              .mul(factor);
      s4 = scale4.fma((FloatVector) low.and(0xFFFF).sub(BIAS).convert(I2F, 0), s4);
      FloatVector scale5 =
          ((FloatVector)
                  ByteVector.fromMemorySegment(BF, ALL, h + 5L * L, LE)
                      .convertShape(B2I, I, 0)
                      .convert(I2F, 0))
              .mul(factor);
      s5 = scale5.fma((FloatVector) high.and(0xFFFF).sub(BIAS).convert(I2F, 0), s5);
      FloatVector scale6 =
          ((FloatVector)
                  ByteVector.fromMemorySegment(BF, ALL, h + 6L * L, LE)
                      .convertShape(B2I, I, 0)
                      .convert(I2F, 0))
              .mul(factor);
      s6 = scale6.fma((FloatVector) low.lanewise(LSHR, 16).sub(BIAS).convert(I2F, 0), s6);
      FloatVector scale7 =
          ((FloatVector)
                  ByteVector.fromMemorySegment(BF, ALL, h + 7L * L, LE)
                      .convertShape(B2I, I, 0)
                      .convert(I2F, 0))
              .mul(factor);
      s7 = scale7.fma((FloatVector) high.lanewise(LSHR, 16).sub(BIAS).convert(I2F, 0), s7);
    }
    long units = (start + unitsAt(cols)) & Memory.MASK;
    s0.mul(FloatVector.fromMemorySegment(F, ALL, units, LE)).intoArray(out, 0);
    s1.mul(FloatVector.fromMemorySegment(F, ALL, units + 4L * L, LE)).intoArray(out, L);
    s2.mul(FloatVector.fromMemorySegment(F, ALL, units + 8L * L, LE)).intoArray(out, 2 * L);
    s3.mul(FloatVector.fromMemorySegment(F, ALL, units + 12L * L, LE)).intoArray(out, 3 * L);
    s4.mul(FloatVector.fromMemorySegment(F, ALL, units + 16L * L, LE)).intoArray(out, 4 * L);
    s5.mul(FloatVector.fromMemorySegment(F, ALL, units + 20L * L, LE)).intoArray(out, 5 * L);
    s6.mul(FloatVector.fromMemorySegment(F, ALL, units + 24L * L, LE)).intoArray(out, 6 * L);
    s7.mul(FloatVector.fromMemorySegment(F, ALL, units + 28L * L, LE)).intoArray(out, 7 * L);
  }
}
