package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.weights.RowSource;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds a folder's tensors by the names of HuggingFace's modules, in whatever form the linear ones
 * are stored, and remembers which have been taken.
 */
final class LinearLayers {
  /**
   * Packed weights, in all, up to which those that no exact type of fewer bits holds (groups in an
   * order of their own, other numbers of bits than Qwen publishes) become F32: a gigabyte. Beyond,
   * F16. What that rounding does to logits shrinks with the width: 4e-4 of the largest logit at a
   * width of 128, and at that of Qwen3-0.6B, which is the smallest that is rounded, 5e-5.
   */
  static final long MOST_EXACT = 1 << 28;

  private final Path folder;
  private final Map<String, StoredTensor> tensors;
  private final QuantizationConfig quantization;
  private final boolean exact;
  private final Set<String> taken = new HashSet<>();

  /**
   * @param mostExact see {@link #MOST_EXACT}
   */
  LinearLayers(
      Path folder,
      Map<String, StoredTensor> tensors,
      QuantizationConfig quantization,
      long mostExact) {
    this.folder = folder;
    this.tensors = tensors;
    this.quantization = quantization;
    this.exact = tensors.values().stream().mapToLong(LinearLayers::weights).sum() <= mostExact;
  }

  /** How many weights a tensor has if they are packed in words, at most. */
  private static long weights(StoredTensor tensor) {
    return switch (tensor.type()) {
      case I32, U32 -> tensor.elements() * 8;
      default -> 0;
    };
  }

  boolean has(String name) {
    return tensors.containsKey(name);
  }

  /** Whether there is a linear layer or an embedding of this name, in any form. */
  boolean hasModule(String module) {
    return has(module + ".weight") || has(module + ".qweight");
  }

  StoredTensor take(String name) {
    StoredTensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new BadCheckpointException(
          "%s: tensor %s is missing; download the whole folder".formatted(folder, name));
    }
    taken.add(name);
    return tensor;
  }

  private @Nullable StoredTensor takeIfThere(String name) {
    return has(name) ? take(name) : null;
  }

  /** A linear layer's matrix, [outputs, inputs], or an embedding. */
  RowSource matrix(String module) {
    if (has(module + ".qweight")) {
      return packed(module);
    }
    return matrix(module, module + ".weight");
  }

  /** A matrix, or several in one tensor, whose name does not end in {@code .weight}. */
  RowSource matrix(String module, String name) {
    StoredTensor weights = take(name);
    return switch (weights.type()) {
      case F8_E4M3 -> float8(name, weights);
      case U32 -> affine(module, weights);
      default -> weights.stored();
    };
  }

  private RowSource packed(String module) {
    StoredTensor weights = take(module + ".qweight");
    if (!(quantization instanceof QuantizationConfig.Packed packed)) {
      throw weights.bad("plain weights, since quantization_config says nothing of GPTQ or AWQ");
    }
    boolean indexed = packed.form().packing() != PackedRows.Packing.AWQ;
    return new PackedRows(
        new PackedTensors(
            weights,
            take(module + ".qzeros"),
            take(module + ".scales"),
            indexed ? takeIfThere(module + ".g_idx") : null),
        packed.form(),
        exact);
  }

  private RowSource float8(String name, StoredTensor weights) {
    if (!(quantization instanceof QuantizationConfig.Float8 form)) {
      throw weights.bad("plain weights, since quantization_config says nothing of fp8");
    }
    // The activations of a static scheme have a scale as well, which float32 does without.
    for (String unused : List.of("input_scale", "activation_scale")) {
      takeIfThere(name.replaceAll("weight$", unused));
    }
    return new Float8Rows(weights, take(name + "_scale_inv"), form.blockRows(), form.blockCols());
  }

  private RowSource affine(String module, StoredTensor weights) {
    if (!(quantization instanceof QuantizationConfig.Affine form)) {
      throw weights.bad("plain weights, since config.json says nothing of MLX's quantization");
    }
    return new AffineRows(
        weights, take(module + ".scales"), take(module + ".biases"), form.groupSize(module), exact);
  }

  /**
   * Ends the reading: complains about a tensor that nobody asked for. Some quantisers give every
   * linear layer a bias, of zeros where the model has none: those are let pass, as are frequencies
   * that older folders store.
   */
  void finish(List<String> skipped) {
    List<String> left =
        tensors.keySet().stream()
            .filter(name -> !taken.contains(name))
            .filter(name -> skipped.stream().noneMatch(name::startsWith))
            .filter(name -> !name.endsWith(".rotary_emb.inv_freq"))
            .filter(name -> !(name.endsWith(".bias") && isZero(tensors.get(name))))
            .toList();
    if (!left.isEmpty()) {
      throw new BadCheckpointException(
          "%s: tensor %s%s is not part of a model that this engine runs; take another conversion"
              .formatted(
                  folder,
                  SafetensorsFile.shown(left.getFirst()),
                  left.size() == 1 ? "" : " (and " + (left.size() - 1) + " more)"));
    }
  }

  private static boolean isZero(@Nullable StoredTensor tensor) {
    if (tensor == null || tensor.type().tensorType().isEmpty()) {
      return false;
    }
    for (float value : tensor.floats()) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }

  Stream<String> names() {
    return tensors.keySet().stream();
  }
}
