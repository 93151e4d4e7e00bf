package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Weights as they lie in a checkpoint: row-major, each row {@code cols} elements in whole blocks.
 *
 * @param cols the width, GGUF's ne0; a multiple of the type's block
 * @param data native or mapped memory of exactly {@code type.bytes(rows * cols)}
 */
public record RawMatrix(TensorType type, int rows, int cols, MemorySegment data) {
  public RawMatrix {
    long expected = type.bytes((long) rows * cols);
    if (cols % type.blockElements() != 0 || data.byteSize() != expected) {
      throw new IllegalArgumentException(
          "a %s matrix of %d x %d needs rows of whole %d-element blocks and %d bytes, got %d bytes"
              .formatted(type, rows, cols, type.blockElements(), expected, data.byteSize()));
    }
  }
}
