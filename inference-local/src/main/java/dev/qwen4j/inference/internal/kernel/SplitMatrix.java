package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * An output matrix of 8-bit weights (Q8_0) whose upper four bits give the estimates: of 34 bytes a
 * block they are 18. A weight is {@code scale · (16 · upper + lower − 128)}; an estimate takes the
 * lower bits for their mean, 7.5. The upper bits are packed as {@link Packing#NIBBLES}, and read as
 * {@link PackedDots} reads those; the lower ones are {@link NibbleRows}.
 */
final class SplitMatrix implements EstimatedMatrix {
  private static final int STEP = 16;
  private static final int CENTER = 128;

  private final PackedMatrix upper;
  private final MemorySegment data;
  private final NibbleRows lower;

  /** A matrix of the shape of {@code shape} in {@code data}, {@link #bytes} of them. */
  SplitMatrix(RawMatrix shape, MemorySegment data) {
    long upperBytes = upperBytes(shape);
    this.data = data;
    this.upper = new PackedMatrix(shape, Packing.NIBBLES, data.asSlice(0, upperBytes));
    this.lower = new NibbleRows(shape.rows(), shape.cols(), data.asSlice(upperBytes));
  }

  static long bytes(RawMatrix raw) {
    return upperBytes(raw) + NibbleRows.bytes(raw.rows(), raw.cols());
  }

  private static long upperBytes(RawMatrix raw) {
    return PackedMatrix.bytes(raw, Packing.NIBBLES);
  }

  @Override
  public int rows() {
    return upper.rows();
  }

  @Override
  public int cols() {
    return upper.cols();
  }

  @Override
  public int groupRows() {
    return upper.packing().groupRows();
  }

  @Override
  public long groupBytes() {
    return upper.groupBytes();
  }

  @Override
  public MemorySegment data() {
    return data;
  }

  @Override
  public NibbleRows nibbles() {
    return lower;
  }

  @Override
  public long extraBytes() {
    return data.byteSize();
  }

  @Override
  public void dequantizeRow(int row, float[] out, int offset) {
    for (int k = 0; k < cols(); k++) {
      int pair = k % BLOCK / 2;
      long word =
          row / groupRows() * groupBytes()
              + upper.blockAt(k / BLOCK)
              + 4L * (pair / 4 * groupRows() + row % groupRows());
      int four = (data.get(INT, word) >>> (pair % 4 * 4 + k % 2 * 16)) & 15;
      int weight = STEP * four + lower.get(row, k) - CENTER;
      out[offset + k] = lower.scale(row, k / BLOCK) * weight;
    }
  }

  @Override
  public void putBlock(byte[] out, int row, int block, short scale, int[] weights) {
    int at = (int) upper.blockAt(block);
    for (int w = 0; w < 4; w++) {
      int first = (weights[2 * w] >>> 4) & 0x0F0F_0F0F;
      int second = (weights[2 * w + 1] >>> 4) & 0x0F0F_0F0F;
      // Firsts of pairs into the lower half, seconds into the upper.
      int firsts = nibbles(first & 0x00FF_00FF) | nibbles(second & 0x00FF_00FF) << 8;
      int seconds =
          nibbles((first >>> 8) & 0x00FF_00FF) | nibbles((second >>> 8) & 0x00FF_00FF) << 8;
      int to = at + 4 * (w * groupRows() + row);
      putShort(out, to, firsts);
      putShort(out, to + 2, seconds);
    }
    putShort(out, at + (int) upper.packing().blockBytes() + 2 * row, scale);
  }

  /** A nibble of either half side by side. */
  private static int nibbles(int halves) {
    return (halves | halves >>> 12) & 0xFF;
  }

  private static void putShort(byte[] out, int to, int value) {
    out[to] = (byte) value;
    out[to + 1] = (byte) (value >>> 8);
  }

  @Override
  public void prepare(Activations a) {
    a.forms().columns(a, cols());
    a.forms().upper(a, cols());
  }

  @Override
  public boolean productsNeedEstimates() {
    return true;
  }

  @Override
  public float product(int row, Activations a, float estimate, Scratch scratch) {
    return estimate + lower.dot(row, a.forms(), a.forms().rest, scratch);
  }

  @Override
  public void products(int row, Activations a, Scratch scratch, float[] out, int at) {
    float[] lowers = scratch.scales(NibbleRows.TOGETHER);
    lower.dots(row, a.forms(), a.forms().rest, scratch, lowers, 0);
    for (int i = 0; i < NibbleRows.TOGETHER; i++) {
      out[at + i] += lowers[i];
    }
  }

  /** As {@link PackedDots} multiplies nibbles; but not taking off 8, and one group at a time. */
  @Override
  public void estimate(int group, Activations a, float[] out) {
    int blocks = cols() / BLOCK;
    long start = upper.weightsOf(group, 0);
    long blockStep = upper.blockStep();
    long fours = a.foursAddress();
    int[] starts = a.forms().less;
    float[] factors = a.forms().factors;
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    for (int b = 0; b < blocks; b++) {
      long x0 = (fours + b * 64L) & Memory.MASK;
      long from = (start + b * blockStep) & Memory.MASK;
      FloatVector factor = FloatVector.broadcast(F, factors[b]);
      ShortVector p0 = IntVector.broadcast(I, starts[b]).reinterpretAsShorts();
      ShortVector p1 = p0;
      ShortVector p2 = p0;
      for (int w = 0; w < 4; w++) {
        long at = from + w * 12L * L;
        long k = x0 + w * 16L;
        IntVector v0 = IntVector.fromMemorySegment(I, ALL, at, LE);
        IntVector v1 = IntVector.fromMemorySegment(I, ALL, at + 4L * L, LE);
        IntVector v2 = IntVector.fromMemorySegment(I, ALL, at + 8L * L, LE);
        ShortVector x = IntVector.broadcast(I, ALL.get(INT, k)).reinterpretAsShorts();
        p0 = v0.reinterpretAsShorts().mul(x).add(p0);
        p1 = v1.reinterpretAsShorts().mul(x).add(p1);
        p2 = v2.reinterpretAsShorts().mul(x).add(p2);
        x = IntVector.broadcast(I, ALL.get(INT, k + 4)).reinterpretAsShorts();
        p0 = v0.lanewise(LSHR, 4).reinterpretAsShorts().mul(x).add(p0);
        p1 = v1.lanewise(LSHR, 4).reinterpretAsShorts().mul(x).add(p1);
        p2 = v2.lanewise(LSHR, 4).reinterpretAsShorts().mul(x).add(p2);
        x = IntVector.broadcast(I, ALL.get(INT, k + 8)).reinterpretAsShorts();
        p0 = v0.lanewise(LSHR, 8).reinterpretAsShorts().mul(x).add(p0);
        p1 = v1.lanewise(LSHR, 8).reinterpretAsShorts().mul(x).add(p1);
        p2 = v2.lanewise(LSHR, 8).reinterpretAsShorts().mul(x).add(p2);
        x = IntVector.broadcast(I, ALL.get(INT, k + 12)).reinterpretAsShorts();
        p0 = v0.lanewise(LSHR, 12).reinterpretAsShorts().mul(x).add(p0);
        p1 = v1.lanewise(LSHR, 12).reinterpretAsShorts().mul(x).add(p1);
        p2 = v2.lanewise(LSHR, 12).reinterpretAsShorts().mul(x).add(p2);
      }
      IntVector t0 = p0.reinterpretAsInts();
      IntVector t1 = p1.reinterpretAsInts();
      IntVector t2 = p2.reinterpretAsInts();
      t0 = t0.add(t0.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      t1 = t1.add(t1.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      t2 = t2.add(t2.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      long h = from + 48L * L;
      FloatVector scale0 =
          ((IntVector) ShortVector.fromMemorySegment(SF, ALL, h, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s0 = scale0.fma((FloatVector) t0.convert(I2F, 0), s0);
      FloatVector scale1 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, h + 2L * L, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s1 = scale1.fma((FloatVector) t1.convert(I2F, 0), s1);
      FloatVector scale2 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SF, ALL, h + 4L * L, LE).convertShape(S2I, I, 0))
              .lanewise(LSHL, 13)
              .and(0x8FFFE000)
              .reinterpretAsFloats()
              .mul(factor);
      s2 = scale2.fma((FloatVector) t2.convert(I2F, 0), s2);
    }
    s0.mul(OutputForms.REST_OF_HALVES).intoArray(out, 0);
    s1.mul(OutputForms.REST_OF_HALVES).intoArray(out, L);
    s2.mul(OutputForms.REST_OF_HALVES).intoArray(out, 2 * L);
  }
}
