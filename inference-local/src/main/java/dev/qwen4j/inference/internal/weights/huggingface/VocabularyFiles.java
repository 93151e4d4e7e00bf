package dev.qwen4j.inference.internal.weights.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import dev.qwen4j.inference.BadCheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A tokenizer in the form that is older than {@code tokenizer.json}: {@code vocab.json}, {@code
 * merges.txt}, and the markers in {@code tokenizer_config.json} or {@code added_tokens.json}. It
 * does not say how text is split; all Qwens that were published in it split as Qwen2 does.
 */
final class VocabularyFiles {
  /** In the order of their importance. */
  static final List<String> NAMES = List.of("vocab.json", "merges.txt", "added_tokens.json");

  private final Path folder;

  private VocabularyFiles(Path folder) {
    this.folder = folder;
  }

  /** Whether a folder has its tokenizer only in this form. */
  static boolean in(Path folder) {
    return !Files.isRegularFile(folder.resolve("tokenizer.json"))
        && Files.isRegularFile(folder.resolve("vocab.json"));
  }

  /**
   * Reads the files.
   *
   * @throws BadCheckpointException naming the file and what is wrong with it
   */
  static TokenizerFile read(Path folder) {
    VocabularyFiles files = new VocabularyFiles(folder);
    return TokenizerFile.of(
        folder.resolve("vocab.json"), files.vocabulary(), files.merges(), files.added());
  }

  private Map<String, Integer> vocabulary() {
    JsonFields vocabulary = JsonFields.read(folder.resolve("vocab.json"));
    Map<String, Integer> ids = new LinkedHashMap<>();
    vocabulary.properties().forEach((token, id) -> ids.put(token, id(id, vocabulary, token)));
    return ids;
  }

  private static int id(JsonNode value, JsonFields fields, String token) {
    if (!value.canConvertToInt() || !TokenizerFile.isId(value.longValue())) {
      throw fields.bad(token, "an id");
    }
    return value.intValue();
  }

  private List<String> merges() {
    Path file = folder.resolve("merges.txt");
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (IOException e) {
      throw new BadCheckpointException(
          "%s: cannot be read as UTF-8 text: %s; download the whole folder"
              .formatted(file, e.getMessage()),
          e);
    }
    List<String> merges = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      boolean version = i == 0 && line.startsWith("#version");
      if (version || line.isEmpty()) {
        continue;
      }
      int space = line.indexOf(' ');
      if (space < 1 || space == line.length() - 1 || line.indexOf(' ', space + 1) >= 0) {
        throw new BadCheckpointException(
            "%s: line %d is %s, expected two tokens; download it again"
                .formatted(file, i + 1, SafetensorsFile.shown(line)));
      }
      merges.add(line);
    }
    return merges;
  }

  private List<TokenizerFile.Added> added() {
    List<TokenizerFile.Added> added = new ArrayList<>();
    Path config = folder.resolve("tokenizer_config.json");
    Optional<JsonFields> decoder =
        JsonFields.readIfThere(config).map(fields -> fields.child("added_tokens_decoder"));
    if (decoder.isPresent() && !decoder.get().isEmpty()) {
      decoder
          .get()
          .properties()
          .forEach(
              (id, token) -> {
                if (!id.matches("[0-9]{1,7}") || !token.path("content").isTextual()) {
                  throw decoder.get().bad(id, "an id and a token's content");
                }
                added.add(
                    new TokenizerFile.Added(
                        Integer.parseInt(id),
                        token.path("content").textValue(),
                        token.path("special").asBoolean()));
              });
      return added;
    }
    JsonFields simple =
        JsonFields.readIfThere(folder.resolve("added_tokens.json"))
            .orElseThrow(
                () ->
                    new BadCheckpointException(
                        "%s: has no added_tokens_decoder, and there is no added_tokens.json beside"
                                .formatted(config)
                            + " it; download the whole folder"));
    simple
        .properties()
        .forEach(
            (token, id) ->
                added.add(
                    new TokenizerFile.Added(id(id, simple, token), token, token.startsWith("<|"))));
    return added;
  }
}
