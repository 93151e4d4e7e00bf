package dev.qwen4j.session;

import dev.langchain4j.data.message.ChatMessage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A conversation that is kept in a file while it goes on: every message is written before it is
 * acknowledged, every tool call before it starts, and nothing is ever overwritten. Killed at any
 * moment, a program finds in the file everything that it has told anybody, and which calls had
 * begun.
 *
 * <p>One process has a session open at a time, and one run at a time goes on in it. Its methods are
 * safe to call from any thread. What cannot be written is an {@link UncheckedIOException}: the run
 * then stops rather than go on unrecorded.
 */
public final class Session implements AutoCloseable {
  private final JournalFile file;
  private final List<SessionEntry> entries;
  private final SessionState own = new SessionState();
  private final @Nullable Session around;
  private final String part;
  private final Object lock; // One for a session and everything within it.

  private Session(JournalFile file) {
    this.file = file;
    this.entries = new ArrayList<>(file.found());
    this.around = null;
    this.part = "";
    this.lock = this;
    entries.forEach(own::apply);
  }

  private Session(Session around, String part) {
    this.file = around.file;
    this.entries = List.of();
    this.around = around;
    this.part = part;
    this.lock = around.lock;
  }

  /**
   * A conversation within this one, such as that of an agent that runs as a tool. It is kept in the
   * same file, until the call that it answers has its result; there is no need to close it.
   */
  public Session part(String name) {
    return new Session(this, name);
  }

  private SessionState state() {
    return around == null ? own : around.state().part(part);
  }

  /**
   * Opens a session, or begins one if there is no such file.
   *
   * @throws IOException if the file is in use, or is no session
   */
  public static Session open(Path file) throws IOException {
    var session = new Session(JournalFile.open(file));
    if (session.entries.isEmpty()) {
      session.record(new SessionEntry.Opened(newId(), Instant.now(), null));
    }
    return session;
  }

  /**
   * Opens a session that there is.
   *
   * @throws IOException if there is none, it is in use, or it is no session
   */
  public static Session openExisting(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(file.toString());
    }
    return open(file);
  }

  /**
   * Looks into a session as it is now, also while another program goes on with it. Nothing can be
   * written to it.
   *
   * @throws IOException if there is none, or it is no session
   */
  public static Session read(Path file) throws IOException {
    return new Session(JournalFile.read(file));
  }

  /**
   * Begins a new session with the first messages of this one. The two then know nothing of each
   * other.
   *
   * @param messages how many messages to take; after them, no call may wait for its result
   * @throws FileAlreadyExistsException if there is such a file
   */
  public Session fork(Path newFile, int messages) throws IOException {
    synchronized (lock) {
      requireWhole(messages);
      if (Files.exists(newFile)) {
        throw new FileAlreadyExistsException(newFile.toString());
      }
      var fork = new Session(JournalFile.open(newFile));
      try {
        fork.record(new SessionEntry.Opened(newId(), Instant.now(), state().id()));
        fork.record(new SessionEntry.Instructions(state().instructions()));
        for (ChatMessage message : messages().subList(0, messages)) {
          fork.record(new SessionEntry.Message(message, null));
        }
        return fork;
      } catch (UncheckedIOException e) { // Half a fork is none.
        fork.close();
        Files.delete(newFile);
        throw e;
      }
    }
  }

  /**
   * Goes back to the first messages of the conversation. The others stay in the file, but no longer
   * count.
   *
   * @param messages how many to keep; after them, no call may wait for its result
   */
  public void rewind(int messages) {
    synchronized (lock) {
      requireWhole(messages);
      record(new SessionEntry.Rewound(messages));
    }
  }

  private void requireWhole(int messages) {
    if (around != null) {
      throw new IllegalStateException("Only a whole session can be forked or rewound.");
    }
    int size = state().messages().size();
    if (messages < 0 || messages > size) {
      throw new IllegalArgumentException(
          "The session has %d messages: expected a number from 0 to %d, but found %d."
              .formatted(size, size, messages));
    }
    if (!state().isWhole(messages)) {
      throw new IllegalArgumentException(
          "After message %d there are calls without results; go to a message before or after them."
              .formatted(messages));
    }
  }

  /** Adds to the journal; agents do this. */
  public void record(SessionEntry entry) {
    if (around != null) {
      around.record(new SessionEntry.Within(part, entry));
      return;
    }
    synchronized (lock) {
      try {
        file.append(EntryJson.write(entry));
        if (mustLast(entry)) {
          file.sync();
        }
      } catch (IOException e) {
        throw new UncheckedIOException(
            file.path() + ": the session cannot be written: " + e.getMessage(), e);
      }
      entries.add(entry);
      own.apply(entry);
    }
  }

  /** Whether it must survive the loss of power, too: what was said, decided, or changes things. */
  private static boolean mustLast(SessionEntry entry) {
    return switch (entry) {
      case SessionEntry.Message said ->
          !(said.message() instanceof dev.langchain4j.data.message.ToolExecutionResultMessage);
      case SessionEntry.Started call -> call.changesState();
      case SessionEntry.Asked asked -> true;
      case SessionEntry.Answered answered -> true;
      case SessionEntry.Ended ended -> true;
      case SessionEntry.Compacted compacted -> true;
      case SessionEntry.Rewound rewound -> true;
      case SessionEntry.Within within -> mustLast(within.entry());
      case SessionEntry.Opened opened -> false;
      case SessionEntry.Instructions told -> false;
    };
  }

  public String id() {
    synchronized (lock) {
      return state().id();
    }
  }

  /** Everything that was written, also what was rewound. */
  public List<SessionEntry> entries() {
    synchronized (lock) {
      if (around == null) {
        return List.copyOf(entries);
      }
      return around.entries().stream()
          .filter(SessionEntry.Within.class::isInstance)
          .map(SessionEntry.Within.class::cast)
          .filter(within -> within.part().equals(part))
          .map(SessionEntry.Within::entry)
          .toList();
    }
  }

  /** What the model was told before everything else, when it was last asked. */
  public String instructions() {
    synchronized (lock) {
      return state().instructions();
    }
  }

  /** The conversation so far, without the instructions. */
  public List<ChatMessage> messages() {
    synchronized (lock) {
      return state().messages();
    }
  }

  /** The questions that wait for an answer. */
  public List<Question> questions() {
    synchronized (lock) {
      return state().questions();
    }
  }

  /** The answers to questions whose calls have no result yet, by call. */
  public Map<String, SessionEntry.Answered> answers() {
    synchronized (lock) {
      return state().answers();
    }
  }

  /** The calls that have begun and have no result: they may have taken effect. */
  public Set<String> startedCalls() {
    synchronized (lock) {
      return state().started();
    }
  }

  /** How the last run ended, if nothing has been said since. */
  public Optional<SessionEntry.Ended> end() {
    synchronized (lock) {
      return Optional.ofNullable(state().end());
    }
  }

  /** The conversation for people to read. */
  public String toMarkdown() {
    synchronized (lock) {
      return SessionText.markdown(state());
    }
  }

  /** The conversation as the {@code messages} of an OpenAI chat request. */
  public String toOpenAiJson() {
    synchronized (lock) {
      return SessionText.openAi(state());
    }
  }

  @Override
  public void close() {
    synchronized (lock) {
      if (around != null) {
        return; // The file is the whole session's.
      }
      try {
        file.close();
      } catch (IOException e) {
        throw new UncheckedIOException(file.path() + ": the session did not close", e);
      }
    }
  }

  private static String newId() {
    return UUID.randomUUID().toString();
  }
}
