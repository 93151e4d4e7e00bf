package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.Quantizer;
import dev.qwen4j.inference.internal.weights.RowSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.stream.IntStream;

/**
 * A linear layer as GPTQ and AWQ store it: whole numbers, transposed, several in an int32, with a
 * scale and a zero point for each output and group of inputs: {@code w = (q − zero) · scale}.
 * (Frantar et al. 2022, Lin et al. 2023; the layouts of AutoGPTQ and AutoAWQ's "gemm".)
 *
 * <p>Where 32 inputs in a row are always of one group, that is exactly Q8_0: the scale as it is,
 * and {@code q − zero} in a byte; or, of half the size, Q4_0, where the numbers have four bits and
 * every zero point is 8, as in what Qwen publishes for GPTQ. Otherwise, as with groups by
 * importance (desc_act), the product is rounded to F16, or kept in F32.
 */
final class PackedRows implements RowSource {
  private static final int BLOCK = 32;
  private static final float MOST_HALF = 65504;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final VarHandle SHORTS =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  /** Where the bits of eight nibbles go when each gets a byte. */
  private static final long NIBBLES = 0x0F0F_0F0F_0F0F_0F0FL;

  /** Rows decoded together: a stretch of the file that is worth loading, and fits the cache. */
  private static final int TILE = 64;

  /** In which of the eight nibbles of an int32 AWQ has the j-th output. */
  private static final int[] AWQ_NIBBLE = {0, 4, 1, 5, 2, 6, 3, 7};

  /** Which of eight outputs the j-th nibble of AWQ's int32 is. */
  private static final int[] AWQ_OUTPUT = {0, 2, 4, 6, 1, 3, 5, 7};

  /** How the whole numbers lie in the int32s. */
  enum Packing {
    /** Inputs of one output in an int32; a stored zero point is one less than meant. */
    GPTQ,
    /** GPTQ's second form: zero points as they are. */
    GPTQ_V2,
    /** Outputs of one input in an int32, in a shuffled order. */
    AWQ
  }

  private final Packing packing;
  private final int bits;
  private final int inputs;
  private final int outputs;
  private final int groups;
  private final StoredTensor weights;
  private final float[] scales; // [groups, outputs]
  private final short[] zeroPoints; // [groups, outputs]
  private final int[] group; // of each input
  private final TensorType type;

  /**
   * @param tensors of the layer
   * @param form how they are packed
   * @param exact whether what Q8_0 does not hold becomes F32 and not F16
   */
  PackedRows(PackedTensors tensors, PackedForm form, boolean exact) {
    this.packing = form.packing();
    this.bits = form.bits();
    this.weights = tensors.weights().require(ElementType.I32);
    StoredTensor scale = tensors.scales();
    if (scale.shape().size() != 2 || weights.shape().size() != 2) {
      throw weights.bad("a matrix, and scales that are one");
    }
    this.groups = Math.toIntExact(Math.min(Integer.MAX_VALUE, scale.rows()));
    this.outputs = scale.cols();
    int perWord = Integer.SIZE / bits;
    boolean awq = packing == Packing.AWQ;
    long allInputs = awq ? weights.rows() : weights.rows() * perWord;
    if (allInputs > 1 << 24 || outputs % perWord != 0) {
      throw weights.bad("whole int32s of %d-bit weights".formatted(bits));
    }
    this.inputs = (int) allInputs;
    weights.require(weights.rows(), awq ? outputs / perWord : outputs);
    tensors.zeros().require(ElementType.I32).require(groups, outputs / perWord);
    this.group = groups(tensors, form);
    this.scales = scale.floats();
    this.zeroPoints = zeroPoints(tensors.zeros());
    this.type = bestType(exact);
  }

  private PackedRows(PackedRows other, StoredTensor weights) {
    this.packing = other.packing;
    this.bits = other.bits;
    this.inputs = other.inputs;
    this.outputs = other.outputs;
    this.groups = other.groups;
    this.weights = weights;
    this.scales = other.scales;
    this.zeroPoints = other.zeroPoints;
    this.group = other.group;
    this.type = other.type;
  }

  @Override
  public PackedRows lent(Arena loan) {
    return new PackedRows(this, weights.lent(loan));
  }

  private int[] groups(PackedTensors tensors, PackedForm form) {
    StoredTensor index = tensors.groupIndex();
    if (index != null) {
      index.require(ElementType.I32).require(inputs);
      int[] stated = IntStream.range(0, inputs).map(index::integer).toArray();
      if (IntStream.of(stated).anyMatch(g -> g < 0 || g >= groups)) {
        throw index.bad("groups from 0 to " + (groups - 1));
      }
      return stated;
    }
    int size = form.groupSize() > 0 ? form.groupSize() : inputs;
    if (Math.ceilDiv(inputs, size) != groups) {
      throw tensors
          .scales()
          .bad("%d groups of %d inputs".formatted(Math.ceilDiv(inputs, size), size));
    }
    return IntStream.range(0, inputs).map(i -> i / size).toArray();
  }

  private TensorType bestType(boolean wide) {
    float largest = 0;
    boolean exact = inputs % BLOCK == 0;
    for (float scale : scales) {
      largest = Math.max(largest, Math.abs(scale));
      exact &= Halves.holds(scale);
    }
    for (int i = 0; i < inputs && exact; i++) {
      exact = group[i] == group[i / BLOCK * BLOCK];
    }
    boolean centred = true;
    for (int z = 0; z < zeroPoints.length && centred; z++) {
      centred = zeroPoints[z] == 1 << (bits - 1);
    }
    if (exact && bits == 4) {
      return centred ? TensorType.Q4_0 : TensorType.Q8_0;
    }
    if (exact && centred) {
      return TensorType.Q8_0;
    }
    return !wide && largest * (1 << bits) <= MOST_HALF ? TensorType.F16 : TensorType.F32;
  }

  private short[] zeroPoints(StoredTensor zeros) {
    int perWord = Integer.SIZE / bits;
    short[] points = new short[groups * outputs];
    for (int i = 0; i < points.length; i++) {
      int word = zeros.integer(i / perWord);
      int at = i % perWord;
      int stored = (word >>> (bits * (packing == Packing.AWQ ? AWQ_NIBBLE[at] : at))) & mask();
      points[i] = (short) (packing == Packing.GPTQ ? stored + 1 : stored);
    }
    return points;
  }

  private int mask() {
    return (1 << bits) - 1;
  }

  @Override
  public TensorType type() {
    return type;
  }

  @Override
  public long rows() {
    return outputs;
  }

  @Override
  public int cols() {
    return inputs;
  }

  @Override
  public void write(long first, int rows, MemorySegment out, long at) {
    byte[] codes = new byte[Math.min(rows, TILE) * inputs];
    boolean blockwise = type == TensorType.Q8_0 || type == TensorType.Q4_0;
    byte[] blocks = new byte[blockwise ? Math.toIntExact(rowBytes()) : 0];
    float[] row = new float[blockwise ? 0 : inputs];
    for (int done = 0; done < rows; done += TILE) {
      int from = (int) first + done;
      int count = Math.min(TILE, rows - done);
      if (packing == Packing.AWQ) {
        decodeAcross(from, count, codes);
      } else {
        decodeDown(from, count, codes);
      }
      for (int r = 0; r < count; r++) {
        long to = at + (done + r) * rowBytes();
        if (blockwise) {
          if (type == TensorType.Q8_0) {
            packBytes(from + r, codes, r * inputs, blocks);
          } else {
            packNibbles(from + r, codes, r * inputs, blocks);
          }
          MemorySegment.copy(blocks, 0, out, ValueLayout.JAVA_BYTE, to, blocks.length);
        } else {
          for (int i = 0; i < inputs; i++) {
            int g = group[i] * outputs + from + r;
            row[i] = ((codes[r * inputs + i] & 0xFF) - zeroPoints[g]) * scales[g];
          }
          Quantizer.write(type, row, inputs, out, to);
        }
      }
    }
  }

  /** The words of one row of the file are of outputs that follow each other. */
  private void decodeDown(int from, int count, byte[] codes) {
    int perWord = Integer.SIZE / bits;
    MemorySegment words = weights.data();
    for (int w = 0; w < inputs / perWord; w++) {
      long line = ((long) w * outputs + from) * Integer.BYTES;
      for (int r = 0; r < count; r++) {
        int word = words.get(INT, line + (long) r * Integer.BYTES);
        int to = r * inputs + w * perWord;
        if (bits == 4) {
          LONGS.set(codes, to, Long.expand(word, NIBBLES));
        } else {
          INTS.set(codes, to, word);
        }
      }
    }
  }

  /** Each row of the file has all outputs of an input. */
  private void decodeAcross(int from, int count, byte[] codes) {
    int perWord = Integer.SIZE / bits;
    int firstWord = from / perWord;
    int lastWord = (from + count - 1) / perWord;
    MemorySegment words = weights.data();
    for (int i = 0; i < inputs; i++) {
      long line = (long) i * (outputs / perWord);
      for (int w = firstWord; w <= lastWord; w++) {
        int word = words.get(INT, (line + w) * Integer.BYTES);
        for (int nibble = 0; nibble < perWord; nibble++) {
          int r = w * perWord + AWQ_OUTPUT[nibble] - from;
          if (r >= 0 && r < count) {
            codes[r * inputs + i] = (byte) (word & 15);
          }
          word >>>= 4;
        }
      }
    }
  }

  /** A row of Q8_0. */
  private void packBytes(int output, byte[] codes, int from, byte[] blocks) {
    for (int b = 0; b < inputs / BLOCK; b++) {
      int g = group[b * BLOCK] * outputs + output;
      int zero = zeroPoints[g];
      int to = b * TensorType.Q8_0.blockBytes();
      SHORTS.set(blocks, to, Float.floatToFloat16(scales[g]));
      for (int j = 0; j < BLOCK; j++) {
        blocks[to + 2 + j] = (byte) (codes[from + b * BLOCK + j] - zero);
      }
    }
  }

  /** A row of Q4_0, in whose blocks element j shares a byte with element j + 16. */
  private void packNibbles(int output, byte[] codes, int from, byte[] blocks) {
    for (int b = 0; b < inputs / BLOCK; b++) {
      int to = b * TensorType.Q4_0.blockBytes();
      SHORTS.set(blocks, to, Float.floatToFloat16(scales[group[b * BLOCK] * outputs + output]));
      int at = from + b * BLOCK;
      for (int j = 0; j < BLOCK / 2; j++) {
        blocks[to + 2 + j] = (byte) (codes[at + j] | codes[at + j + BLOCK / 2] << 4);
      }
    }
  }
}
