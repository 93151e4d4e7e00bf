package dev.qwen4j.session;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.output.TokenUsage;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A line of a session's journal. What has been written is never changed. */
public sealed interface SessionEntry {
  /**
   * The first line of every journal.
   *
   * @param forkedFrom the id of the session whose beginning was copied, or null
   */
  record Opened(String id, Instant at, @Nullable String forkedFrom) implements SessionEntry {}

  /** What the agent's model is told before everything else; the last one counts. */
  record Instructions(String text) implements SessionEntry {}

  /**
   * Something that was said: by the user, by the model, or by a tool.
   *
   * @param usage what a reply of the model's cost, or null
   */
  record Message(ChatMessage message, @Nullable TokenUsage usage) implements SessionEntry {}

  /** A tool is about to run: from here on, the call may have taken effect. */
  record Started(String call, boolean changesState) implements SessionEntry {}

  /** The run waits for a decision. */
  record Asked(Question question) implements SessionEntry {}

  /**
   * A question has been answered.
   *
   * @param decision {@code allow}, {@code change} or {@code deny}
   * @param detail the reason of a denial, the arguments of a change, else empty
   */
  record Answered(String call, String decision, String detail) implements SessionEntry {}

  /** A run has come to its end, or to a question. */
  record Ended(String stopReason, boolean answered, String text) implements SessionEntry {}

  /** The conversation goes on with these messages instead of all that came before. */
  record Compacted(List<ChatMessage> messages) implements SessionEntry {
    public Compacted {
      messages = List.copyOf(messages);
    }
  }

  /**
   * An entry of a conversation within this one, such as that of an agent that runs as a tool.
   *
   * @param part its name here: the id of the call that it answers, or what a team calls it
   */
  record Within(String part, SessionEntry entry) implements SessionEntry {}

  /** Only the first so many messages count from here on; the others stay in the file. */
  record Rewound(int messages) implements SessionEntry {}
}
