package dev.qwen4j.inference.internal.tokenizer;

import dev.qwen4j.inference.internal.weights.GgufFile;
import dev.qwen4j.inference.internal.weights.Metadata;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/** The real vocabulary of Qwen2 to Qwen3, from the vocabulary-only GGUF file in the resources. */
final class QwenVocabulary {
  /** As in the file, whose markers after the third are padding. */
  static final VocabularyData BARE = read();

  /** With the markers of Qwen3. */
  static final VocabularyData QWEN3 = withMarkers(BARE);

  private static final int FIRST_MARKER = 151_643;

  private QwenVocabulary() {}

  static VocabularyData withPre(VocabularyData data, String pre) {
    return new VocabularyData(data.model(), pre, data.tokens(), data.types(), data.merges());
  }

  static String resource(String name) {
    try (InputStream in = open(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static InputStream open(String name) {
    return Objects.requireNonNull(
        QwenVocabulary.class.getResourceAsStream("/golden/text/" + name), name);
  }

  private static VocabularyData read() {
    try {
      Path file = Files.createTempFile("vocabulary", ".gguf");
      try (InputStream in = new GZIPInputStream(open("ggml-vocab-qwen2.gguf.gz"))) {
        Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
        try (GgufFile gguf = GgufFile.open(file)) {
          Metadata metadata = gguf.metadata();
          return new VocabularyData(
              metadata.string("tokenizer.ggml.model"),
              metadata.string("tokenizer.ggml.pre"),
              metadata.strings("tokenizer.ggml.tokens"),
              Arrays.stream(metadata.integers("tokenizer.ggml.token_type"))
                  .mapToObj(TokenType::ofNumber)
                  .toList(),
              metadata.strings("tokenizer.ggml.merges"));
        }
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static VocabularyData withMarkers(VocabularyData bare) {
    List<String> controls =
        List.of(
            "<|endoftext|>",
            "<|im_start|>",
            "<|im_end|>",
            "<|object_ref_start|>",
            "<|object_ref_end|>",
            "<|box_start|>",
            "<|box_end|>",
            "<|quad_start|>",
            "<|quad_end|>",
            "<|vision_start|>",
            "<|vision_end|>",
            "<|vision_pad|>",
            "<|image_pad|>",
            "<|video_pad|>");
    List<String> texts =
        List.of(
            "<tool_call>",
            "</tool_call>",
            "<|fim_prefix|>",
            "<|fim_middle|>",
            "<|fim_suffix|>",
            "<|fim_pad|>",
            "<|repo_name|>",
            "<|file_sep|>",
            "<tool_response>",
            "</tool_response>",
            "<think>",
            "</think>");
    List<String> tokens = new ArrayList<>(bare.tokens());
    List<TokenType> types = new ArrayList<>(bare.types());
    int id = FIRST_MARKER;
    for (String marker : controls) {
      types.set(id, TokenType.CONTROL);
      tokens.set(id++, marker);
    }
    for (String marker : texts) {
      types.set(id, TokenType.USER_DEFINED);
      tokens.set(id++, marker);
    }
    return new VocabularyData(bare.model(), bare.pre(), tokens, types, bare.merges());
  }
}
