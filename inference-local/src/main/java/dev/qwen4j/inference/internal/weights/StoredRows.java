package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Rows as they lie in memory or in a mapped file.
 *
 * @param data exactly the rows
 */
public record StoredRows(TensorType type, long rows, int cols, MemorySegment data)
    implements RowSource {
  /** The rows of a tensor of any number of dimensions. */
  public static StoredRows of(TensorInfo tensor) {
    int cols = Math.toIntExact(tensor.shape().getFirst());
    long rows = tensor.shape().stream().skip(1).reduce(1L, (a, b) -> a * b);
    return new StoredRows(tensor.type(), rows, cols, tensor.data());
  }

  @Override
  public void write(long first, int rows, MemorySegment out, long at) {
    MemorySegment.copy(data, first * rowBytes(), out, at, rows * rowBytes());
  }

  @Override
  public Optional<MemorySegment> inPlace() {
    return Optional.of(data).filter(MemorySegment::isNative);
  }
}
