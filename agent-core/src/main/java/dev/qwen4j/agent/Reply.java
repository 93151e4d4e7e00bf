package dev.qwen4j.agent;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What came of a model call.
 *
 * @param message what was said, in part if the reply {@linkplain #isWhole is not whole}
 * @param usage what it cost, or null when nobody knows
 * @param failure why, when the end is {@link End#FAILED}
 * @param time from the question to its end
 */
record Reply(
    AiMessage message,
    @Nullable TokenUsage usage,
    @Nullable FinishReason finish,
    End end,
    @Nullable Exception failure,
    Duration time) {
  private static final AiMessage NOTHING = AiMessage.builder().build();

  enum End {
    COMPLETE,
    /** It wrote one call over and over and was stopped; the calls stand once each. */
    REPEATING,
    /** It wrote on beyond the limit of one reply and was stopped. */
    TOO_LONG,
    FAILED,
    TIMED_OUT,
    CANCELLED,
    /** A hook let it go no further; the text says why. */
    BLOCKED
  }

  /** The same reply in other words. */
  Reply saying(AiMessage other) {
    return new Reply(other, usage, finish, end, failure, time);
  }

  /** What comes of a question that a hook did not let go to the model: it costs nothing. */
  static Reply unasked(String reason) {
    return new Reply(
        AiMessage.from(reason), new TokenUsage(0, 0, 0), null, End.BLOCKED, null, Duration.ZERO);
  }

  /** What comes of a question that was given up before the model was asked: it costs nothing. */
  static Reply unasked(End end) {
    return new Reply(NOTHING, new TokenUsage(0, 0, 0), null, end, null, Duration.ZERO);
  }

  /** The same reply, of which nothing is to be seen since its check was given up. */
  Reply withheld(End end) {
    return new Reply(NOTHING, usage, null, end, null, time);
  }

  /** What stands in the place of a reply that goes no further. */
  Reply blocked(String reason) {
    return new Reply(AiMessage.from(reason), usage, finish, End.BLOCKED, null, time);
  }

  String text() {
    return message.text() == null ? "" : message.text();
  }

  boolean isWhole() {
    return end == End.COMPLETE || end == End.REPEATING || end == End.TOO_LONG;
  }

  /** Whether it stops in the middle of what it had to say. */
  boolean isCutOff() {
    return end == End.TOO_LONG || finish == FinishReason.LENGTH;
  }

  boolean isEmpty() {
    return text().isBlank() && !message.hasToolExecutionRequests();
  }
}
