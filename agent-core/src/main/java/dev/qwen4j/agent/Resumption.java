package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.qwen4j.agent.ToolArgumentsCheck.Checked;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.Session;
import dev.qwen4j.session.SessionEntry;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Brings answers to the calls they were given for, and to no others. */
final class Resumption {
  private static final String ANSWER = StopReason.ANSWER.id();

  private Resumption() {}

  /**
   * The decisions on the open calls of a conversation, by call. A call that a hook blocks by now
   * needs none: the run tells the model why.
   *
   * @return nothing if a hook had to be given up
   * @throws IllegalArgumentException if an answer is to no open call, or to another one's arguments
   */
  static Optional<Map<String, Decision>> decisions(
      Conversation conversation, List<Answer> answers, Agent agent, Guards guards) {
    Map<String, Decision> decisions = new HashMap<>();
    for (Answer answer : answers) {
      Question asked = answer.question();
      ToolExecutionRequest call =
          conversation.openCalls().stream()
              .filter(each -> each.id().equals(asked.call()))
              .findFirst()
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "No call '%s' waits for an answer.".formatted(asked.call())));
      if (goesAsAsked(asked, call, agent.argumentsCheck(), guards)) {
        decisions.put(asked.call(), answer.decision());
      } else if (guards.areOver()) {
        return Optional.empty();
      }
    }
    return Optional.of(decisions);
  }

  /**
   * As above, with the answers that the session has from before; it keeps the new ones. Answers to
   * calls of agents that run as tools are only checked here: they find their way with the call.
   */
  static Optional<Map<String, Decision>> decisions(
      Conversation conversation,
      List<Answer> answers,
      Agent agent,
      Guards guards,
      Session session) {
    List<Answer> own =
        answers.stream().filter(each -> !isNested(each, conversation, session)).toList();
    Map<String, Decision> now = decisions(conversation, own, agent, guards).orElse(null);
    if (now == null) {
      return Optional.empty();
    }
    Map<String, Decision> decisions = new HashMap<>();
    session.answers().forEach((call, answer) -> decisions.put(call, decision(answer)));
    decisions.putAll(now);
    for (Answer answer : own) {
      if (now.containsKey(answer.question().call())) {
        session.record(entry(answer));
      }
    }
    return Optional.of(decisions);
  }

  private static boolean isNested(Answer answer, Conversation conversation, Session session) {
    String asked = answer.question().call();
    return conversation.openCalls().stream().noneMatch(call -> call.id().equals(asked))
        && conversation.openCalls().stream().anyMatch(call -> asked.startsWith(call.id() + "/"))
        && session.questions().contains(answer.question());
  }

  /**
   * How a conversation that has come to its end did so, if it has: also when the process died
   * before it could write that down.
   */
  static Optional<RunResult> recalled(Session session, Agent agent) {
    Optional<SessionEntry.Ended> end =
        session
            .end()
            .or(
                () ->
                    lastWord(session, agent)
                        .map(text -> new SessionEntry.Ended(ANSWER, true, text)));
    return end.filter(each -> !isUnfinished(each))
        .map(each -> RunResult.recalled(each, session.messages()));
  }

  private static boolean isUnfinished(SessionEntry.Ended end) {
    return StopReason.of(end.stopReason()).isUnfinished();
  }

  /** What a conversation ends with, if nothing can follow it. */
  private static Optional<String> lastWord(Session session, Agent agent) {
    for (ChatMessage message : session.messages().reversed()) {
      if (message instanceof AiMessage reply) {
        boolean isLast = message.equals(session.messages().getLast());
        return isLast && !reply.hasToolExecutionRequests()
            ? Optional.of(reply.text() == null ? "" : reply.text())
            : Optional.empty();
      }
      if (!(message instanceof ToolExecutionResultMessage result)) {
        return Optional.empty();
      }
      if (!Boolean.TRUE.equals(result.isError()) && endsRun(result.toolName(), agent)) {
        return Optional.of(result.text());
      }
    }
    return Optional.empty();
  }

  private static boolean endsRun(String tool, Agent agent) {
    return agent.tools().stream().anyMatch(each -> each.endsRun() && each.name().equals(tool));
  }

  /** Takes back what was left of a reply that was broken off: it is asked for again. */
  static void dropBrokenReply(Session session) {
    boolean isBroken =
        session.end().filter(Resumption::isUnfinished).isPresent()
            && session.messages().getLast() instanceof AiMessage reply
            && !reply.hasToolExecutionRequests();
    if (isBroken) {
      session.record(new SessionEntry.Rewound(session.messages().size() - 1));
    }
  }

  /**
   * Whether the call will run as the question shows it, which is how the check and the hooks leave
   * it; not if a hook stops it.
   *
   * @throws IllegalArgumentException if it would run in another way
   */
  private static boolean goesAsAsked(
      Question asked, ToolExecutionRequest call, ToolArgumentsCheck check, Guards guards) {
    if (check.check(call.name(), call.arguments(), false)
            instanceof Checked.Accepted(Tool tool, ToolArguments arguments, var repairs)
        && tool.name().equals(asked.tool())) {
      switch (GuardedCall.of(new ToolCall(call.id(), tool.name(), arguments), check, guards)) {
        case GuardedCall.Stopped stopped -> {
          return false;
        }
        case GuardedCall.Goes(ToolCall goes) -> {
          if (goes.arguments().equals(ToolArguments.parse(asked.arguments()))) {
            return true;
          }
        }
      }
    }
    throw new IllegalArgumentException(
        "The answer is for %s %s, but the call that waits is %s %s: ask again."
            .formatted(asked.tool(), asked.arguments(), call.name(), call.arguments()));
  }

  private static SessionEntry.Answered entry(Answer answer) {
    String call = answer.question().call();
    return switch (answer.decision()) {
      case Decision.Allow() -> new SessionEntry.Answered(call, "allow", "");
      case Decision.AllowChanged(ToolArguments arguments) ->
          new SessionEntry.Answered(call, "change", arguments.json());
      case Decision.Deny(String reason) -> new SessionEntry.Answered(call, "deny", reason);
      case Decision.Ask ask -> throw new IllegalStateException("no answer is a question");
    };
  }

  private static Decision decision(SessionEntry.Answered answer) {
    return switch (answer.decision()) {
      case "allow" -> new Decision.Allow();
      case "change" -> new Decision.AllowChanged(ToolArguments.parse(answer.detail()));
      case "deny" -> new Decision.Deny(answer.detail());
      default ->
          throw new IllegalArgumentException(
              "The session holds an unknown decision: " + answer.decision());
    };
  }
}
