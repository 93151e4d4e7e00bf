package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BITS;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * An output matrix of 4-bit weights (Q4_0), with a sketch of their upper two bits to estimate from:
 * of 18 bytes a block it reads 10, and its arithmetic must keep up with that. So the kernel looks
 * products up: two neighbours' upper bits are an index into a table of 16 sums for those two
 * columns, in 8 bits, of which an instruction finds a vector full. (Wei et al. 2024, "T-MAC".)
 *
 * <p>A group is two vectors of bytes wide, a byte for each row. Of a block of 32 columns come eight
 * bytes of each row, [four of two, two, two vectors]: of both vectors the first byte, then of both
 * the second. A byte holds four columns, the first in the lowest bits. Behind a block lie its
 * scales, a half for each row. In a vector of bytes the row {@code k · L + i} is byte {@code 4i +
 * k}, so that sums come out in the order of the rows.
 *
 * <p>The weights are kept whole besides: what is read of a sketch is too far apart for one row.
 */
final class SketchMatrix implements EstimatedMatrix {
  /** A vector of bytes. */
  private static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(BITS));

  private static final int GROUP_ROWS = 8 * L;

  /** Bytes of a row's block, without the scale. */
  private static final int ROW_BYTES = 8;

  private static final long SCALES_AT = (long) ROW_BYTES * GROUP_ROWS;
  private static final long BLOCK_BYTES = SCALES_AT + 2L * GROUP_ROWS;

  /** What all entries of a block's tables are more than they should be. */
  private static final int BIAS = OutputForms.TABLES * OutputForms.BIAS;

  private final int rows;
  private final int cols;
  private final MemorySegment data;
  private final long address; // for the reason that PackedMatrix has one
  private final NibbleRows nibbles;

  /** A matrix of the shape of {@code shape} in {@code data}, {@link #bytes} of them. */
  SketchMatrix(RawMatrix shape, MemorySegment data) {
    this.rows = shape.rows();
    this.cols = shape.cols();
    this.data = data;
    this.address = data.address();
    this.nibbles = new NibbleRows(rows, cols, data.asSlice(sketchBytes(shape)));
  }

  static long bytes(RawMatrix raw) {
    return sketchBytes(raw) + NibbleRows.bytes(raw.rows(), raw.cols());
  }

  private static long sketchBytes(RawMatrix raw) {
    return Math.ceilDiv(raw.rows(), GROUP_ROWS) * (raw.cols() / BLOCK * BLOCK_BYTES);
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int cols() {
    return cols;
  }

  @Override
  public int groupRows() {
    return GROUP_ROWS;
  }

  @Override
  public long groupBytes() {
    return cols / BLOCK * BLOCK_BYTES;
  }

  @Override
  public MemorySegment data() {
    return data;
  }

  @Override
  public NibbleRows nibbles() {
    return nibbles;
  }

  @Override
  public long extraBytes() {
    return data.byteSize();
  }

  @Override
  public void dequantizeRow(int row, float[] out, int offset) {
    for (int k = 0; k < cols; k++) {
      out[offset + k] = nibbles.scale(row, k / BLOCK) * (nibbles.get(row, k) - 8);
    }
  }

  @Override
  public void putBlock(byte[] out, int row, int block, short scale, int[] weights) {
    int at = (int) (block * BLOCK_BYTES);
    int set = row / (4 * L);
    int lane = row % L * 4 + row % (4 * L) / L;
    for (int m = 0; m < ROW_BYTES; m++) {
      int upper = (weights[m] >>> 2) & 0x0303_0303;
      int nibbles = (upper | upper >>> 6) & 0x000F_000F;
      int vector = m / 2 * 4 + m % 2 * 2 + set;
      out[at + vector * 4 * L + lane] = (byte) (nibbles | nibbles >>> 12);
    }
    int to = at + (int) SCALES_AT + 2 * row;
    out[to] = (byte) scale;
    out[to + 1] = (byte) (scale >>> 8);
  }

  @Override
  public void prepare(Activations a) {
    OutputForms forms = a.forms();
    forms.columns(a, cols);
    forms.tables(a, cols);
  }

  @Override
  public boolean productsNeedEstimates() {
    return false;
  }

  @Override
  public float product(int row, Activations a, float estimate, Scratch scratch) {
    return nibbles.dot(row, a.forms(), a.forms().noRest, scratch);
  }

  @Override
  public void products(int row, Activations a, Scratch scratch, float[] out, int at) {
    nibbles.dots(row, a.forms(), a.forms().noRest, scratch, out, at);
  }

  @Override
  public void estimate(int group, Activations a, float[] out) {
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
          ((IntVector) ShortVector.fromMemorySegment(SF, ALL, h, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s0 = scale0.fma((FloatVector) low.and(0xFFFF).sub(BIAS).convert(I2F, 0), s0);
      FloatVector scale1 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, h + 2L * L, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s1 = scale1.fma((FloatVector) high.and(0xFFFF).sub(BIAS).convert(I2F, 0), s1);
      FloatVector scale2 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, h + 4L * L, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s2 = scale2.fma((FloatVector) low.lanewise(LSHR, 16).sub(BIAS).convert(I2F, 0), s2);
      FloatVector scale3 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, h + 6L * L, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s3 = scale3.fma((FloatVector) high.lanewise(LSHR, 16).sub(BIAS).convert(I2F, 0), s3);
      low = both1.sub(high1.lanewise(LSHL, 8)).reinterpretAsInts();
      high = high1.reinterpretAsInts();
      FloatVector scale4 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, h + 8L * L, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s4 = scale4.fma((FloatVector) low.and(0xFFFF).sub(BIAS).convert(I2F, 0), s4);
      FloatVector scale5 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, h + 10L * L, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s5 = scale5.fma((FloatVector) high.and(0xFFFF).sub(BIAS).convert(I2F, 0), s5);
      FloatVector scale6 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, h + 12L * L, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s6 = scale6.fma((FloatVector) low.lanewise(LSHR, 16).sub(BIAS).convert(I2F, 0), s6);
      FloatVector scale7 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, h + 14L * L, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s7 = scale7.fma((FloatVector) high.lanewise(LSHR, 16).sub(BIAS).convert(I2F, 0), s7);
    }
    s0.mul(OutputForms.REST_OF_HALVES).intoArray(out, 0);
    s1.mul(OutputForms.REST_OF_HALVES).intoArray(out, L);
    s2.mul(OutputForms.REST_OF_HALVES).intoArray(out, 2 * L);
    s3.mul(OutputForms.REST_OF_HALVES).intoArray(out, 3 * L);
    s4.mul(OutputForms.REST_OF_HALVES).intoArray(out, 4 * L);
    s5.mul(OutputForms.REST_OF_HALVES).intoArray(out, 5 * L);
    s6.mul(OutputForms.REST_OF_HALVES).intoArray(out, 6 * L);
    s7.mul(OutputForms.REST_OF_HALVES).intoArray(out, 7 * L);
  }
}
