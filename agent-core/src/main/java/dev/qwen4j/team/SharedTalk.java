package dev.qwen4j.team;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.RunScope;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.Session;
import dev.qwen4j.session.SessionEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The conversation that a team has with its user, for one run: what was said aloud, by whom, and
 * nothing of how anybody came to say it.
 */
final class SharedTalk {
  private static final String SPEAKER = "agent";
  private static final String LAST = "last";

  /** The steps of a kind of team. */
  interface Steps {
    RunResult take(SharedTalk talk, RunScope scope);
  }

  private final List<ChatMessage> said;
  private final RunScope scope;
  private final @Nullable Session session;

  private SharedTalk(List<ChatMessage> said, RunScope scope, @Nullable Session session) {
    this.said = new ArrayList<>(said);
    this.scope = scope;
    this.session = session;
  }

  /** Runs on a conversation that ends with the user's message. */
  static RunResult run(RunScope scope, List<ChatMessage> conversation, Steps steps) {
    if (conversation.isEmpty() || !(conversation.getLast() instanceof UserMessage)) {
      throw new IllegalArgumentException(
          "The last message of a conversation to run must be a UserMessage.");
    }
    return new SharedTalk(conversation, scope, null).run(steps);
  }

  /** Runs on nothing: the members begin. */
  static RunResult begin(RunScope scope, Steps steps) {
    return new SharedTalk(List.of(), scope, null).run(steps);
  }

  /** The same in a session that holds nothing yet. */
  static RunResult begin(RunScope scope, Session session, Steps steps) {
    if (!session.messages().isEmpty()) {
      throw new IllegalArgumentException(
          "The session holds a conversation: resume it, or begin in another session.");
    }
    return new SharedTalk(List.of(), scope, session).run(steps);
  }

  /** Runs on one more message in a session. */
  static RunResult run(RunScope scope, Session session, UserMessage message, Steps steps) {
    var talk = new SharedTalk(session.messages(), scope, session);
    talk.add(message);
    return talk.run(steps);
  }

  /** Goes on with what a session holds, where it stopped. */
  static RunResult resume(RunScope scope, Session session, Steps steps) {
    boolean isOver =
        session.messages().isEmpty()
            || session
                .end()
                .filter(end -> !StopReason.of(end.stopReason()).isUnfinished())
                .isPresent();
    if (isOver) {
      throw new IllegalArgumentException(
          "There is nothing to resume: the conversation is empty or has come to its end. Run it"
              + " with another message of the user's.");
    }
    return new SharedTalk(session.messages(), scope, session).run(steps);
  }

  private RunResult run(Steps steps) {
    scope.tell(new AgentEvent.RunStarted(scope.path(), question()));
    RunResult result = endedBefore().orElseGet(() -> steps.take(this, scope));
    if (session != null) {
      session.record(
          new SessionEntry.Ended(result.stopReason().id(), result.answered(), result.text()));
    }
    scope.tell(new AgentEvent.RunFinished(scope.path(), result));
    return result;
  }

  /** What was said so far. */
  List<ChatMessage> messages() {
    return List.copyOf(said);
  }

  /** What the user said last. */
  String question() {
    return said.reversed().stream()
        .filter(UserMessage.class::isInstance)
        .findFirst()
        .map(SharedTalk::text)
        .orElse("");
  }

  void add(ChatMessage message) {
    if (session != null) {
      session.record(new SessionEntry.Message(message, null));
    }
    said.add(message);
  }

  /** Somebody of the team says something. */
  void say(String speaker, String text) {
    var message = AiMessage.builder().text(text);
    add(message.attributes(Map.of(SPEAKER, speaker)).build());
  }

  /** Somebody says what ends the conversation, which is then known after a crash, too. */
  void sayLast(String speaker, String text) {
    var message = AiMessage.builder().text(text);
    add(message.attributes(Map.of(SPEAKER, speaker, LAST, true)).build());
  }

  /** How it ended, if somebody has said what ends it and the process died thereafter. */
  private Optional<RunResult> endedBefore() {
    return !said.isEmpty()
            && said.getLast() instanceof AiMessage reply
            && reply.attributes().containsKey(LAST)
        ? Optional.of(ended(StopReason.ANSWER, text(reply), true))
        : Optional.empty();
  }

  /** Who said it: a name, or nobody in particular. */
  static Optional<String> speaker(ChatMessage message) {
    return switch (message) {
      case AiMessage reply ->
          Optional.ofNullable(reply.attributes().get(SPEAKER)).map(Object::toString);
      case UserMessage user -> Optional.ofNullable(user.name());
      default -> Optional.empty();
    };
  }

  static String text(ChatMessage message) {
    return switch (message) {
      case AiMessage reply -> reply.text() == null ? "" : reply.text();
      case UserMessage user ->
          user.contents().stream()
              .filter(TextContent.class::isInstance)
              .map(content -> ((TextContent) content).text())
              .collect(Collectors.joining("\n"));
      default -> "";
    };
  }

  /** Ends as the run of a member did, whose words have become the team's. */
  RunResult endedAs(String member, RunResult result) {
    boolean spoke =
        switch (result.stopReason()) {
          case SUSPENDED, BLOCKED, CANCELLED, ERROR -> false;
          case ANSWER, MAX_TURNS, MAX_TOOL_CALLS, MAX_TOKENS, MAX_COST, MAX_TIME, NO_PROGRESS ->
              !result.text().isBlank();
        };
    if (spoke) {
      sayLast(member, result.text());
    }
    return new RunResult(
        result.text(),
        result.answered(),
        result.stopReason(),
        result.failure(),
        scope.spent(),
        result.questions(),
        messages());
  }

  /** Ends with these words, which have been said if they are to be. */
  RunResult ended(StopReason reason, String text, boolean answered) {
    return new RunResult(text, answered, reason, null, scope.spent(), List.of(), messages());
  }

  /** Ends because somebody or something outside the team failed. */
  RunResult failed(Exception failure) {
    return new RunResult(
        "", false, StopReason.ERROR, failure, scope.spent(), List.of(), messages());
  }

  /** Waits for somebody. */
  RunResult waiting(Question question) {
    return new RunResult(
        "", false, StopReason.SUSPENDED, null, scope.spent(), List.of(question), messages());
  }
}
