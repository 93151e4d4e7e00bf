package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A matrix of weights that can be written out row by row in some tensor type: from a file as it
 * lies there, or decoded, converted or put in another order on the way. Safe for many threads.
 */
public interface RowSource {
  /** The type of the rows that {@link #write} writes. */
  TensorType type();

  long rows();

  /** The width of a row: whole blocks of the type. */
  int cols();

  /** Writes {@code rows} rows from {@code first} on, one after the other, to {@code out[at …]}. */
  void write(long first, int rows, MemorySegment out, long at);

  /** The rows' memory, where they already lie somewhere in this very form. */
  default Optional<MemorySegment> inPlace() {
    return Optional.empty();
  }

  /**
   * The same rows for writing them once, read through mappings of the files that end with {@code
   * loan}: so the pages that were read count as resident no longer.
   *
   * @param loan shared, since several threads read
   */
  default RowSource lent(Arena loan) {
    return this;
  }

  default long rowBytes() {
    return type().bytes(cols());
  }
}
