package dev.qwen4j.agent;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.TokenCountEstimator;
import java.nio.file.Path;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * How a conversation is kept within the model's window.
 *
 * <p>A tool result that is too large is shortened before the model ever sees it, and what was left
 * out can be read on with a tool. When the window is nearly full, old tool results go first; if
 * that is not enough, the model summarises what is old. The beginning of a conversation changes at
 * no other time, so that the caches of hosts and of the local engine keep hitting.
 *
 * <p>Start from {@link #ofWindow} or {@link #UNKNOWN} and change what matters.
 *
 * @param window how many tokens prompt and reply may have together; if it is not known, room is
 *     made when the model complains
 * @param largestResult how many characters a tool result may have
 * @param resultFolder where the whole of large results is kept; null for a temporary folder, which
 *     a session that is resumed elsewhere will miss
 * @param tokens counts tokens; what the model itself reports corrects it as the run goes on
 * @param pinned messages that are never summarised
 */
public record ContextPolicy(
    int window,
    int largestResult,
    @Nullable Path resultFolder,
    TokenCountEstimator tokens,
    Predicate<ChatMessage> pinned) {
  private static final int SMALLEST_WINDOW = 512;
  private static final int SMALLEST_RESULT = 500;

  /** For a model of which nothing is known: results of at most 40,000 characters. */
  public static final ContextPolicy UNKNOWN =
      new ContextPolicy(
          Integer.MAX_VALUE, 40_000, null, RoughTokenCount.INSTANCE, message -> false);

  public ContextPolicy {
    if (window < SMALLEST_WINDOW) {
      throw new IllegalArgumentException(
          "window must be at least " + SMALLEST_WINDOW + " tokens, but was " + window);
    }
    if (largestResult < SMALLEST_RESULT) {
      throw new IllegalArgumentException(
          "largestResult must be at least " + SMALLEST_RESULT + ", but was " + largestResult);
    }
  }

  /** For a window of so many tokens; one result may fill about a quarter of it. */
  public static ContextPolicy ofWindow(int tokens) {
    int quarter = Math.max(SMALLEST_RESULT, Math.min(UNKNOWN.largestResult, tokens * 3 / 4));
    return new ContextPolicy(tokens, quarter, null, UNKNOWN.tokens, UNKNOWN.pinned);
  }

  public ContextPolicy withLargestResult(int characters) {
    return new ContextPolicy(window, characters, resultFolder, tokens, pinned);
  }

  public ContextPolicy withResultFolder(Path folder) {
    return new ContextPolicy(window, largestResult, folder, tokens, pinned);
  }

  public ContextPolicy withTokens(TokenCountEstimator estimator) {
    return new ContextPolicy(window, largestResult, resultFolder, estimator, pinned);
  }

  public ContextPolicy withPinned(Predicate<ChatMessage> messages) {
    return new ContextPolicy(window, largestResult, resultFolder, tokens, messages);
  }
}
