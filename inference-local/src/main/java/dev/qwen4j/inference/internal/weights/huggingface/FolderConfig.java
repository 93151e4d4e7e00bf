package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.BadCheckpointException;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What a config.json says of a text model, by the names of its fields: in the released form and in
 * the newer one, and where pictures are part of the model, in its {@code text_config}.
 *
 * @param architecture as GGUF calls it
 * @param fields of the text model
 * @param quantization how linear layers are stored
 * @param tied whether the embedding is the output's matrix too
 */
record FolderConfig(
    String architecture, JsonFields fields, QuantizationConfig quantization, boolean tied) {
  private static final String TIED = "tie_word_embeddings";

  private static final Set<String> MIXTURES =
      Set.of("qwen2moe", "qwen3moe", "qwen3next", "qwen35moe");
  private static final Set<String> HYBRIDS = Set.of("qwen3next", "qwen35", "qwen35moe");

  /** The model types that this engine runs, by the names of HuggingFace transformers. */
  static FolderConfig of(JsonFields config) {
    JsonFields text = config.has("text_config") ? config.child("text_config") : config;
    JsonFields named = text.has("model_type") ? text : config;
    String type = named.optionalText("model_type").orElse("").toLowerCase(Locale.ROOT);
    String architecture =
        switch (type) {
          case "qwen2" -> "qwen2";
          case "qwen2_moe" -> "qwen2moe";
          case "qwen3" -> "qwen3";
          case "qwen3_moe" -> "qwen3moe";
          case "qwen3_next" -> "qwen3next";
          case "qwen3_5", "qwen3_5_text" -> "qwen35";
          case "qwen3_5_moe", "qwen3_5_moe_text" -> "qwen35moe";
          default ->
              throw named.bad(
                  "model_type",
                  "one of qwen2, qwen2_moe, qwen3, qwen3_moe, qwen3_next, qwen3_5 and qwen3_5_moe;"
                      + " take a Qwen text model");
        };
    JsonFields quantized =
        config.has("quantization_config") || config.has("quantization") ? config : text;
    JsonFields ends = text.has(TIED) ? text : config;
    FolderConfig folder =
        new FolderConfig(
            architecture, text, QuantizationConfig.read(quantized), ends.flag(TIED, false));
    folder.refuseWhatIsNotRun();
    return folder;
  }

  private void refuseWhatIsNotRun() {
    if (!fields.optionalText("hidden_act").orElse("silu").equals("silu")) {
      throw fields.bad("hidden_act", "silu, which every Qwen has");
    }
    int layers = layers();
    int full = fields.optionalInteger("max_window_layers", 0).orElse(layers);
    int window = fields.optionalInteger("sliding_window", 0).orElse(0);
    boolean slides =
        fields.flag("use_sliding_window", false)
            && full < layers
            && window > 0
            && window < fields.optionalCount("max_position_embeddings").orElse(1 << 24);
    if (slides) {
      throw fields.bad(
          "use_sliding_window", "false, since this engine attends to the whole context");
    }
  }

  boolean isMixture() {
    return MIXTURES.contains(architecture);
  }

  /** Whether a layer sends its tokens to experts; some layers of a mixture may be dense. */
  boolean hasExperts(int layer) {
    return isMixture()
        && !fields.integers("mlp_only_layers").contains(layer)
        && (layer + 1) % fields.optionalCount("decoder_sparse_step").orElse(1) == 0;
  }

  /** Whether most layers are recurrent. */
  boolean isHybrid() {
    return HYBRIDS.contains(architecture);
  }

  int layers() {
    return fields.count("num_hidden_layers");
  }

  int experts() {
    for (String name : List.of("num_experts", "num_local_experts", "n_routed_experts")) {
      OptionalInt count = fields.optionalCount(name);
      if (count.isPresent()) {
        return count.getAsInt();
      }
    }
    throw fields.bad("num_experts", "how many there are");
  }

  /** Which layers are recurrent. */
  List<Boolean> recurrent() {
    int layers = layers();
    List<String> types = fields.texts("layer_types");
    if (types.isEmpty()) {
      int interval = fields.optionalCount("full_attention_interval").orElse(4);
      return java.util.stream.IntStream.range(0, layers)
          .mapToObj(l -> (l + 1) % interval != 0)
          .toList();
    }
    Set<String> known = Set.of("linear_attention", "full_attention");
    if (types.size() != layers || !known.containsAll(types)) {
      throw fields.bad("layer_types", layers + " of " + known);
    }
    return types.stream().map(type -> type.equals("linear_attention")).toList();
  }

  int keyHeads() {
    return fields.count("linear_num_key_heads");
  }

  int valueHeads() {
    int heads = fields.count("linear_num_value_heads");
    if (heads % keyHeads() != 0) {
      throw fields.bad("linear_num_value_heads", "a multiple of linear_num_key_heads");
    }
    return heads;
  }

  int keyDim() {
    return within("linear_key_head_dim", keyHeads());
  }

  int valueDim() {
    return within("linear_value_head_dim", valueHeads());
  }

  /** A width of each of some heads, whose sum must be a width as well. */
  private int within(String field, int heads) {
    int width = fields.count(field);
    if ((long) width * heads > 1 << 24) {
      throw fields.bad(field, "heads of at most 2^24 together");
    }
    return width;
  }

  int vocabulary() {
    return fields.count("vocab_size");
  }

  BadCheckpointException bad(String problem) {
    return new BadCheckpointException(fields.file() + ": " + problem);
  }
}
