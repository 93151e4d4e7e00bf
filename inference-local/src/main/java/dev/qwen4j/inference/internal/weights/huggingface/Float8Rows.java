package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.RowSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A matrix of 8-bit floats (e4m3: sign, 4 bits of exponent, 3 of mantissa, no infinities;
 * Micikevicius et al. 2022) with a factor for each block of rows and columns, the last of which may
 * be smaller. Stays as it is, the factor before each 32 weights; F32 where those are not whole.
 */
final class Float8Rows implements RowSource {
  /** Either sign of it; kernels do not know it, so it is their factor's. */
  private static final int NOT_A_NUMBER = 0x7F;

  private static final int BLOCK = TensorType.E4M3.blockElements();
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

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
   */
  Float8Rows(StoredTensor weights, StoredTensor factors, int blockRows, int blockCols) {
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
    boolean whole = weights.cols() % BLOCK == 0 && (colBlocks == 1 || blockCols % BLOCK == 0);
    this.type = whole ? TensorType.E4M3 : TensorType.F32;
  }

  private Float8Rows(Float8Rows other, StoredTensor weights) {
    this.weights = weights;
    this.factors = other.factors;
    this.blockRows = other.blockRows;
    this.blockCols = other.blockCols;
    this.colBlocks = other.colBlocks;
    this.rowBlocks = other.rowBlocks;
    this.rowsEach = other.rowsEach;
    this.type = other.type;
  }

  @Override
  public Float8Rows lent(Arena loan) {
    return new Float8Rows(this, weights.lent(loan));
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
    byte[] codes = new byte[cols()];
    for (int r = 0; r < rows; r++) {
      long index = first + r;
      long matrix = factors.length == 1 ? 0 : index / rowsEach;
      long block = matrix * rowBlocks + index % rowsEach / blockRows;
      int line = Math.toIntExact(block * colBlocks);
      MemorySegment.copy(
          weights.data(), ValueLayout.JAVA_BYTE, index * codes.length, codes, 0, codes.length);
      long to = at + r * rowBytes();
      if (type == TensorType.E4M3) {
        writeBlocks(codes, line, out, to);
      } else {
        for (int i = 0; i < codes.length; i++) {
          float factor = factors[line + i / blockCols];
          out.set(FLOAT, to + 4L * i, Dequantizer.e4m3(codes[i]) * factor);
        }
      }
    }
  }

  private void writeBlocks(byte[] codes, int line, MemorySegment out, long at) {
    long to = at;
    for (int i = 0; i < codes.length; i += BLOCK) {
      boolean sound = true;
      for (int j = i; j < i + BLOCK; j++) {
        sound &= (codes[j] & NOT_A_NUMBER) != NOT_A_NUMBER;
      }
      out.set(FLOAT, to, sound ? factors[line + i / blockCols] : Float.NaN);
      MemorySegment.copy(codes, i, out, ValueLayout.JAVA_BYTE, to + Float.BYTES, BLOCK);
      to += type.blockBytes();
    }
  }
}
