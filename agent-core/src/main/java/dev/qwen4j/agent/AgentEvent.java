package dev.qwen4j.agent;

import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.session.Question;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Something that happened in a run: enough to draw any user interface and to write any log.
 * Consumers switch over it without {@code default}, so that a new kind of event is found by the
 * compiler.
 *
 * <p>The order of a run is {@code RunStarted (TurnStarted (ThinkingDelta | TextDelta)* TurnFinished
 * ToolCallStarted* (ToolCallFinished* | QuestionAsked*))* RunFinished}, with a {@code Notice}
 * anywhere in between; {@code RunFinished} always comes, after errors and cancellation too, unless
 * the listener throws. The runs of agents that work for this one, as its tools or as a team, come
 * in between in the same order, each under its own path; those of agents that work at the same time
 * are mixed, and told apart by their paths: {@code main/helper} and {@code main/helper#2}.
 */
public sealed interface AgentEvent {
  /** The path of the agent that it happened in, such as {@code main} or {@code main/researcher}. */
  String agent();

  /** Whether it happened in a run within another one, whose own end is yet to come. */
  default boolean isNested() {
    return agent().indexOf('/') >= 0;
  }

  record RunStarted(String agent, String input) implements AgentEvent {}

  /**
   * The model is asked.
   *
   * @param turn counted from 1
   */
  record TurnStarted(String agent, int turn) implements AgentEvent {}

  /** A piece of the model's visible reply. */
  record TextDelta(String agent, String delta) implements AgentEvent {}

  /** A piece of the model's reasoning. */
  record ThinkingDelta(String agent, String delta) implements AgentEvent {}

  /**
   * The model's reply has ended; tools may follow.
   *
   * @param usage what it cost, or null when nobody knows
   */
  record TurnFinished(String agent, int turn, @Nullable TokenUsage usage, Duration time)
      implements AgentEvent {}

  /**
   * A tool call the model asked for, before it is checked, approved and run. Of a call by way of
   * {@code call_tool} (see {@link Agent.Builder#toolSearch}) it is the one that is meant.
   *
   * @param arguments as the model wrote them: a JSON object, or whatever it wrote instead
   */
  record ToolCallStarted(String agent, String id, String name, String arguments)
      implements AgentEvent {}

  /** A call waits for somebody's decision; the run is about to be suspended. */
  record QuestionAsked(String agent, Question question) implements AgentEvent {}

  /**
   * Somebody else goes on with the work: another agent of a team, the next speaker of a group.
   *
   * @param to the name of whoever goes on
   * @param message what they are told besides the conversation, or empty
   */
  record Handoff(String agent, String to, String reason, String message) implements AgentEvent {}

  /** What the model will read as the call's result. */
  record ToolCallFinished(
      String agent, String id, String name, boolean isError, String content, Duration time)
      implements AgentEvent {}

  /** Something a person may want to know: a repair, a nudge, a limit, a denial. */
  record Notice(String agent, String text) implements AgentEvent {}

  record RunFinished(String agent, RunResult result) implements AgentEvent {}
}
