package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.Quantizer;
import dev.qwen4j.inference.internal.weights.RowSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.stream.IntStream;

/**
 * A linear layer as GPTQ and AWQ store it: whole numbers, transposed, several in an int32, with a
 * scale and a zero point for each output and group of inputs: {@code w = (q − zero) · scale}.
 * (Frantar et al. 2022, Lin et al. 2023; the layouts of AutoGPTQ and AutoAWQ's "gemm".)
 *
 * <p>Where 32 inputs in a row are always of one group, that is exactly Q8_0: the scale as it is,
 * and {@code q − zero} in a byte. Otherwise, as with groups by importance (desc_act), the product
 * is rounded to F16.
 */
final class PackedRows implements RowSource {
  private static final int BLOCK = 32;
  private static final float MOST_HALF = 65504;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Rows decoded together: a stretch of the file that is worth loading, and fits the cache. */
  private static final int TILE = 64;

  /** In which of the eight nibbles of an int32 AWQ has the j-th output. */
  private static final int[] AWQ_NIBBLE = {0, 4, 1, 5, 2, 6, 3, 7};

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
  private final StoredTensor zeros;
  private final float[] scales; // [groups, outputs]
  private final int[] group; // of each input
  private final TensorType type;

  /**
   * @param tensors of the layer
   * @param form how they are packed
   */
  PackedRows(PackedTensors tensors, PackedForm form) {
    this.packing = form.packing();
    this.bits = form.bits();
    this.weights = tensors.weights().require(ElementType.I32);
    this.zeros = tensors.zeros().require(ElementType.I32);
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
    zeros.require(groups, outputs / perWord);
    this.group = groups(tensors, form);
    this.scales = scale.floats();
    this.type = bestType();
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

  private TensorType bestType() {
    float largest = 0;
    boolean exact = inputs % BLOCK == 0;
    for (float scale : scales) {
      largest = Math.max(largest, Math.abs(scale));
      exact &= Halves.holds(scale);
    }
    for (int i = 0; i < inputs && exact; i++) {
      exact = group[i] == group[i / BLOCK * BLOCK];
    }
    if (bits == 8) {
      for (int g = 0; g < groups && exact; g++) {
        for (int o = 0; o < outputs && exact; o++) {
          exact = zero(g, o) == 128;
        }
      }
    }
    if (exact) {
      return TensorType.Q8_0;
    }
    return largest * (1 << bits) <= MOST_HALF ? TensorType.F16 : TensorType.F32;
  }

  private int zero(int g, int output) {
    int perWord = Integer.SIZE / bits;
    int word = zeros.integer((long) g * (outputs / perWord) + output / perWord);
    int at = output % perWord;
    int stored = (word >>> (bits * (packing == Packing.AWQ ? AWQ_NIBBLE[at] : at))) & mask();
    return packing == Packing.GPTQ ? stored + 1 : stored;
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
    short[] values = new short[Math.min(rows, TILE) * inputs];
    float[] row = new float[inputs];
    for (int done = 0; done < rows; done += TILE) {
      int from = (int) first + done;
      int count = Math.min(TILE, rows - done);
      if (packing == Packing.AWQ) {
        decodeAcross(from, count, values);
      } else {
        decodeDown(from, count, values);
      }
      for (int r = 0; r < count; r++) {
        long to = at + (done + r) * rowBytes();
        centre(from + r, values, r * inputs);
        if (type == TensorType.Q8_0) {
          writeBlocks(from + r, values, r * inputs, out, to);
        } else {
          for (int i = 0; i < inputs; i++) {
            row[i] = values[r * inputs + i] * scales[group[i] * outputs + from + r];
          }
          Quantizer.write(type, row, inputs, out, to);
        }
      }
    }
  }

  /** The words of one row of the file are of outputs that follow each other. */
  private void decodeDown(int from, int count, short[] values) {
    int perWord = Integer.SIZE / bits;
    for (int w = 0; w < inputs / perWord; w++) {
      for (int r = 0; r < count; r++) {
        int word = weights.integer((long) w * outputs + from + r);
        int to = r * inputs + w * perWord;
        for (int j = 0; j < perWord; j++) {
          values[to + j] = (short) (word & mask());
          word >>>= bits;
        }
      }
    }
  }

  /** Each row of the file has all outputs of an input. */
  private void decodeAcross(int from, int count, short[] values) {
    int perWord = Integer.SIZE / bits;
    for (int i = 0; i < inputs; i++) {
      long line = (long) i * (outputs / perWord);
      for (int r = 0; r < count; r++) {
        int output = from + r;
        int word = weights.integer(line + output / perWord);
        values[r * inputs + i] =
            (short) ((word >>> (bits * AWQ_NIBBLE[output % perWord])) & mask());
      }
    }
  }

  /** Subtracts the zero points. */
  private void centre(int output, short[] values, int at) {
    int current = -1;
    int zero = 0;
    for (int i = 0; i < inputs; i++) {
      if (group[i] != current) {
        current = group[i];
        zero = zero(current, output);
      }
      values[at + i] -= (short) zero;
    }
  }

  private void writeBlocks(int output, short[] values, int from, MemorySegment out, long at) {
    for (int b = 0; b < inputs / BLOCK; b++) {
      long to = at + (long) b * TensorType.Q8_0.blockBytes();
      float scale = scales[group[b * BLOCK] * outputs + output];
      out.set(SHORT, to, Float.floatToFloat16(scale));
      for (int j = 0; j < BLOCK; j++) {
        out.set(ValueLayout.JAVA_BYTE, to + 2 + j, (byte) values[from + b * BLOCK + j]);
      }
    }
  }
}
