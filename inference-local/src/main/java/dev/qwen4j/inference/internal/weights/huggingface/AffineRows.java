package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.Quantizer;
import dev.qwen4j.inference.internal.weights.RowSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A matrix as MLX quantises it: {@code w = q · scale + bias} for each group of a row's elements,
 * whose q lie one after the other from the low bits up. Four bits are exactly Q4_1, whose scale and
 * minimum are halves, when halves hold the scales and biases; everything else becomes F16 or F32.
 */
final class AffineRows implements RowSource {
  private static final int BLOCK = 32;
  private static final float MOST_HALF = 65504;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Where the bits of eight nibbles go when each gets a byte. */
  private static final long NIBBLES = 0x0F0F_0F0F_0F0F_0F0FL;

  private final StoredTensor weights;
  private final StoredTensor scales;
  private final StoredTensor biases;
  private final int bits;
  private final int cols;
  private final int groupSize;
  private final int groups; // of a row
  private final TensorType type;

  /**
   * @param exact whether what Q4_1 does not hold becomes F32 and not F16
   */
  AffineRows(
      StoredTensor weights,
      StoredTensor scales,
      StoredTensor biases,
      int groupSize,
      boolean exact) {
    this.weights = weights.require(ElementType.U32);
    this.scales = scales;
    this.biases = biases;
    this.groupSize = groupSize;
    this.groups = scales.cols();
    if (scales.rows() != weights.rows() || !biases.shape().equals(scales.shape())) {
      throw scales.bad("a scale and a bias for each group of tensor " + weights.name());
    }
    long wordBits = (long) weights.cols() * Integer.SIZE;
    long wanted = (long) groups * groupSize;
    if (wanted > 1 << 24 || wordBits % wanted != 0 || wordBits / wanted > 8) {
      throw weights.bad("rows of %d groups of %d".formatted(groups, groupSize));
    }
    this.cols = (int) wanted;
    this.bits = (int) (wordBits / wanted);
    this.type = bestType(exact);
  }

  private AffineRows(AffineRows other, Arena loan) {
    this.weights = other.weights.lent(loan);
    this.scales = other.scales.lent(loan);
    this.biases = other.biases.lent(loan);
    this.groupSize = other.groupSize;
    this.groups = other.groups;
    this.cols = other.cols;
    this.bits = other.bits;
    this.type = other.type;
  }

  @Override
  public AffineRows lent(Arena loan) {
    return new AffineRows(this, loan);
  }

  private TensorType bestType(boolean wide) {
    boolean exact = bits == 4 && groupSize % BLOCK == 0;
    float largest = 0;
    float[] scale = new float[groups];
    float[] bias = new float[groups];
    for (long r = 0; r < weights.rows(); r++) {
      scales.floats(r * groups, groups, scale, 0);
      biases.floats(r * groups, groups, bias, 0);
      for (int g = 0; g < groups; g++) {
        largest = Math.max(largest, Math.abs(bias[g]) + Math.abs(scale[g]) * (1 << bits));
        exact &= Halves.holds(scale[g]) && Halves.holds(bias[g]);
      }
    }
    if (exact) {
      return TensorType.Q4_1;
    }
    return !wide && largest <= MOST_HALF ? TensorType.F16 : TensorType.F32;
  }

  @Override
  public TensorType type() {
    return type;
  }

  @Override
  public long rows() {
    return weights.rows();
  }

  @Override
  public int cols() {
    return cols;
  }

  @Override
  public void write(long first, int rows, MemorySegment out, long at) {
    float[] scale = new float[groups];
    float[] bias = new float[groups];
    int[] codes = new int[cols];
    float[] row = new float[cols];
    for (int r = 0; r < rows; r++) {
      scales.floats((first + r) * groups, groups, scale, 0);
      biases.floats((first + r) * groups, groups, bias, 0);
      long start = (first + r) * weights.cols() * Integer.BYTES;
      long to = at + r * rowBytes();
      if (type == TensorType.Q4_1) {
        writeBlocks(start, scale, bias, out, to);
      } else {
        decode(start, codes);
        for (int i = 0; i < cols; i++) {
          row[i] = codes[i] * scale[i / groupSize] + bias[i / groupSize];
        }
        Quantizer.write(type, row, cols, out, to);
      }
    }
  }

  /** The bits of a row are one stream, the lowest first. */
  private void decode(long start, int[] codes) {
    long at = start;
    int held = 0;
    int waiting = 0;
    for (int i = 0; i < cols; i++) {
      if (waiting < bits) {
        held |= weights.unsignedByte(at++) << waiting;
        waiting += 8;
      }
      codes[i] = held & ((1 << bits) - 1);
      held >>>= bits;
      waiting -= bits;
    }
  }

  /** In a block of Q4_1, element j shares a byte with element j + 16. */
  private void writeBlocks(long start, float[] scale, float[] bias, MemorySegment out, long at) {
    MemorySegment words = weights.data();
    for (int b = 0; b < cols / BLOCK; b++) {
      long from = start + (long) b * BLOCK / 2;
      long to = at + (long) b * TensorType.Q4_1.blockBytes();
      int g = b * BLOCK / groupSize;
      out.set(SHORT, to, Float.floatToFloat16(scale[g]));
      out.set(SHORT, to + 2, Float.floatToFloat16(bias[g]));
      for (int half = 0; half < 2; half++) {
        long low = Long.expand(words.get(INT, from + 4L * half), NIBBLES);
        long high = Long.expand(words.get(INT, from + 8 + 4L * half), NIBBLES);
        out.set(LONG, to + 4 + 8L * half, low | (high << 4));
      }
    }
  }
}
