package dev.qwen4j.dialect;

import java.util.function.Consumer;

/**
 * Says the text of a reply. White space next to a marker belongs to the marker, so it is kept back
 * until other text follows, and dropped if none does.
 */
final class SpokenText {
  private final StringBuilder space = new StringBuilder();
  private boolean holdingSpace = true;
  private boolean afterThinking;
  private boolean begun;

  /** Says the first {@code length} characters of {@code held}, which stay there. */
  void say(StringBuilder held, int length, Consumer<OutputEvent> out) {
    int from = 0;
    if (holdingSpace) {
      while (from < length && Character.isWhitespace(held.charAt(from))) {
        from++;
      }
      space.append(held, 0, from);
    }
    if (from == length) {
      return;
    }
    if (afterThinking) {
      space.delete(0, space.lastIndexOf("\n") + 1);
      afterThinking = false;
    }
    out.accept(new OutputEvent.Text(space + held.substring(from, length)));
    space.setLength(0);
    holdingSpace = false;
    begun = true;
  }

  /** Says the thought in {@code held} up to {@code length}; returns how much of it was certain. */
  int think(StringBuilder held, int length, Consumer<OutputEvent> out) {
    int from = 0;
    while (holdingSpace && from < length && Character.isWhitespace(held.charAt(from))) {
      from++;
    }
    int to = length;
    while (to > from && Character.isWhitespace(held.charAt(to - 1))) {
      to--;
    }
    if (to == from) {
      return from;
    }
    out.accept(new OutputEvent.Thinking(held.substring(from, to)));
    holdingSpace = false;
    return to;
  }

  /** Whether any text has been said. */
  boolean hasBegun() {
    return begun;
  }

  /** A marker has come: white space after it may be its own. */
  void holdSpace() {
    holdingSpace = true;
  }

  /** What comes now is text, white space and all. */
  void releaseSpace() {
    holdingSpace = false;
  }

  /** A marker follows: the white space before it was its own. */
  void dropSpace() {
    space.setLength(0);
  }

  /** Thinking has ended: the line breaks after it are not of the text. */
  void followThinking() {
    afterThinking = true;
  }

  /** A call has come: what follows it does not follow thinking. */
  void followCall() {
    dropSpace();
    afterThinking = false;
  }
}
