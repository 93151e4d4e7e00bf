package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
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
  private static final Set<Packing> PACKINGS = EnumSet.of(Packing.NIBBLES);

  private final PackedMatrix upper;
  private final MemorySegment data;
  private final long address; // for the reason that PackedMatrix has one
  private final long spreadAt;
  private final NibbleRows lower;

  /** A matrix of the shape of {@code shape} in {@code data}, {@link #bytes} of them. */
  SplitMatrix(RawMatrix shape, MemorySegment data) {
    this.data = data;
    this.address = data.address();
    this.upper = new PackedMatrix(shape, Packing.NIBBLES, data.asSlice(0, lowerAt(shape)));
    this.spreadAt = spreadAt(shape);
    MemorySegment lowerData = data.asSlice(lowerAt(shape), spreadAt - lowerAt(shape));
    this.lower = new NibbleRows(shape.cols(), lowerData);
  }

  static long bytes(RawMatrix raw) {
    return spreadAt(raw) + raw.rows() * (long) Float.BYTES;
  }

  private static long lowerAt(RawMatrix raw) {
    return PackedMatrix.bytes(raw, Packing.NIBBLES);
  }

  private static long spreadAt(RawMatrix raw) {
    return lowerAt(raw) + NibbleRows.bytes(raw.rows(), raw.cols());
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

  /** {@code (Σ scale⁴)^¼} of each row, behind the weights. */
  @Override
  public long spread(int row) {
    return address + spreadAt + row * (long) Float.BYTES;
  }

  @Override
  public Set<Packing> packings() {
    return PACKINGS;
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
  public void products(int from, int to, Activations a, Scratch scratch, float[] out, int at) {
    float[] lowers = scratch.scales(NibbleRows.TOGETHER);
    int row = from;
    for (; row + NibbleRows.TOGETHER <= to; row += NibbleRows.TOGETHER) {
      lower.dots(row, a.forms(), a.forms().rest, scratch, lowers, 0);
      for (int i = 0; i < NibbleRows.TOGETHER; i++) {
        out[at + row + i] += lowers[i];
      }
    }
    for (; row < to; row++) {
      out[at + row] = product(row, a, out[at + row], scratch);
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

  @Override
  public EstimatedMatrix.Packer packer(RawMatrix raw) {
    return new Packer(raw);
  }

  /** Packs groups of rows of {@code raw}; of one worker. In arrays, as {@link Packer} says. */
  private final class Packer implements EstimatedMatrix.Packer {
    private final RawMatrix raw;
    private final int rowShorts;
    private final short[] in; // a group's rows as the file has them
    private final byte[] group = new byte[Math.toIntExact(groupBytes())];
    private final byte[] row = lower.emptyRow();
    private final short[] fours = new short[BLOCK / 4];

    Packer(RawMatrix raw) {
      this.raw = raw;
      this.rowShorts = Math.toIntExact(raw.type().bytes(raw.cols()) / 2);
      this.in = new short[groupRows() * rowShorts];
    }

    @Override
    public void pack(int g) {
      int first = g * groupRows();
      int n = Math.min(groupRows(), rows() - first);
      MemorySegment.copy(raw.data(), SHORT, 2L * first * rowShorts, in, 0, n * rowShorts);
      if (n < groupRows()) {
        Arrays.fill(group, (byte) 0);
      }
      int blocks = cols() / BLOCK;
      for (int r = 0; r < n; r++) {
        double sum = 0;
        for (int b = 0; b < blocks; b++) {
          int at = r * rowShorts + b * (rowShorts / blocks);
          putBlock(r, b, at);
          double square = Float.float16ToFloat(in[at]);
          square *= square;
          sum += square * square;
        }
        lower.set(first + r, row);
        data.set(FLOAT, spreadAt + 4L * (first + r), (float) Math.sqrt(Math.sqrt(sum)));
      }
      MemorySegment.copy(group, 0, data, JAVA_BYTE, g * groupBytes(), group.length);
    }

    private void putBlock(int r, int b, int at) {
      int to = (int) upper.blockAt(b);
      for (int w = 0; w < 4; w++) {
        int first = four(at + 1 + 4 * w);
        int second = four(at + 3 + 4 * w);
        fours[2 * w] = NibbleRows.lowBits(first);
        fours[2 * w + 1] = NibbleRows.lowBits(second);
        int firsts = firsts(first >>> 4) | firsts(second >>> 4) << 8;
        int seconds = firsts(first >>> 12) | firsts(second >>> 12) << 8;
        putShort(to + 4 * (w * groupRows() + r), firsts);
        putShort(to + 4 * (w * groupRows() + r) + 2, seconds);
      }
      putShort(to + (int) upper.packing().blockBytes() + 2 * r, in[at]);
      NibbleRows.put(row, b, in[at], fours);
    }

    /** Four weights, each 128 more than it is. */
    private int four(int at) {
      return ((in[at] & 0xFFFF) | in[at + 1] << 16) ^ 0x8080_8080;
    }

    /** The low nibbles of the firsts of two pairs. */
    private static int firsts(int four) {
      int nibbles = four & 0x000F_000F;
      return (nibbles | nibbles >>> 12) & 0xFF;
    }

    private void putShort(int to, int value) {
      group[to] = (byte) value;
      group[to + 1] = (byte) (value >>> 8);
    }
  }
}
