package dev.qwen4j.agent;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.TokenCountEstimator;

/**
 * Counts tokens without a vocabulary: about three and a half ASCII characters make one, and about
 * every other character. It rather counts too many.
 */
final class RoughTokenCount implements TokenCountEstimator {
  static final RoughTokenCount INSTANCE = new RoughTokenCount();

  /** What the marks around a message take. */
  private static final int PER_MESSAGE = 5;

  private RoughTokenCount() {}

  @Override
  public int estimateTokenCountInText(String text) {
    int ascii = 0;
    for (int i = 0; i < text.length(); i++) {
      ascii += text.charAt(i) < 128 ? 1 : 0;
    }
    return (int) Math.ceil(ascii / 3.5) + text.length() - ascii;
  }

  @Override
  public int estimateTokenCountInMessage(ChatMessage message) {
    return PER_MESSAGE + estimateTokenCountInText(Transcript.text(message));
  }

  @Override
  public int estimateTokenCountInMessages(Iterable<ChatMessage> messages) {
    int sum = 0;
    for (ChatMessage message : messages) {
      sum += estimateTokenCountInMessage(message);
    }
    return sum;
  }
}
