package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * One tensor of a checkpoint, checked: its data lies inside the file and has exactly the size that
 * its type and shape say.
 *
 * @param shape GGUF order: the first is the width of a row
 * @param memory where the data are: a slice of the mapped file, or what is written when it is first
 *     asked for
 */
public record TensorInfo(
    String name, TensorType type, List<Long> shape, Supplier<MemorySegment> memory) {
  /** A tensor that is in memory, or in a mapped file. */
  public TensorInfo(String name, TensorType type, List<Long> shape, MemorySegment data) {
    this(name, type, shape, () -> data);
  }

  /** The data, kept until the checkpoint is closed. */
  public MemorySegment data() {
    return memory.get();
  }

  /** How many there are, which takes no look at them. */
  public long bytes() {
    return type.bytes(shape.stream().reduce(1L, (a, b) -> a * b));
  }

  /** The shape as a reader would write it, such as {@code 896 x 151936}. */
  public String shapeText() {
    return shape.stream().map(String::valueOf).collect(Collectors.joining(" x "));
  }
}
