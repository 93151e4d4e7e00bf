package dev.qwen4j.inference.internal.weights.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.weights.MetadataBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What a folder says of text, as the metadata of a GGUF file: the tokenizer, the chat template, the
 * tokens that end a reply, and how to sample.
 */
final class TextTranslation {
  private static final int NORMAL = 1;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;
  private static final long LONGEST_TEMPLATE = 8 << 20;

  private final Path folder;
  private final MetadataBuilder out;

  private TextTranslation(Path folder, MetadataBuilder out) {
    this.folder = folder;
    this.out = out;
  }

  static void write(Path folder, MetadataBuilder out) {
    TextTranslation translation = new TextTranslation(folder, out);
    Optional<JsonFields> generation =
        JsonFields.readIfThere(folder.resolve("generation_config.json"));
    Optional<JsonFields> config = JsonFields.readIfThere(folder.resolve("tokenizer_config.json"));
    TokenizerFile tokenizer =
        VocabularyFiles.in(folder)
            ? VocabularyFiles.read(folder)
            : TokenizerFile.read(folder.resolve("tokenizer.json"));
    translation.writeTokens(tokenizer);
    translation.writeEnds(tokenizer, generation, config);
    translation.writeTemplate(config);
    generation.ifPresent(translation::writeSampling);
    translation.writePooling();
  }

  private void writeTokens(TokenizerFile tokenizer) {
    int size = 0;
    for (int id : tokenizer.vocabulary().values()) {
      size = Math.max(size, id + 1);
    }
    for (TokenizerFile.Added added : tokenizer.added()) {
      size = Math.max(size, added.id() + 1);
    }
    int known = tokenizer.vocabulary().size() + tokenizer.added().size();
    if (size > 2 * known + 1024) {
      throw tokenizer.bad("the highest id is %d, for %d tokens".formatted(size - 1, known));
    }
    List<String> tokens = new ArrayList<>(size);
    int[] types = new int[size];
    for (int id = 0; id < size; id++) {
      tokens.add("[PAD" + id + "]");
      types[id] = UNUSED;
    }
    for (Map.Entry<String, Integer> entry : tokenizer.vocabulary().entrySet()) {
      tokens.set(entry.getValue(), entry.getKey());
      types[entry.getValue()] = NORMAL;
    }
    for (TokenizerFile.Added added : tokenizer.added()) {
      tokens.set(added.id(), added.text());
      types[added.id()] = added.special() ? CONTROL : USER_DEFINED;
    }
    out.text("tokenizer.ggml.model", "gpt2");
    out.text("tokenizer.ggml.pre", tokenizer.pre());
    out.texts("tokenizer.ggml.tokens", tokens);
    out.integers("tokenizer.ggml.token_type", types);
    out.texts("tokenizer.ggml.merges", tokenizer.merges());
    out.flag("tokenizer.ggml.add_bos_token", false);
  }

  private void writeEnds(
      TokenizerFile tokenizer, Optional<JsonFields> generation, Optional<JsonFields> config) {
    Set<Integer> ends = new LinkedHashSet<>();
    tokenizer.ending().ifPresent(ends::add);
    if (!ends.isEmpty()) {
      out.flag("tokenizer.ggml.add_eos_token", true);
    }
    generation.ifPresent(fields -> ends.addAll(fields.integers("eos_token_id")));
    ends.addAll(JsonFields.read(folder.resolve("config.json")).integers("eos_token_id"));
    config
        .flatMap(fields -> token(fields, "eos_token"))
        .map(tokenizer::id)
        .ifPresent(id -> id.ifPresent(ends::add));
    List<String> names = List.of("eos", "eot", "eom");
    List<Integer> ids = List.copyOf(ends);
    for (int i = 0; i < Math.min(names.size(), ids.size()); i++) {
      out.integer("tokenizer.ggml." + names.get(i) + "_token_id", ids.get(i));
    }
    OptionalInt padding =
        config
            .flatMap(fields -> token(fields, "pad_token"))
            .map(tokenizer::id)
            .orElse(OptionalInt.empty());
    padding.ifPresent(id -> out.integer("tokenizer.ggml.padding_token_id", id));
  }

  /** A token is its text, or an object that has the text. */
  private static Optional<String> token(JsonFields fields, String name) {
    JsonNode value = fields.value(name);
    JsonNode text = value.isObject() ? value.path("content") : value;
    return text.isTextual() ? Optional.of(text.textValue()) : Optional.empty();
  }

  /** In a file of its own, or among the tokenizer's fields: one, or several with names. */
  private void writeTemplate(Optional<JsonFields> config) {
    String key = "tokenizer.chat_template";
    Path jinja = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(jinja)) {
      out.text(key, text(jinja));
      return;
    }
    Optional<JsonFields> alone = JsonFields.readIfThere(folder.resolve("chat_template.json"));
    Optional<JsonFields> holder =
        alone.filter(fields -> fields.has("chat_template")).or(() -> config);
    if (holder.isEmpty()) {
      return;
    }
    JsonNode template = holder.get().value("chat_template");
    if (template.isTextual()) {
      out.text(key, template.textValue());
      return;
    }
    Set<String> seen = new LinkedHashSet<>();
    for (JsonNode named : template) {
      String name = named.path("name").asText();
      if (named.path("template").isTextual() && name.matches("[A-Za-z0-9_]+") && seen.add(name)) {
        out.text(
            name.equals("default") ? key : key + "." + name, named.path("template").textValue());
      }
    }
  }

  private static String text(Path file) {
    try {
      if (Files.size(file) > LONGEST_TEMPLATE) {
        throw new BadCheckpointException(
            "%s: %d bytes, expected a chat template".formatted(file, Files.size(file)));
      }
      return Files.readString(file);
    } catch (IOException e) {
      throw new BadCheckpointException(
          "%s: cannot be read as UTF-8 text: %s".formatted(file, e.getMessage()), e);
    }
  }

  private void writeSampling(JsonFields generation) {
    Map<String, String> keys =
        Map.of(
            "temperature", "temp",
            "top_k", "top_k",
            "top_p", "top_p",
            "min_p", "min_p",
            "repetition_penalty", "penalty_repeat");
    keys.forEach(
        (field, key) ->
            generation
                .optionalNumber(field)
                .ifPresent(value -> out.number("general.sampling." + key, value)));
  }

  /** How sentence-transformers are to make one vector of a text, in GGUF's numbers. */
  private void writePooling() {
    Optional<JsonFields> pooling =
        JsonFields.readIfThere(folder.resolve("1_Pooling").resolve("config.json"));
    if (pooling.isEmpty()) {
      return;
    }
    List<String> modes =
        List.of("pooling_mode_mean_tokens", "pooling_mode_cls_token", "pooling_mode_lasttoken");
    for (int i = 0; i < modes.size(); i++) {
      if (pooling.get().flag(modes.get(i), false)) {
        String architecture =
            FolderConfig.of(JsonFields.read(folder.resolve("config.json"))).architecture();
        out.integer(architecture + ".pooling_type", i + 1);
        return;
      }
    }
  }
}
