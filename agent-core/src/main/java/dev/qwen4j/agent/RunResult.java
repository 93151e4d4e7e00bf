package dev.qwen4j.agent;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.output.TokenUsage;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How a run ended.
 *
 * @param text the answer; empty when there is none
 * @param failure what went wrong when {@code stopReason} is {@link StopReason#ERROR}, else null
 * @param turns model calls made
 * @param usage summed over all model calls
 * @param messages the whole conversation, ready to continue from; every call in it has its result
 */
public record RunResult(
    String text,
    StopReason stopReason,
    @Nullable Exception failure,
    int turns,
    TokenUsage usage,
    List<ChatMessage> messages) {
  public RunResult {
    messages = List.copyOf(messages);
  }

  /** What went wrong, in one line. */
  public Optional<String> error() {
    return Optional.ofNullable(failure)
        .map(e -> e.getMessage() == null ? e.toString() : e.getMessage());
  }
}
