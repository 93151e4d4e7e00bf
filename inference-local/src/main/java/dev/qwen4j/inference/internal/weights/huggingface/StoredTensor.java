package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.StoredRows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * A tensor in a safetensors file, checked: its data lies inside the file and has exactly the size
 * that its type and shape say.
 *
 * @param shape the last is the width of a row
 * @param data a slice of the mapped file
 * @param again the same data, mapped once more for as long as an arena lives
 */
record StoredTensor(
    Path file,
    String name,
    ElementType type,
    List<Long> shape,
    MemorySegment data,
    Function<Arena, MemorySegment> again) {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  long elements() {
    return shape.stream().reduce(1L, (a, b) -> a * b);
  }

  /** The width of a row. */
  int cols() {
    long cols = shape.isEmpty() ? 1 : shape.getLast();
    if (cols > 1 << 24) {
      throw bad("rows of at most 2^24 elements");
    }
    return (int) cols;
  }

  /** Rows of all outer dimensions together. */
  long rows() {
    return elements() / cols();
  }

  int integer(long index) {
    return data.get(INT, index * Integer.BYTES);
  }

  int unsignedByte(long index) {
    return data.get(ValueLayout.JAVA_BYTE, index) & 0xFF;
  }

  /** Elements as float32. */
  void floats(long from, int count, float[] out, int at) {
    TensorType floating = floating();
    Dequantizer.dequantize(floating, data, from * type.bytes(), count, out, at);
  }

  /** All elements as float32. */
  float[] floats() {
    if (elements() > 1 << 28) {
      throw bad("a vector");
    }
    float[] values = new float[(int) elements()];
    floats(0, values.length, values, 0);
    return values;
  }

  /** The rows as they lie in the file. */
  StoredRows stored() {
    return new StoredRows(floating(), rows(), cols(), data, again);
  }

  /** The same tensor in a mapping of its own. */
  StoredTensor lent(Arena loan) {
    return new StoredTensor(file, name, type, shape, again.apply(loan), again);
  }

  private TensorType floating() {
    return type.tensorType().orElseThrow(() -> bad("F32, F16 or BF16"));
  }

  /** The same tensor if it has this type. */
  StoredTensor require(ElementType wanted) {
    if (type != wanted) {
      throw bad(wanted.name());
    }
    return this;
  }

  /** The same tensor if it has this shape. */
  StoredTensor require(long... wanted) {
    List<Long> expected = java.util.Arrays.stream(wanted).boxed().toList();
    if (!shape.equals(expected)) {
      throw bad("shape " + shapeText(expected));
    }
    return this;
  }

  /** The complaint that the tensor is not what it should be. */
  BadCheckpointException bad(String expected) {
    return new BadCheckpointException(
        "%s: tensor %s is %s of %s, expected %s; take another conversion of the model"
            .formatted(file, SafetensorsFile.shown(name), type, shapeText(shape), expected));
  }

  private static String shapeText(List<Long> shape) {
    return shape.isEmpty()
        ? "one element"
        : shape.stream().map(String::valueOf).collect(Collectors.joining(" x "));
  }
}
