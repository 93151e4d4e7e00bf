package dev.qwen4j.inference.internal.weights;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Optional;

/**
 * A model's weights and what is said about them, in GGUF's vocabulary whatever the files are:
 * metadata by GGUF key, tensors by GGUF name, in GGUF's types, shapes and conventions. So the
 * architectures have one reader.
 *
 * <p>Closing frees the tensors' memory: they must not be in use by then.
 */
public interface Checkpoint extends AutoCloseable {
  /** The file or folder that the user named. */
  Path path();

  /** Bytes of all its files. */
  long byteSize();

  Metadata metadata();

  Optional<TensorInfo> tensor(String name);

  /** All tensors, in the order of the files. */
  Collection<TensorInfo> tensors();

  /**
   * A tensor's data for reading once, held no longer than {@code arena} lives: where they are a
   * mapped file, this is a mapping of its own, so that the pages that were read count as resident
   * no longer; where they have to be converted, the conversion is kept no longer.
   *
   * @param arena shared, since several threads read
   */
  default MemorySegment borrow(TensorInfo tensor, Arena arena) {
    return tensor.data();
  }

  /** A tensor for those who read few of its rows, for which nothing is converted but those. */
  default RowSource rows(TensorInfo tensor) {
    return StoredRows.of(this, tensor);
  }

  @Override
  void close();
}
