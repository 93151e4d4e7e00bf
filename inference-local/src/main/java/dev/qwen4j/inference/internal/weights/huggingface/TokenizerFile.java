package dev.qwen4j.inference.internal.weights.huggingface;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.qwen4j.inference.BadCheckpointException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Reads a tokenizer.json of HuggingFace tokenizers: byte-level BPE with Qwen's way of splitting.
 * Vocabulary and merges, hundreds of thousands of strings, are streamed.
 */
final class TokenizerFile {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_TOKENS = 1 << 22;

  /** What Qwen2's way of splitting has and Qwen3.5's has not. */
  private static final String QWEN2 = "\\p{L}+|\\p{N}|";

  /** A token beside the vocabulary; a special one is no text. */
  record Added(int id, String text, boolean special) {}

  private final Path file;
  private final Map<String, Integer> vocabulary = new LinkedHashMap<>();
  private final List<String> merges = new ArrayList<>();
  private final List<Added> added = new ArrayList<>();
  private String type = "";
  private String split = "";
  private @Nullable String ending;

  private TokenizerFile(Path file) {
    this.file = file;
  }

  static TokenizerFile read(Path file) {
    TokenizerFile tokenizer = new TokenizerFile(file);
    if (!Files.isRegularFile(file)) {
      throw new BadCheckpointException(file + ": no such file; download the whole folder");
    }
    try (InputStream in = Files.newInputStream(file);
        JsonParser json = JSON.getFactory().createParser(in)) {
      tokenizer.read(json);
    } catch (JsonProcessingException e) {
      throw JsonFields.damaged(file, e);
    } catch (IOException e) {
      throw new BadCheckpointException(file + ": cannot be read: " + e.getMessage(), e);
    }
    if (!tokenizer.type.equals("BPE")) {
      throw tokenizer.bad("model.type is '" + tokenizer.type + "', expected BPE");
    }
    return tokenizer;
  }

  /** What other files say, which split as Qwen2 does. */
  static TokenizerFile of(
      Path file, Map<String, Integer> vocabulary, List<String> merges, List<Added> added) {
    TokenizerFile tokenizer = new TokenizerFile(file);
    tokenizer.vocabulary.putAll(vocabulary);
    tokenizer.merges.addAll(merges);
    tokenizer.added.addAll(added);
    tokenizer.split = QWEN2;
    return tokenizer;
  }

  private void read(JsonParser json) throws IOException {
    expect(json.nextToken(), JsonToken.START_OBJECT, "the file");
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "model" -> readModel(json);
        case "added_tokens" -> readAdded(json.readValueAsTree());
        case "pre_tokenizer" -> split = findSplit(json.readValueAsTree());
        case "post_processor" -> ending = findEnding(json.readValueAsTree());
        default -> json.skipChildren();
      }
    }
  }

  private void readModel(JsonParser json) throws IOException {
    expect(json.currentToken(), JsonToken.START_OBJECT, "model");
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "type" -> type = json.getText();
        case "vocab" -> readVocabulary(json);
        case "merges" -> readMerges(json);
        default -> json.skipChildren();
      }
    }
  }

  private void readVocabulary(JsonParser json) throws IOException {
    expect(json.currentToken(), JsonToken.START_OBJECT, "model.vocab");
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String token = json.currentName();
      expect(json.nextToken(), JsonToken.VALUE_NUMBER_INT, "an id in model.vocab");
      vocabulary.put(token, id(json.getLongValue(), "model.vocab"));
      if (vocabulary.size() > MOST_TOKENS) {
        throw bad("model.vocab has more than " + MOST_TOKENS + " tokens");
      }
    }
  }

  /** Each merge is a pair of strings, or in older files both in one. */
  private void readMerges(JsonParser json) throws IOException {
    expect(json.currentToken(), JsonToken.START_ARRAY, "model.merges");
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (json.currentToken() == JsonToken.START_ARRAY) {
        expect(json.nextToken(), JsonToken.VALUE_STRING, "a merge's left part");
        String left = json.getText();
        expect(json.nextToken(), JsonToken.VALUE_STRING, "a merge's right part");
        merges.add(left + " " + json.getText());
        expect(json.nextToken(), JsonToken.END_ARRAY, "the end of a merge");
      } else {
        expect(json.currentToken(), JsonToken.VALUE_STRING, "a merge");
        merges.add(json.getText());
      }
    }
  }

  private void readAdded(JsonNode tokens) {
    for (JsonNode token : tokens) {
      JsonNode id = token.path("id");
      JsonNode content = token.path("content");
      if (!id.canConvertToInt() || !content.isTextual()) {
        throw bad("added_tokens has an entry without id or content");
      }
      added.add(
          new Added(
              id(id.longValue(), "added_tokens"),
              content.textValue(),
              token.path("special").asBoolean()));
    }
  }

  static boolean isId(long id) {
    return id >= 0 && id < MOST_TOKENS;
  }

  private int id(long id, String where) {
    if (!isId(id)) {
      throw bad("%s has the id %d, expected 0 to %d".formatted(where, id, MOST_TOKENS - 1));
    }
    return (int) id;
  }

  private static String findSplit(JsonNode pre) {
    for (JsonNode pattern : pre.findValues("Regex")) {
      return pattern.asText();
    }
    return "";
  }

  /** The token that a template puts after every text, if it does. */
  private static @Nullable String findEnding(JsonNode post) {
    JsonNode processors =
        post.has("processors") ? post.path("processors") : JSON.createArrayNode().add(post);
    for (JsonNode processor : processors) {
      if (processor.path("type").asText().equals("TemplateProcessing")) {
        JsonNode single = processor.path("single");
        JsonNode last =
            single.isEmpty() ? JsonNodeFactory.instance.nullNode() : single.get(single.size() - 1);
        String token = last.path("SpecialToken").path("id").asText();
        return token.isEmpty() ? null : token;
      }
    }
    return null;
  }

  /** The way of splitting, as GGUF names it: Qwen3.5 takes marks for parts of words. */
  String pre() {
    if (split.contains("\\p{L}\\p{M}") || split.contains("\\p{M}")) {
      return "qwen35";
    }
    if (split.contains(QWEN2)) {
      return "qwen2";
    }
    throw bad(
        "pre_tokenizer splits by '%s', which is not a Qwen's way; take a Qwen model"
            .formatted(SafetensorsFile.shown(split)));
  }

  Map<String, Integer> vocabulary() {
    return vocabulary;
  }

  List<String> merges() {
    return merges;
  }

  List<Added> added() {
    return added;
  }

  /** The token that every text is to end with. */
  OptionalInt ending() {
    return ending == null ? OptionalInt.empty() : id(ending);
  }

  /** The id of a token, added or not. */
  OptionalInt id(String token) {
    for (Added candidate : added) {
      if (candidate.text().equals(token)) {
        return OptionalInt.of(candidate.id());
      }
    }
    Integer id = vocabulary.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  private void expect(@Nullable JsonToken found, JsonToken expected, String what) {
    if (found != expected) {
      throw bad("%s: expected %s, found %s".formatted(what, expected, found));
    }
  }

  BadCheckpointException bad(String problem) {
    return new BadCheckpointException("%s: %s".formatted(file, problem));
  }
}
