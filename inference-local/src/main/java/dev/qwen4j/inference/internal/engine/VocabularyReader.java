package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.tokenizer.TokenType;
import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import dev.qwen4j.inference.internal.tokenizer.TokenizerTables;
import dev.qwen4j.inference.internal.tokenizer.VocabularyData;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.Metadata;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Finds the tokenizer and the stop tokens in a checkpoint's metadata. */
public final class VocabularyReader {
  private static final String TOKEN_TYPES = "tokenizer.ggml.token_type";

  /** What the tables are made of. */
  private static final List<String> VOCABULARY =
      List.of(
          "tokenizer.ggml.model",
          "tokenizer.ggml.pre",
          "tokenizer.ggml.tokens",
          TOKEN_TYPES,
          "tokenizer.ggml.merges");

  private VocabularyReader() {}

  /** The tokenizer of a checkpoint, or of a file that holds nothing else. */
  public static Tokenizer tokenizer(Checkpoint file) {
    return new Tokenizer(tables(file));
  }

  /**
   * The tokenizer of a checkpoint, from the copy of its tables in {@code folder}; if there is none
   * yet, one is put there. Checkpoints with the same vocabulary share one.
   *
   * @param folder null for no copies
   */
  static Tokenizer tokenizer(Checkpoint file, @Nullable Path folder) {
    if (folder == null) {
      return tokenizer(file);
    }
    TokenizerCopy copy =
        new TokenizerCopy(folder.resolve("tokenizer-" + file.metadata().digest(VOCABULARY)));
    return new Tokenizer(copy.read().orElseGet(() -> copy.write(tables(file))));
  }

  private static TokenizerTables tables(Checkpoint file) {
    Metadata metadata = file.metadata();
    List<String> tokens = metadata.strings("tokenizer.ggml.tokens");
    try {
      return TokenizerTables.of(
          new VocabularyData(
              metadata.string("tokenizer.ggml.model"),
              metadata.optionalString("tokenizer.ggml.pre").orElse("default"),
              tokens,
              types(metadata, tokens),
              metadata.strings("tokenizer.ggml.merges")));
    } catch (IllegalArgumentException e) {
      throw new BadCheckpointException(
          file.path() + ": the tokenizer cannot be used: " + e.getMessage(), e);
    }
  }

  /**
   * The tokenizer of a checkpoint whose weights know {@code rows} tokens.
   *
   * @throws BadCheckpointException if it knows more
   */
  public static Tokenizer fitting(Tokenizer tokenizer, Checkpoint file, int rows) {
    if (tokenizer.size() > rows) {
      throw new BadCheckpointException(
          "%s: the tokenizer knows %d tokens, the weights %d; the file is damaged"
              .formatted(file.path(), tokenizer.size(), rows));
    }
    return tokenizer;
  }

  private static List<TokenType> types(Metadata metadata, List<String> tokens) {
    if (!metadata.has(TOKEN_TYPES)) {
      return Collections.nCopies(tokens.size(), TokenType.NORMAL);
    }
    int[] numbers = metadata.integers(TOKEN_TYPES);
    List<TokenType> types = new ArrayList<>(numbers.length);
    for (int id = 0; id < numbers.length; id++) {
      TokenType type = TokenType.ofNumber(numbers[id]);
      // Some converters call <think> and <tool_call> control tokens; they are part of the reply.
      boolean text =
          type == TokenType.CONTROL && id < tokens.size() && !tokens.get(id).startsWith("<|");
      types.add(text ? TokenType.USER_DEFINED : type);
    }
    return types;
  }

  /** The tokens that end a reply: those the file names, and those every Qwen ends with. */
  public static Set<Integer> stopIds(Checkpoint file, Tokenizer tokenizer) {
    Set<Integer> ids = new HashSet<>();
    for (String name : List.of("eos", "eot", "eom")) {
      file.metadata().optionalInteger("tokenizer.ggml." + name + "_token_id").ifPresent(ids::add);
    }
    for (String marker : List.of("<|im_end|>", "<|endoftext|>")) {
      tokenizer.id(marker).ifPresent(ids::add);
    }
    return ids;
  }

  /**
   * The token whose hidden state is a text's embedding, which follows the text; none if the file
   * says that texts end with themselves.
   */
  public static OptionalInt endOfEmbedded(Checkpoint file, Tokenizer tokenizer) {
    if (!file.metadata().optionalFlag("tokenizer.ggml.add_eos_token").orElse(true)) {
      return OptionalInt.empty();
    }
    OptionalInt end = tokenizer.id("<|endoftext|>");
    return end.isPresent() ? end : file.metadata().optionalInteger("tokenizer.ggml.eos_token_id");
  }
}
