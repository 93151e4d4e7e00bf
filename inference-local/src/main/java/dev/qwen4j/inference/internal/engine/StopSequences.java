package dev.qwen4j.inference.internal.engine;

import java.util.List;

/**
 * Ends a reply before the first occurrence of any of some texts. What may be the beginning of one
 * is held back until it is certain. One reply, one thread.
 */
public final class StopSequences {
  private final List<String> sequences;
  private final StringBuilder held = new StringBuilder();
  private boolean reached;

  public StopSequences(List<String> sequences) {
    this.sequences = sequences.stream().filter(sequence -> !sequence.isEmpty()).toList();
  }

  /** Whether one has occurred. */
  public boolean reached() {
    return reached;
  }

  /** Takes the next piece of the reply and returns what is certain to belong to it. */
  public String accept(String delta) {
    if (reached) {
      return "";
    }
    held.append(delta);
    int first = -1;
    int possible = held.length();
    for (String sequence : sequences) {
      int at = held.indexOf(sequence);
      if (at >= 0 && (first < 0 || at < first)) {
        first = at;
      }
      possible = Math.min(possible, possibleStart(sequence));
    }
    reached = first >= 0;
    int certain = reached ? first : possible;
    String text = held.substring(0, certain);
    held.delete(0, reached ? held.length() : certain);
    return text;
  }

  /** The reply has ended: returns what was held back. */
  public String finish() {
    String rest = held.toString();
    held.setLength(0);
    return rest;
  }

  /** Where the end of the held text may be the beginning of {@code sequence}. */
  private int possibleStart(String sequence) {
    for (int at = Math.max(0, held.length() - sequence.length() + 1); at < held.length(); at++) {
      if (sequence.startsWith(held.substring(at))) {
        return at;
      }
    }
    return held.length();
  }
}
