package dev.qwen4j.inference.internal.tokenizer;

import java.util.List;

/** What kind of entry of the vocabulary a token is, as GGUF's {@code token_type} says. */
public enum TokenType {
  NORMAL,
  UNKNOWN,
  /** A marker that steers the model and is no text, as {@code <|im_end|>}. */
  CONTROL,
  /** A marker that counts as text, as {@code <think>} and {@code <tool_call>}. */
  USER_DEFINED,
  UNUSED,
  BYTE;

  private static final List<TokenType> BY_NUMBER = List.of(values());

  /**
   * The type of a number in {@code tokenizer.ggml.token_type}.
   *
   * @throws IllegalArgumentException if the number is not 1 to 6
   */
  public static TokenType ofNumber(int number) {
    if (number < 1 || number > BY_NUMBER.size()) {
      throw new IllegalArgumentException(
          "token type: expected 1 to " + BY_NUMBER.size() + ", found " + number);
    }
    return BY_NUMBER.get(number - 1);
  }

  boolean isMarker() {
    return this == CONTROL || this == USER_DEFINED;
  }
}
