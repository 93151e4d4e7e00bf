package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One tensor of a checkpoint, checked: its data lies inside the file and has exactly the size that
 * its type and shape say.
 *
 * @param shape GGUF order: the first is the width of a row
 * @param data a slice of the mapped file
 */
public record TensorInfo(String name, TensorType type, List<Long> shape, MemorySegment data) {
  /** The shape as a reader would write it, such as {@code 896 x 151936}. */
  public String shapeText() {
    return shape.stream().map(String::valueOf).collect(Collectors.joining(" x "));
  }
}
