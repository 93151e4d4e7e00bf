package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.weights.Checkpoint;

/** Which forward pass runs which checkpoint. */
public final class Architectures {
  private Architectures() {}

  /**
   * Reads a checkpoint's weights into the forward pass of its architecture.
   *
   * @throws BadCheckpointException when it is no model, or none that this engine runs
   */
  public static ForwardPass load(Checkpoint file, Kernels kernels) {
    String architecture = file.metadata().string("general.architecture");
    LayersReader layers =
        switch (architecture) {
          case "qwen", "qwen2", "qwen3" -> DenseForward::read;
          case "qwen2moe", "qwen3moe" -> MoeForward::read;
          case "qwen3next", "qwen35", "qwen35moe" -> HybridForward::read;
          default ->
              throw new BadCheckpointException(
                  "%s: architecture '%s', this engine runs qwen, qwen2, qwen2moe, qwen3, qwen3moe, "
                          .formatted(file.path(), architecture.replaceAll("\\p{Cntrl}", "?"))
                      + "qwen3next, qwen35 and qwen35moe; take a Qwen model");
        };
    if (file.tensors().isEmpty()) {
      throw new BadCheckpointException(
          file.path() + ": no tensors, a vocabulary without weights; take a whole checkpoint");
    }
    return load(new ConfigReader(file, architecture), new TensorReader(file, kernels), layers);
  }

  /** Reads what one family's layers are made of. */
  private interface LayersReader {
    TextModel.Layers read(ConfigReader in, TrunkConfig trunk, TensorReader tensors);
  }

  private static ForwardPass load(ConfigReader in, TensorReader tensors, LayersReader reader) {
    TrunkConfig trunk = TrunkConfig.read(in);
    TextModel.Ends ends = TextModel.Ends.read(tensors, trunk.width());
    TextModel.Layers layers = reader.read(in, trunk, tensors);
    tensors.finish(in.architecture(), name -> trunk.predicts(name) || isBeside(name));
    return new TextModel(trunk, ends, layers, tensors.kernels(), tensors.extraBytes());
  }

  /**
   * Whether a tensor belongs to no layer of text: those that see images, which this engine does
   * without, and a classifier's, which whoever scores with it reads.
   */
  private static boolean isBeside(String tensor) {
    return tensor.startsWith("v.") || tensor.startsWith("mm.") || tensor.startsWith("cls.");
  }
}
