package dev.qwen4j.agent;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolResult;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Something that looks at a run from one of its steps, and may change what it sees or stop it: a
 * guardrail, a redaction, a trace. An agent's hooks are a list; at each step they are asked in its
 * order, each sees what the one before has made of it, and the first that blocks has the last word.
 *
 * <p>The steps, in the order of a run: {@link #beforeRun}; then for each turn {@link #beforeModel},
 * {@link #afterReply}, for each of its calls {@link #beforeTool} (before the {@link Approval} is
 * asked) and {@link #afterTool}. A hook is called on a thread of its own, which the run waits for,
 * and for all runs of its agent at once. One that throws blocks: what was to be checked has not
 * been. One that has not ended when the run is cancelled, or out of time, is interrupted and left
 * behind, and what it was to check goes no further.
 *
 * <pre>{@code
 * Agent.builder()
 *     .hook(Hook.onInput(text -> isPolite(text) ? Verdict.pass() : Verdict.block("Please.")))
 *     .hook(Hook.onReply(text -> Verdict.rewrite(text.replaceAll("sk-\\w+", "***"))))
 * }</pre>
 */
public interface Hook {
  /**
   * What a hook says of a thing at its step.
   *
   * @param <T> the thing
   */
  sealed interface Verdict<T> {
    record Pass<T>() implements Verdict<T> {}

    record Rewrite<T>(T value) implements Verdict<T> {}

    record Block<T>(String reason) implements Verdict<T> {}

    /** Leaves it as it is. */
    static <T> Verdict<T> pass() {
      return new Pass<>();
    }

    /** Puts another in its place. */
    static <T> Verdict<T> rewrite(T value) {
      return new Rewrite<>(value);
    }

    /** Lets it go no further. */
    static <T> Verdict<T> block(String reason) {
      return new Block<>(reason);
    }
  }

  /**
   * The text of the user's message. Blocked, the model is not asked and the session keeps nothing:
   * the run ends as {@link StopReason#BLOCKED} with the reason as its text.
   */
  default Verdict<String> beforeRun(String input) {
    return Verdict.pass();
  }

  /** What the model is about to be asked. Blocked, the run ends as {@link StopReason#BLOCKED}. */
  default Verdict<ChatRequest> beforeModel(ChatRequest request) {
    return Verdict.pass();
  }

  /**
   * What the model has said, before it is kept and its calls are made. Blocked, the run ends as
   * {@link StopReason#BLOCKED}, and the reason stands in the conversation in its place.
   */
  default Verdict<AiMessage> afterReply(AiMessage reply) {
    return Verdict.pass();
  }

  /**
   * Whether the listener hears of a reply only after {@link #afterReply}, in one piece, so that
   * what is taken out of it was never shown.
   */
  default boolean holdsRepliesBack() {
    return false;
  }

  /**
   * A call whose arguments fit. Rewritten arguments are checked again, and another tool's name is
   * not taken. Blocked, the model reads the reason as the result.
   */
  default Verdict<ToolCall> beforeTool(ToolCall call) {
    return Verdict.pass();
  }

  /** What a tool has answered. Blocked, the model reads the reason in its place. */
  default Verdict<ToolResult> afterTool(ToolCall call, ToolResult result) {
    return Verdict.pass();
  }

  /** Hears the events of one run, before the listener of its caller does. Asked for at each run. */
  default Optional<AgentListener> listener() {
    return Optional.empty();
  }

  /**
   * The same for a run inside of others, whose listeners hear it as well. A hook that is on one of
   * those already is not asked.
   *
   * @param around their listeners: the caller's, then those of the hooks of each run, the outermost
   *     first
   */
  default Optional<AgentListener> listener(List<AgentListener> around) {
    return listener();
  }

  /** Checks the text of the user's message. */
  static Hook onInput(Function<String, Verdict<String>> check) {
    return new Hook() {
      @Override
      public Verdict<String> beforeRun(String input) {
        return check.apply(input);
      }
    };
  }

  /**
   * Checks the text of each reply that has one. The listener hears it only then, and is not told
   * what the model thought.
   */
  static Hook onReply(Function<String, Verdict<String>> check) {
    return new Hook() {
      @Override
      public Verdict<AiMessage> afterReply(AiMessage reply) {
        AiMessage shown = reply.toBuilder().thinking(null).build();
        if (reply.text() == null) {
          return Verdict.rewrite(shown);
        }
        return switch (check.apply(reply.text())) {
          case Verdict.Pass<String> pass -> Verdict.rewrite(shown);
          case Verdict.Rewrite<String>(String text) ->
              Verdict.rewrite(shown.toBuilder().text(text).build());
          case Verdict.Block<String>(String reason) -> Verdict.block(reason);
        };
      }

      @Override
      public boolean holdsRepliesBack() {
        return true;
      }
    };
  }

  /** Checks each call whose arguments fit. */
  static Hook onToolCall(Function<ToolCall, Verdict<ToolCall>> check) {
    return new Hook() {
      @Override
      public Verdict<ToolCall> beforeTool(ToolCall call) {
        return check.apply(call);
      }
    };
  }
}
