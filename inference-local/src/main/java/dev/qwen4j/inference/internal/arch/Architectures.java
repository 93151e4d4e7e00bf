package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.weights.GgufFile;

/** Which forward pass runs which checkpoint. */
public final class Architectures {
  private Architectures() {}

  /**
   * Reads a checkpoint's weights into the forward pass of its architecture.
   *
   * @throws BadCheckpointException when it is no model, or none that this engine runs
   */
  public static ForwardPass load(GgufFile file, Kernels kernels) {
    String architecture = file.metadata().string("general.architecture");
    int parts = file.metadata().optionalInteger("split.count").orElse(1);
    if (parts > 1) {
      throw new BadCheckpointException(
          "%s: one of %d parts; merge them with llama-gguf-split --merge"
              .formatted(file.path(), parts));
    }
    return switch (architecture) {
      case "qwen2", "qwen3" -> dense(file, kernels, architecture);
      default ->
          throw new BadCheckpointException(
              "%s: architecture '%s', this engine runs qwen2 and qwen3; take a Qwen2.5 or Qwen3 model"
                  .formatted(file.path(), architecture.replaceAll("\\p{Cntrl}", "?")));
    };
  }

  private static ForwardPass dense(GgufFile file, Kernels kernels, String architecture) {
    if (file.tensors().isEmpty()) {
      throw new BadCheckpointException(
          file.path() + ": a vocabulary without weights; take a whole checkpoint");
    }
    DenseConfig config = DenseConfig.read(file, architecture);
    TensorReader tensors = new TensorReader(file, kernels);
    DenseWeights weights = DenseWeights.read(tensors, config);
    tensors.finish(architecture);
    return new DenseForward(config, weights, kernels, tensors.extraBytes());
  }
}
