package dev.qwen4j.testing;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.session.SessionEntry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One run as a journal has it: from a message of the user's to the next.
 *
 * @param before the conversation that it began with
 * @param entries everything after the user's message
 */
record RecordedRun(List<ChatMessage> before, UserMessage input, List<SessionEntry> entries) {
  RecordedRun {
    before = List.copyOf(before);
  }

  /** The runs of a journal in order; each starts from the conversation as it stood then. */
  static List<RecordedRun> in(List<SessionEntry> journal) {
    var runs = new ArrayList<RecordedRun>();
    var conversation = new ArrayList<ChatMessage>();
    for (SessionEntry entry : journal) {
      switch (entry) {
        case SessionEntry.Message said when said.message() instanceof UserMessage user -> {
          runs.add(new RecordedRun(conversation, user, new ArrayList<>()));
          conversation.add(user);
        }
        case SessionEntry.Message said -> {
          conversation.add(said.message());
          add(runs, entry);
        }
        case SessionEntry.Compacted compacted -> {
          conversation.clear();
          conversation.addAll(compacted.messages());
        }
        case SessionEntry.Rewound(int messages) ->
            conversation
                .subList(Math.min(messages, conversation.size()), conversation.size())
                .clear();
        case SessionEntry.Started started -> add(runs, entry);
        case SessionEntry.Answered answered -> add(runs, entry);
        case SessionEntry.Ended ended -> add(runs, entry);
        case SessionEntry.Asked asked -> {}
        case SessionEntry.Opened opened -> {}
        case SessionEntry.Instructions told -> {}
        case SessionEntry.Within within -> {} // Its result is among the messages.
      }
    }
    return List.copyOf(runs);
  }

  private static void add(List<RecordedRun> runs, SessionEntry entry) {
    if (!runs.isEmpty()) {
      runs.getLast().entries().add(entry);
    }
  }

  /** Up to its last end: what follows that was done by the run after it. */
  private List<SessionEntry> counted() {
    for (int last = entries.size() - 1; last >= 0; last--) {
      if (entries.get(last) instanceof SessionEntry.Ended) {
        return entries.subList(0, last + 1);
      }
    }
    return entries;
  }

  private <T extends SessionEntry> List<T> all(Class<T> kind) {
    return counted().stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  /** Everything that was said after the input. */
  List<ChatMessage> said() {
    return all(SessionEntry.Message.class).stream().map(SessionEntry.Message::message).toList();
  }

  /** What the model replied, in order. */
  List<SessionEntry.Message> replies() {
    List<SessionEntry.Message> replies =
        all(SessionEntry.Message.class).stream()
            .filter(said -> said.message() instanceof AiMessage)
            .toList();
    return endsWithoutReply() ? replies.subList(0, replies.size() - 1) : replies;
  }

  /** Whether the last reply is the loop's own, because the model had nothing to say. */
  boolean endsWithoutReply() {
    List<SessionEntry.Ended> ends = all(SessionEntry.Ended.class);
    return !ends.isEmpty()
        && !ends.getLast().answered()
        && (ends.getLast().text().startsWith("Stopped by ")
            || ends.getLast().text().startsWith("The model replied with nothing"))
        && said().getLast() instanceof AiMessage last
        && ends.getLast().text().equals(last.text());
  }

  /** The results that tools gave, by call; other calls have theirs from the loop. */
  Map<String, ToolExecutionResultMessage> results() {
    Set<String> started = new HashSet<>();
    all(SessionEntry.Started.class).forEach(call -> started.add(call.call()));
    boolean isCopied = all(SessionEntry.Ended.class).isEmpty(); // A fork has only the messages.
    Map<String, ToolExecutionResultMessage> results = new HashMap<>();
    for (ChatMessage said : said()) {
      if (said instanceof ToolExecutionResultMessage result
          && (isCopied || started.contains(result.id()))) {
        results.put(result.id(), result);
      }
    }
    return results;
  }

  /** What people decided, by call. */
  Map<String, SessionEntry.Answered> answers() {
    Map<String, SessionEntry.Answered> answers = new HashMap<>();
    all(SessionEntry.Answered.class).forEach(answer -> answers.put(answer.call(), answer));
    return answers;
  }

  /** Whether it came to an end that comes again, rather than being killed or out of time. */
  boolean isWhole() {
    return !Set.of("", "cancelled", "error", "max_time").contains(stopReason());
  }

  /** Why it ended, the last time if it was suspended in between; empty if it was killed. */
  String stopReason() {
    List<SessionEntry.Ended> ends = all(SessionEntry.Ended.class);
    return ends.isEmpty() ? "" : ends.getLast().stopReason();
  }
}
