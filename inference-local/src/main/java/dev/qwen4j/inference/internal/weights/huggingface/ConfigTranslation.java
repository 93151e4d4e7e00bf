package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.weights.MetadataBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** A config.json as the metadata of a GGUF file, key by key as llama.cpp's converter writes it. */
final class ConfigTranslation {
  private final FolderConfig config;
  private final JsonFields fields;
  private final MetadataBuilder out;
  private final String prefix;

  private ConfigTranslation(FolderConfig config, MetadataBuilder out) {
    this.config = config;
    this.fields = config.fields();
    this.out = out;
    this.prefix = config.architecture() + ".";
  }

  static void write(FolderConfig config, MetadataBuilder out) {
    ConfigTranslation translation = new ConfigTranslation(config, out);
    out.text("general.architecture", config.architecture());
    translation.writeTrunk();
    translation.writeRope();
    if (config.isMixture()) {
      translation.writeExperts();
    }
    if (config.isHybrid()) {
      translation.writeRecurrence();
    }
  }

  private void writeTrunk() {
    out.integer(prefix + "block_count", config.layers());
    out.integer(prefix + "context_length", fields.count("max_position_embeddings"));
    out.integer(prefix + "embedding_length", fields.count("hidden_size"));
    fields
        .optionalCount("intermediate_size")
        .ifPresent(size -> out.integer(prefix + "feed_forward_length", size));
    int heads = fields.count("num_attention_heads");
    out.integer(prefix + "attention.head_count", heads);
    out.integer(
        prefix + "attention.head_count_kv",
        fields.optionalCount("num_key_value_heads").orElse(heads));
    out.integer(prefix + "attention.key_length", headDim());
    out.integer(prefix + "attention.value_length", headDim());
    out.number(
        prefix + "attention.layer_norm_rms_epsilon",
        fields.optionalNumber("rms_norm_eps").orElse(1e-6));
  }

  /** Where the file says nothing, what the classes of transformers say. */
  private int headDim() {
    int heads = fields.count("num_attention_heads");
    int share = Math.max(1, fields.count("hidden_size") / heads);
    int otherwise =
        switch (config.architecture()) {
          case "qwen3" -> 128;
          case "qwen3next", "qwen35", "qwen35moe" -> 256;
          default -> share;
        };
    return fields.optionalCount("head_dim").orElse(otherwise);
  }

  private void writeRope() {
    JsonFields rope = ropeFields();
    OptionalDouble base = rope.optionalNumber("rope_theta");
    out.number(
        prefix + "rope.freq_base",
        (base.isPresent() ? base : fields.optionalNumber("rope_theta")).orElse(10_000));
    OptionalDouble stated = rope.optionalNumber("partial_rotary_factor");
    double part =
        (stated.isPresent() ? stated : fields.optionalNumber("partial_rotary_factor"))
            .orElse(config.isHybrid() ? 0.25 : 1);
    if (!(part > 0 && part <= 1)) {
      throw rope.bad("partial_rotary_factor", "more than 0 and at most 1");
    }
    out.integer(prefix + "rope.dimension_count", (int) (headDim() * part));
    List<Integer> sections = rope.integers("mrope_section");
    if (!sections.isEmpty()) {
      List<Integer> four = new ArrayList<>(sections);
      while (four.size() < 4) {
        four.add(0);
      }
      out.integers(
          prefix + "rope.dimension_sections", four.stream().mapToInt(Integer::intValue).toArray());
    }
    writeScaling(rope);
  }

  /** The newer form has everything in one object, which may be one for each kind of layer. */
  private JsonFields ropeFields() {
    if (!fields.has("rope_parameters")) {
      return fields.child("rope_scaling");
    }
    JsonFields parameters = fields.child("rope_parameters");
    return parameters.has("full_attention") ? parameters.child("full_attention") : parameters;
  }

  private void writeScaling(JsonFields rope) {
    String field = rope.has("rope_type") ? "rope_type" : "type";
    String type = rope.optionalText(field).orElse("default").toLowerCase(Locale.ROOT);
    String scaling = prefix + "rope.scaling.";
    switch (type) {
      case "default", "mrope" -> {
        // Not scaled.
      }
      case "linear" -> {
        out.text(scaling + "type", "linear");
        out.number(scaling + "factor", factor(rope));
      }
      case "yarn" -> {
        if (!rope.flag("truncate", true)) {
          throw rope.bad("truncate", "true, which is what Qwen was trained with");
        }
        out.text(scaling + "type", "yarn");
        out.number(scaling + "factor", factor(rope));
        out.integer(
            scaling + "original_context_length",
            rope.optionalCount("original_max_position_embeddings")
                .orElseGet(() -> fields.count("max_position_embeddings")));
        number(rope, "attention_factor", scaling + "yarn_attn_factor");
        number(rope, "beta_fast", scaling + "yarn_beta_fast");
        number(rope, "beta_slow", scaling + "yarn_beta_slow");
      }
      default -> throw rope.bad(field, "default, linear or yarn; take another conversion");
    }
  }

  private static double factor(JsonFields rope) {
    return rope.optionalNumber("factor").orElseThrow(() -> rope.bad("factor", "a number"));
  }

  private void number(JsonFields from, String field, String key) {
    from.optionalNumber(field).ifPresent(value -> out.number(key, value));
  }

  private void writeExperts() {
    out.integer(prefix + "expert_count", config.experts());
    out.integer(prefix + "expert_used_count", fields.count("num_experts_per_tok"));
    out.integer(prefix + "expert_feed_forward_length", fields.count("moe_intermediate_size"));
    if (!config.architecture().equals("qwen3moe")) {
      out.integer(
          prefix + "expert_shared_feed_forward_length",
          fields.count("shared_expert_intermediate_size"));
    }
    out.flag(prefix + "expert_weights_norm", fields.flag("norm_topk_prob", config.isHybrid()));
  }

  private void writeRecurrence() {
    out.integer(prefix + "ssm.conv_kernel", fields.count("linear_conv_kernel_dim"));
    out.integer(prefix + "ssm.state_size", config.keyDim());
    out.integer(prefix + "ssm.group_count", config.keyHeads());
    out.integer(prefix + "ssm.time_step_rank", config.valueHeads());
    out.integer(prefix + "ssm.inner_size", config.valueHeads() * config.valueDim());
    out.flags(prefix + "attention.recurrent_layers", config.recurrent());
  }
}
