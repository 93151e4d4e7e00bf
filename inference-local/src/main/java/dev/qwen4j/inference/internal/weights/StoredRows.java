package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.Function;

/**
 * Rows as they lie in memory or in a mapped file.
 *
 * @param data exactly the rows
 * @param again the same data, mapped once more for as long as an arena lives
 */
public record StoredRows(
    TensorType type, long rows, int cols, MemorySegment data, Function<Arena, MemorySegment> again)
    implements RowSource {
  /** Rows in memory, which need no mapping. */
  public StoredRows(TensorType type, long rows, int cols, MemorySegment data) {
    this(type, rows, cols, data, loan -> data);
  }

  /** The rows of a checkpoint's tensor of any number of dimensions. */
  public static StoredRows of(Checkpoint file, TensorInfo tensor) {
    int cols = Math.toIntExact(tensor.shape().getFirst());
    long rows = tensor.shape().stream().skip(1).reduce(1L, (a, b) -> a * b);
    return new StoredRows(
        tensor.type(), rows, cols, tensor.data(), loan -> file.borrow(tensor, loan));
  }

  @Override
  public StoredRows lent(Arena loan) {
    return new StoredRows(type, rows, cols, again.apply(loan), again);
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
