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
import java.util.function.Function;
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
    return guarded(around, guards -> checked(input, form, guards, around));
  }

  private RunResult checked(
      Input input, @Nullable AnswerForm<?> form, Guards guards, RunScope around) {
    return switch (guards.ask(input.text(), Hook::beforeRun)) {
      case Hook.Verdict.Block<String>(String reason) ->
          nothingDone(input.text(), input.before(), guards, reason, around);
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
    var stopped = Conversation.stopped(told(systemOf(conversation)), conversation);
    return guarded(
        around,
        guards ->
            goOn(stopped, Resumption.decisions(stopped, answers, agent, guards), guards, around));
  }

  /** Goes on where a session stopped, with the answers that the scope has. */
  RunResult goOn(Session session, RunScope scope) {
    Optional<RunResult> unsaid =
        session.end().isEmpty() ? Resumption.recalled(session, agent) : Optional.empty();
    if (unsaid.isPresent()) {
      return said(unsaid.get(), session, scope);
    }
    Resumption.dropBrokenReply(session);
    var stopped = Conversation.stopped(told(session.instructions()), session);
    List<Answer> answers = scope.answers();
    return guarded(
        scope,
        guards ->
            goOn(
                stopped,
                Resumption.decisions(stopped, answers, agent, guards, session),
                guards,
                scope));
  }

  /**
   * @param decisions nothing if an answer could not be checked in time: then the questions stay
   *     open as they were
   */
  private RunResult goOn(
      Conversation stopped,
      Optional<Map<String, Decision>> decisions,
      Guards guards,
      RunScope around) {
    return decisions
        .map(decided -> run(stopped, decided, null, around))
        .orElseGet(
            () ->
                nothingDone(
                    stopped.input(),
                    stopped.messages(),
                    guards,
                    "A check did not end in time.",
                    around));
  }

  /**
   * Takes steps that end when what the run is a part of is cancelled, or the run is out of time.
   */
  private RunResult guarded(RunScope around, Function<Guards, RunResult> steps) {
    Deadline end = Deadline.in(agent.limits().maxTime()).earlier(Deadline.in(around.time()));
    var link = around.cancellation().onCancel(own::cancel);
    try (link) {
      return steps.apply(new Guards(agent.hooks(), own, end));
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

  private RunResult nothingDone(
      String input, List<ChatMessage> messages, Guards guards, String why, RunScope around) {
    StopReason reason = guards.given(StopReason.CANCELLED, StopReason.MAX_TIME, StopReason.BLOCKED);
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
