package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.Quantizer;
import dev.qwen4j.inference.internal.weights.RowSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A matrix of 8-bit floats (e4m3: sign, 4 bits of exponent, 3 of mantissa, no infinities;
 * Micikevicius et al. 2022) with a factor for each block of rows and columns, the last of which may
 * be smaller. Becomes F16, or F32 where halves do not reach.
 */
final class Float8Rows implements RowSource {
  private static final float[] VALUES = values();

  /** The factors for which 448 · factor is a half and 7 bits below it are left. */
  private static final float LEAST_FACTOR = 0x1p-20f;

  private static final float MOST_FACTOR = 65504f / 448;

  private final StoredTensor weights;
  private final float[] factors; // [matrices, rowBlocks, colBlocks]
  private final int blockRows;
  private final int blockCols;
  private final int colBlocks;
  private final int rowBlocks;
  private final long rowsEach;
  private final TensorType type;

  /**
   * @param factors of all blocks, or one for all weights
   * @param exact whether to make F32 and not F16, which has one bit too few
   */
  Float8Rows(
      StoredTensor weights, StoredTensor factors, int blockRows, int blockCols, boolean exact) {
    this.weights = weights.require(ElementType.F8_E4M3);
    if (weights.shape().size() < 2) {
      throw weights.bad("a matrix");
    }
    this.factors = factors.floats();
    this.rowsEach = weights.shape().get(weights.shape().size() - 2);
    long matrices = weights.rows() / rowsEach;
    boolean one = this.factors.length == 1;
    this.blockRows = one ? Integer.MAX_VALUE : blockRows;
    this.blockCols = one ? Integer.MAX_VALUE : blockCols;
    this.rowBlocks = Math.toIntExact(Math.ceilDiv(rowsEach, (long) this.blockRows));
    this.colBlocks = Math.ceilDiv(weights.cols(), this.blockCols);
    if (!one && this.factors.length != matrices * rowBlocks * colBlocks) {
      throw factors.bad(
          "a factor for each %d x %d weights of tensor %s"
              .formatted(blockRows, blockCols, weights.name()));
    }
    this.type = exact ? TensorType.F32 : bestType();
  }

  private TensorType bestType() {
    for (float factor : factors) {
      float magnitude = Math.abs(factor);
      if (magnitude != 0 && !(magnitude >= LEAST_FACTOR && magnitude <= MOST_FACTOR)) {
        return TensorType.F32;
      }
    }
    return TensorType.F16;
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
    return weights.cols();
  }

  @Override
  public void write(long first, int rows, MemorySegment out, long at) {
    int cols = cols();
    byte[] codes = new byte[cols];
    float[] row = new float[cols];
    for (int r = 0; r < rows; r++) {
      long index = first + r;
      long matrix = factors.length == 1 ? 0 : index / rowsEach;
      long block = matrix * rowBlocks + index % rowsEach / blockRows;
      int line = Math.toIntExact(block * colBlocks);
      MemorySegment.copy(weights.data(), ValueLayout.JAVA_BYTE, index * cols, codes, 0, cols);
      for (int b = 0; b < colBlocks; b++) {
        float factor = factors[line + b];
        int end = (int) Math.min(cols, (b + 1L) * blockCols);
        for (int i = b * blockCols; i < end; i++) {
          row[i] = VALUES[codes[i] & 0xFF] * factor;
        }
      }
      Quantizer.write(type, row, cols, out, at + r * rowBytes());
    }
  }

  private static float[] values() {
    float[] values = new float[256];
    for (int code = 0; code < values.length; code++) {
      int exponent = (code >> 3) & 15;
      int mantissa = code & 7;
      float magnitude =
          exponent == 15 && mantissa == 7
              ? Float.NaN
              : exponent == 0
                  ? Math.scalb((float) mantissa, -9)
                  : Math.scalb(8f + mantissa, exponent - 10);
      values[code] = code < 128 ? magnitude : -magnitude;
    }
    return values;
  }
}
