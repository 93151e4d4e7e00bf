package dev.qwen4j.agent;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.SessionEntry;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How a run ended.
 *
 * @param text the answer; where there is none, what there is in its place: the beginning of one, or
 *     why there is none and what the last tool said
 * @param answered whether the text is an answer that the model came to the end of, be it one that a
 *     limit made it give
 * @param failure what went wrong when {@code stopReason} is {@link StopReason#ERROR}, else null
 * @param spent turns and tokens
 * @param questions what has to be decided when {@code stopReason} is {@link StopReason#SUSPENDED}
 * @param messages the whole conversation, ready to continue from; every call in it has its result,
 *     except those of a suspended run's last reply
 */
public record RunResult(
    String text,
    boolean answered,
    StopReason stopReason,
    @Nullable Exception failure,
    Spent spent,
    List<Question> questions,
    List<ChatMessage> messages) {
  public RunResult {
    questions = List.copyOf(questions);
    messages = List.copyOf(messages);
  }

  /**
   * What a run that is over has come to, as its session tells it: what it spent is not known any
   * more.
   */
  public static RunResult recalled(SessionEntry.Ended end, List<ChatMessage> messages) {
    return new RunResult(
        end.text(),
        end.answered(),
        StopReason.of(end.stopReason()),
        null,
        Spent.NOTHING,
        List.of(),
        messages);
  }

  /** Model calls made. */
  public int turns() {
    return spent.turns();
  }

  /** Tokens of all model calls together, as far as {@linkplain Spent known}. */
  public TokenUsage usage() {
    return spent.usage();
  }

  /** What went wrong, in one line. */
  public Optional<String> error() {
    return Optional.ofNullable(failure)
        .map(e -> e.getMessage() == null ? e.toString() : e.getMessage());
  }
}
