package dev.qwen4j.session;

import dev.langchain4j.data.message.UserMessage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/**
 * A program that writes long messages to a session until there is no more room, then short ones
 * until there is none for those either, and then tries to fork it, which takes a little more room.
 * Ends with 0 if the fork fails and all the rest goes as it should.
 */
final class FullDisk {
  static final String LONG = "long ".repeat(2000);
  static final String SHORT = "short";

  private FullDisk() {}

  public static void main(String[] args) throws IOException {
    try (Session session = Session.open(Path.of(args[0]))) {
      int longOnes = fill(session, LONG);
      int shortOnes = fill(session, SHORT);
      if (longOnes == 0 || shortOnes == 0) {
        throw new IllegalStateException(longOnes + " long ones fit, and " + shortOnes + " short");
      }
      try {
        session.fork(Path.of(args[1]), longOnes + shortOnes).close();
      } catch (UncheckedIOException noRoom) {
        return;
      }
      throw new IllegalStateException("there is room for a fork");
    }
  }

  /** Returns how many messages fit. */
  private static int fill(Session session, String text) {
    int before = session.messages().size();
    try {
      while (true) {
        session.record(new SessionEntry.Message(UserMessage.from(text), null));
      }
    } catch (UncheckedIOException noRoom) {
      return session.messages().size() - before;
    }
  }
}
