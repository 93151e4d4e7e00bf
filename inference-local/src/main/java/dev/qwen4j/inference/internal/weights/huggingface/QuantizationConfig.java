package dev.qwen4j.inference.internal.weights.huggingface;

import java.util.List;
import java.util.Locale;

/** How a folder's configuration says that its linear layers are stored. */
sealed interface QuantizationConfig {
  /** In floating point. */
  record None() implements QuantizationConfig {}

  /** By GPTQ or AWQ. */
  record Packed(PackedForm form) implements QuantizationConfig {}

  /** In 8-bit floats with a factor for each block. */
  record Float8(int blockRows, int blockCols) implements QuantizationConfig {}

  /**
   * By MLX.
   *
   * @param fields the configuration, which may say otherwise for single layers
   */
  record Affine(int groupSize, JsonFields fields) implements QuantizationConfig {
    int groupSize(String module) {
      return fields.value(module).isObject()
          ? fields.child(module).optionalCount("group_size").orElse(groupSize)
          : groupSize;
    }
  }

  /** Reads it from the top of a config.json. */
  static QuantizationConfig read(JsonFields config) {
    JsonFields mlx = config.child("quantization");
    JsonFields fields = config.child("quantization_config");
    if (fields.isEmpty() && mlx.isEmpty()) {
      return new None();
    }
    if (!fields.has("quant_method")) {
      return affine(mlx.isEmpty() ? fields : mlx);
    }
    String method = fields.optionalText("quant_method").orElse("").toLowerCase(Locale.ROOT);
    return switch (method) {
      case "gptq" -> gptq(fields);
      case "awq" -> awq(fields);
      case "fp8" -> float8(fields);
      default ->
          throw fields.bad(
              "quant_method", "gptq, awq or fp8, or MLX's form; take another conversion");
    };
  }

  private static Affine affine(JsonFields fields) {
    String mode = fields.optionalText("mode").orElse("affine");
    if (!mode.equals("affine")) {
      throw fields.bad("mode", "affine; take another conversion");
    }
    return new Affine(fields.count("group_size"), fields);
  }

  private static Packed gptq(JsonFields fields) {
    int bits = bits(fields, List.of(4, 8));
    String format = fields.optionalText("checkpoint_format").orElse("gptq");
    PackedRows.Packing packing =
        switch (format) {
          case "gptq" -> PackedRows.Packing.GPTQ;
          case "gptq_v2" -> PackedRows.Packing.GPTQ_V2;
          default ->
              throw fields.bad("checkpoint_format", "gptq or gptq_v2; take another conversion");
        };
    return new Packed(new PackedForm(packing, bits, groupSize(fields)));
  }

  private static Packed awq(JsonFields fields) {
    int bits = bits(fields, List.of(4));
    String version = fields.optionalText("version").orElse("gemm").toLowerCase(Locale.ROOT);
    if (!version.equals("gemm")) {
      throw fields.bad("version", "gemm; take another conversion");
    }
    return new Packed(new PackedForm(PackedRows.Packing.AWQ, bits, groupSize(fields)));
  }

  private static Float8 float8(JsonFields fields) {
    List<Integer> block = fields.integers("weight_block_size");
    if (block.isEmpty()) {
      return new Float8(1 << 24, 1 << 24);
    }
    if (block.size() != 2 || block.stream().anyMatch(extent -> extent < 1)) {
      throw fields.bad("weight_block_size", "rows and columns");
    }
    return new Float8(block.getFirst(), block.getLast());
  }

  private static int bits(JsonFields fields, List<Integer> known) {
    int bits = fields.count("bits");
    if (!known.contains(bits)) {
      throw fields.bad("bits", "one of " + known + "; take another conversion");
    }
    return bits;
  }

  private static int groupSize(JsonFields fields) {
    int size = fields.optionalInteger("group_size", -1).orElse(128);
    if (size == 0) {
      throw fields.bad("group_size", "-1 or a number of inputs");
    }
    return size;
  }
}
