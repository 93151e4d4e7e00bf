package dev.qwen4j.agent;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.qwen4j.memory.Memory;
import dev.qwen4j.session.Session;
import dev.qwen4j.session.SessionEntry;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How the run of an agent comes to its {@link AgentLoop}: with something new to answer, if the
 * hooks let it pass, or where an earlier run stopped.
 */
final class Beginning {
  private final Agent agent;
  private final Cancellation own = new Cancellation(); // Not that of what the run is a part of.

  Beginning(Agent agent) {
    this.agent = agent;
  }

  /** Begins, goes on with, or only recalls the conversation that the scope is for. */
  RunResult within(List<ChatMessage> begin, RunScope scope) {
    Session session = scope.session();
    if (session == null) {
      return anew(new Input.Messages(begin), null, scope);
    }
    return session.messages().isEmpty()
        ? anew(new Input.InPart(session, new Input.Messages(begin)), null, scope)
        : Resumption.recalled(session, agent).orElseGet(() -> goOn(session, scope));
  }

  /**
   * Runs on something new.
   *
   * @param form of the answer, if it is to have one
   */
  RunResult anew(Input input, @Nullable AnswerForm<?> form, RunScope around) {
    var link = around.cancellation().onCancel(own::cancel);
    try (link) {
      return checked(input, form, around);
    }
  }

  private RunResult checked(Input input, @Nullable AnswerForm<?> form, RunScope around) {
    Guards guards = guards(around);
    return switch (guards.ask(input.text(), Hook::beforeRun)) {
      case Hook.Verdict.Block<String>(String reason) ->
          notBegun(
              input,
              guards.given(StopReason.CANCELLED, StopReason.MAX_TIME, StopReason.BLOCKED),
              reason,
              around);
      case Hook.Verdict.Pass<String> pass ->
          run(input.conversation(told(input.toldBefore()), form), Map.of(), form, around);
      case Hook.Verdict.Rewrite<String>(String text) ->
          run(
              input.with(text).conversation(told(input.toldBefore()), form),
              Map.of(),
              form,
              around);
    };
  }

  /** Goes on with the messages of a suspended run. */
  RunResult goOn(List<ChatMessage> conversation, List<Answer> answers, RunScope around) {
    var link = around.cancellation().onCancel(own::cancel);
    try (link) {
      var stopped = Conversation.stopped(told(systemOf(conversation)), conversation);
      Guards guards = guards(around);
      return Resumption.decisions(stopped, answers, agent, guards)
          .map(decisions -> run(stopped, decisions, null, around))
          .orElseGet(() -> notGoneOn(stopped, guards, around));
    }
  }

  /** Goes on where a session stopped, with the answers that the scope has. */
  RunResult goOn(Session session, RunScope scope) {
    Optional<RunResult> unsaid =
        session.end().isEmpty() ? Resumption.recalled(session, agent) : Optional.empty();
    if (unsaid.isPresent()) {
      return said(unsaid.get(), session, scope);
    }
    Resumption.dropBrokenReply(session);
    var link = scope.cancellation().onCancel(own::cancel);
    try (link) {
      var stopped = Conversation.stopped(told(session.instructions()), session);
      Guards guards = guards(scope);
      return Resumption.decisions(stopped, scope.answers(), agent, guards, session)
          .map(decisions -> run(stopped, decisions, null, scope))
          .orElseGet(() -> notGoneOn(stopped, guards, scope));
    }
  }

  private RunResult run(
      Conversation conversation,
      Map<String, Decision> decisions,
      @Nullable AnswerForm<?> form,
      RunScope around) {
    var loop = new AgentLoop(agent, conversation, around.forRun(agent, own)).decided(decisions);
    return (form == null ? loop : loop.expecting(form)).run();
  }

  private Guards guards(RunScope around) {
    Deadline end = Deadline.in(agent.limits().maxTime()).earlier(Deadline.in(around.time()));
    return new Guards(agent.hooks(), own, end);
  }

  private RunResult notBegun(Input input, StopReason reason, String why, RunScope around) {
    return nothingDone(input.text(), input.before(), reason, why, around);
  }

  /** An answer could not be checked in time: the questions are open as they were. */
  private RunResult notGoneOn(Conversation stopped, Guards guards, RunScope around) {
    StopReason reason = guards.given(StopReason.CANCELLED, StopReason.MAX_TIME, StopReason.BLOCKED);
    return nothingDone(
        stopped.input(), stopped.messages(), reason, "A check did not end in time.", around);
  }

  private RunResult nothingDone(
      String input, List<ChatMessage> messages, StopReason reason, String why, RunScope around) {
    String text = reason == StopReason.CANCELLED ? "" : why;
    var result = new RunResult(text, false, reason, null, Spent.NOTHING, List.of(), messages);
    RunScope scope = around.forRun(agent, new Cancellation());
    scope.tell(new AgentEvent.RunStarted(scope.path(), input));
    scope.tell(new AgentEvent.RunFinished(scope.path(), result));
    return result;
  }

  /** The last thing that a process did not come to before it died: to say that it was done. */
  private RunResult said(RunResult result, Session session, RunScope around) {
    RunScope scope = around.forRun(agent, new Cancellation());
    scope.tell(new AgentEvent.RunStarted(scope.path(), ""));
    session.record(
        new SessionEntry.Ended(result.stopReason().id(), result.answered(), result.text()));
    scope.tell(new AgentEvent.RunFinished(scope.path(), result));
    return result;
  }

  /** What a conversation was told before everything else. */
  static String systemOf(List<ChatMessage> conversation) {
    return !conversation.isEmpty() && conversation.getFirst() instanceof SystemMessage system
        ? system.text()
        : "";
  }

  /**
   * The instructions, with what is remembered.
   *
   * @param before what the conversation was told so far: what was remembered then stays
   */
  private String told(String before) {
    String instructions = agent.instructions();
    Memory memory = agent.memory();
    if (memory == null) {
      return instructions;
    }
    if (!before.isEmpty() && before.startsWith(instructions)) {
      return before;
    }
    try {
      return (instructions + "\n\n" + memory.told()).strip();
    } catch (IOException e) {
      throw new UncheckedIOException("The memory cannot be read: " + e.getMessage(), e);
    }
  }
}
