package dev.qwen4j.dialect;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What models write between {@code <tool_call>} and the call itself: nothing, the marker once more,
 * a fence, the bracket of a list; or no brace where there should be one.
 */
final class CallOpening {
  static final String CALL = "<tool_call>";
  static final String FENCE = "```";

  private static final Pattern WITHOUT_BRACE = Pattern.compile("[\"'](?:name|arguments)[\"']\\s*:");

  /** What follows. */
  enum Found {
    /** That cannot be told before more comes. */
    UNDECIDED,
    JSON,
    XML,
    /** No call: someone writes about the marker. */
    NOTHING
  }

  private final StringBuilder held;
  private final Markers at;
  private boolean fenced;

  CallOpening(StringBuilder held, Markers at) {
    this.held = held;
    this.at = at;
  }

  /** Whether there was a fence in what was dropped last. */
  boolean isFenced() {
    return fenced;
  }

  /** Drops what does not belong to the call from what is held, if there is a call. */
  Found find() {
    fenced = false;
    for (int first = at.firstInk(0); ; ) {
      if (at.isCut(CoderXml.START, first) || at.isCut(FENCE, first) || at.isCut(CALL, first)) {
        return Found.UNDECIDED;
      }
      if (at.startsWith(CoderXml.START, first)) {
        held.delete(0, first);
        return Found.XML;
      }
      Matcher keys = WITHOUT_BRACE.matcher(held).region(first, held.length());
      if (keys.lookingAt()) {
        held.replace(0, first, "{");
        return Found.JSON;
      }
      if (!at.ended() && keys.hitEnd()) {
        return Found.UNDECIDED;
      }
      int end = endOfWrapping(first);
      if (end > held.length()) {
        return Found.UNDECIDED;
      }
      if (end == first) {
        if (first == held.length() || "{<".indexOf(held.charAt(first)) < 0) {
          return Found.NOTHING;
        }
        held.delete(0, first);
        return Found.JSON;
      }
      first = at.firstInk(end);
    }
  }

  /** Where the next of it ends; {@code first} if there is none, beyond what is held if unknown. */
  private int endOfWrapping(int first) {
    int unknown = held.length() + 1;
    if (at.startsWith(CALL, first)) {
      return first + CALL.length();
    }
    if (at.startsWith(FENCE, first)) {
      int line = held.indexOf("\n", first);
      fenced = true;
      return line >= 0 ? line : at.ended() ? held.length() : unknown;
    }
    if (at.startsWith("[", first)) {
      int next = at.firstInk(first + 1);
      boolean isKnown = next < held.length() || at.ended();
      return isKnown ? at.startsWith("{", next) ? next : first : unknown;
    }
    return first;
  }
}
