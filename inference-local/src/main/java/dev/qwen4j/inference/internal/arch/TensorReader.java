package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.Matrix;
import dev.qwen4j.inference.internal.kernel.RawMatrix;
import dev.qwen4j.inference.internal.weights.GgufFile;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Takes the tensors that an architecture names out of a checkpoint, checks their shapes, and at the
 * end insists that none is left: a tensor that a forward pass does not know would change the
 * result.
 */
final class TensorReader {
  private final GgufFile file;
  private final Kernels kernels;
  private final Set<String> taken = new HashSet<>();
  private long extraBytes;

  TensorReader(GgufFile file, Kernels kernels) {
    this.file = file;
    this.kernels = kernels;
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
    Matrix matrix = kernels.prepare(new RawMatrix(tensor.type(), rows, cols, tensor.data()));
    extraBytes += matrix.extraBytes();
    return matrix;
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
    int rows = Math.toIntExact(tensor.shape().getLast());
    return new EmbeddingTable(new RawMatrix(tensor.type(), rows, width, tensor.data()));
  }

  float[] vector(String name, int length) {
    TensorInfo tensor = take(name, List.of((long) length));
    float[] out = new float[length];
    Dequantizer.dequantize(tensor.type(), tensor.data(), 0, length, out, 0);
    return out;
  }

  /** Ends the reading: complains about a tensor that nobody asked for. */
  void finish(String architecture) {
    List<String> left =
        file.tensors().stream()
            .map(TensorInfo::name)
            .filter(name -> !taken.contains(name))
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
    if (!tensor.shape().equals(shape)) {
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

  private TensorInfo find(String name) {
    return file.tensor(name)
        .orElseThrow(() -> bad("tensor %s is missing; take a whole checkpoint".formatted(name)));
  }

  private BadCheckpointException bad(String problem) {
    return new BadCheckpointException(file.path() + ": " + problem);
  }
}
