package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Rows in another type than they have.
 *
 * @param type one that {@link Quantizer} writes
 */
public record ConvertedRows(RowSource source, TensorType type) implements RowSource {
  @Override
  public long rows() {
    return source.rows();
  }

  @Override
  public int cols() {
    return source.cols();
  }

  @Override
  public ConvertedRows lent(Arena loan) {
    return new ConvertedRows(source.lent(loan), type);
  }

  @Override
  public void write(long first, int rows, MemorySegment out, long at) {
    MemorySegment raw = MemorySegment.ofArray(new byte[Math.toIntExact(rows * source.rowBytes())]);
    source.write(first, rows, raw, 0);
    float[] row = new float[cols()];
    for (int r = 0; r < rows; r++) {
      Dequantizer.dequantize(source.type(), raw, r * source.rowBytes(), row.length, row, 0);
      Quantizer.write(type, row, row.length, out, at + r * rowBytes());
    }
  }
}
