package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.Matrix;
import dev.qwen4j.inference.internal.kernel.RawMatrix;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Takes the tensors that an architecture names out of a checkpoint, checks their shapes, and at the
 * end insists that none is left: a tensor that a forward pass does not know would change the
 * result.
 */
final class TensorReader {
  private final Checkpoint file;
  private final Kernels kernels;
  private final Set<String> taken = new HashSet<>();
  private long extraBytes;

  TensorReader(Checkpoint file, Kernels kernels) {
    this.file = file;
    this.kernels = kernels;
  }

  /** What prepares the matrices, and will multiply them. */
  Kernels kernels() {
    return kernels;
  }

  boolean has(String name) {
    return file.tensor(name).isPresent();
  }

  /** Bytes that the prepared matrices hold beyond the mapped file. */
  long extraBytes() {
    return extraBytes;
  }

  Matrix matrix(String name, int rows, int cols) {
    TensorInfo tensor = take(name, List.of((long) cols, (long) rows));
    return reading(tensor, data -> prepare(tensor.type(), rows, cols, data));
  }

  /** The matrix that makes logits. */
  Matrix output(String name, int rows, int cols) {
    TensorInfo tensor = take(name, List.of((long) cols, (long) rows));
    return reading(
        tensor,
        data -> counted(kernels.prepareOutput(new RawMatrix(tensor.type(), rows, cols, data))));
  }

  /** Matrices of the same width whose rows follow each other in one tensor. */
  Matrix[] stacked(String name, int[] rows, int cols) {
    TensorInfo tensor = take(name, List.of((long) cols, sum(rows)));
    return reading(tensor, data -> slices(tensor.type(), data, 0, rows, cols));
  }

  /** Vectors that follow each other in one tensor. */
  float[][] stackedVector(String name, int[] lengths) {
    float[] all = vector(name, Math.toIntExact(sum(lengths)));
    float[][] parts = new float[lengths.length][];
    int at = 0;
    for (int i = 0; i < lengths.length; i++) {
      parts[i] = Arrays.copyOfRange(all, at, at + lengths[i]);
      at += lengths[i];
    }
    return parts;
  }

  /** One matrix per expert from a tensor of three dimensions. */
  List<Matrix> experts(String name, int count, int rows, int cols) {
    return experts(name, count, new int[] {rows}, cols).stream().map(parts -> parts[0]).toList();
  }

  /** Stacked matrices per expert. */
  List<Matrix[]> experts(String name, int count, int[] rows, int cols) {
    TensorInfo tensor = take(name, List.of((long) cols, sum(rows), (long) count));
    return reading(
        tensor,
        data -> {
          List<Matrix[]> experts = new ArrayList<>(count);
          for (int e = 0; e < count; e++) {
            experts.add(slices(tensor.type(), data, e * sum(rows), rows, cols));
          }
          return experts;
        });
  }

  /** Hands over a tensor's data, for no longer than the call if its matrices are copies. */
  private <R> R reading(TensorInfo tensor, Function<MemorySegment, R> use) {
    if (!kernels.copies(tensor.type())) {
      return use.apply(tensor.data());
    }
    try (Arena loan = Arena.ofShared()) {
      return use.apply(file.borrow(tensor, loan));
    }
  }

  private Matrix[] slices(
      TensorType type, MemorySegment data, long firstRow, int[] rows, int cols) {
    long rowBytes = type.bytes(cols);
    Matrix[] parts = new Matrix[rows.length];
    long at = firstRow * rowBytes;
    for (int i = 0; i < rows.length; i++) {
      parts[i] = prepare(type, rows[i], cols, data.asSlice(at, rows[i] * rowBytes));
      at += rows[i] * rowBytes;
    }
    return parts;
  }

  /**
   * A matrix of some rows of a tensor, in another order: a copy in memory.
   *
   * @param allRows how many the tensor has
   */
  Matrix gathered(String name, int allRows, int[] rows, int cols) {
    TensorInfo tensor = take(name, List.of((long) cols, (long) allRows));
    long rowBytes = tensor.type().bytes(cols);
    MemorySegment copy = Arena.ofAuto().allocate(rowBytes * rows.length, 64);
    for (int r = 0; r < rows.length; r++) {
      MemorySegment.copy(tensor.data(), rows[r] * rowBytes, copy, r * rowBytes, rowBytes);
    }
    extraBytes += copy.byteSize();
    return prepare(tensor.type(), rows.length, cols, copy);
  }

  private Matrix prepare(TensorType type, int rows, int cols, MemorySegment data) {
    return counted(kernels.prepare(new RawMatrix(type, rows, cols, data)));
  }

  private Matrix counted(Matrix matrix) {
    extraBytes += matrix.extraBytes();
    return matrix;
  }

  private static long sum(int[] counts) {
    return Arrays.stream(counts).asLongStream().sum();
  }

  /** The token embeddings, whose row count is the size of the vocabulary. */
  EmbeddingTable embedding(String name, int width) {
    TensorInfo tensor = find(name);
    boolean fits =
        tensor.shape().size() == 2
            && tensor.shape().getFirst() == width
            && tensor.shape().getLast() <= Integer.MAX_VALUE;
    if (!fits) {
      throw bad(
          "tensor %s has shape %s, expected %d x the vocabulary"
              .formatted(name, tensor.shapeText(), width));
    }
    taken.add(name);
    return new EmbeddingTable(file.rows(tensor), Math.toIntExact(tensor.shape().getLast()), width);
  }

  float[] vector(String name, int length) {
    return values(take(name, List.of((long) length)), length);
  }

  /** A small matrix as float32: [rows, cols]. */
  float[] matrixValues(String name, int rows, int cols) {
    return values(take(name, List.of((long) cols, (long) rows)), rows * cols);
  }

  private static float[] values(TensorInfo tensor, int count) {
    float[] out = new float[count];
    Dequantizer.dequantize(tensor.type(), tensor.data(), 0, count, out, 0);
    return out;
  }

  /**
   * Ends the reading: complains about a tensor that nobody asked for.
   *
   * @param skipped tensors that the file may have and this engine does without
   */
  void finish(String architecture, Predicate<String> skipped) {
    List<String> left =
        file.tensors().stream()
            .map(TensorInfo::name)
            .filter(name -> !taken.contains(name) && !skipped.test(name))
            .toList();
    if (!left.isEmpty()) {
      throw bad(
          "tensor %s%s is not part of a %s model that this engine runs; take another conversion"
              .formatted(
                  left.getFirst(),
                  left.size() == 1 ? "" : " (and " + (left.size() - 1) + " more)",
                  architecture));
    }
  }

  private TensorInfo take(String name, List<Long> shape) {
    TensorInfo tensor = find(name);
    if (!withoutOnes(tensor.shape()).equals(withoutOnes(shape))) {
      throw bad(
          "tensor %s has shape %s, its metadata says %s; the file is damaged"
              .formatted(
                  name,
                  tensor.shapeText(),
                  String.join(" x ", shape.stream().map(String::valueOf).toList())));
    }
    taken.add(name);
    return tensor;
  }

  /** Converters drop or keep outer dimensions of 1. */
  private static List<Long> withoutOnes(List<Long> shape) {
    int dimensions = shape.size();
    while (dimensions > 1 && shape.get(dimensions - 1) == 1) {
      dimensions--;
    }
    return shape.subList(0, dimensions);
  }

  private TensorInfo find(String name) {
    return file.tensor(name)
        .orElseThrow(() -> bad("tensor %s is missing; take a whole checkpoint".formatted(name)));
  }

  private BadCheckpointException bad(String problem) {
    return new BadCheckpointException(file.path() + ": " + problem);
  }
}
