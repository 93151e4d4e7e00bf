package dev.qwen4j.session;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Where a conversation stands after the entries of its journal. */
final class SessionState {
  private String id = "";
  private String instructions = "";
  private final List<ChatMessage> messages = new ArrayList<>();
  private final Set<String> started = new HashSet<>();
  private final Map<String, Question> questions = new LinkedHashMap<>();
  private final Map<String, SessionEntry.Answered> answers = new LinkedHashMap<>();
  private final Map<String, SessionState> parts = new LinkedHashMap<>();
  private SessionEntry.@Nullable Ended end;

  void apply(SessionEntry entry) {
    switch (entry) {
      case SessionEntry.Opened opened -> id = opened.id();
      case SessionEntry.Instructions told -> instructions = told.text();
      case SessionEntry.Message said -> {
        messages.add(said.message());
        end = null;
        if (said.message() instanceof ToolExecutionResultMessage result) {
          forget(result.id());
        } else {
          parts.clear(); // What led to this has become a part of it, or is of no interest any more.
        }
      }
      case SessionEntry.Started call -> started.add(call.call());
      case SessionEntry.Asked asked -> questions.put(asked.question().call(), asked.question());
      case SessionEntry.Answered answer -> answers.put(answer.call(), answer);
      case SessionEntry.Ended ended -> end = ended;
      case SessionEntry.Within(String part, SessionEntry inner) -> part(part).apply(inner);
      case SessionEntry.Compacted compacted -> {
        messages.clear();
        messages.addAll(compacted.messages());
      }
      case SessionEntry.Rewound(int count) -> {
        messages.subList(Math.min(count, messages.size()), messages.size()).clear();
        started.clear();
        questions.clear();
        answers.clear();
        parts.clear();
        end = null;
      }
    }
  }

  private void forget(String call) {
    started.remove(call);
    questions.remove(call);
    answers.remove(call);
    parts.remove(call);
  }

  /** The conversation of this name within this one; an empty one if there is none. */
  SessionState part(String name) {
    return parts.computeIfAbsent(name, unknown -> new SessionState());
  }

  /** How the last run ended, if nothing has been said since. */
  SessionEntry.@Nullable Ended end() {
    return end;
  }

  String id() {
    return id;
  }

  String instructions() {
    return instructions;
  }

  List<ChatMessage> messages() {
    return List.copyOf(messages);
  }

  /** Without those whose own conversation is kept, which can go on. */
  Set<String> started() {
    var lost = new HashSet<>(started);
    lost.removeIf(call -> parts.containsKey(call) && !parts.get(call).messages.isEmpty());
    return lost;
  }

  Map<String, SessionEntry.Answered> answers() {
    return Map.copyOf(answers);
  }

  /** Those without an answer, and those of the conversations within, whose calls have paths. */
  List<Question> questions() {
    var all = new ArrayList<Question>();
    questions.values().stream().filter(q -> !answers.containsKey(q.call())).forEach(all::add);
    parts.forEach((part, state) -> state.questions().forEach(q -> all.add(q.within(part))));
    return all;
  }

  /**
   * Whether the first {@code count} messages are a conversation: no call in them lacks its result.
   */
  boolean isWhole(int count) {
    Set<String> open = new HashSet<>();
    for (ChatMessage message : messages.subList(0, count)) {
      if (message instanceof AiMessage reply) {
        reply.toolExecutionRequests().stream().map(ToolExecutionRequest::id).forEach(open::add);
      } else if (message instanceof ToolExecutionResultMessage result) {
        open.remove(result.id());
      }
    }
    return open.isEmpty();
  }
}
