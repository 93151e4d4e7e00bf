package dev.qwen4j.dialect;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Finds where a JSON object ends, looking at each character once however the text is cut. It
 * follows strings and nesting only: whether the object is right is for a real parser to say.
 */
final class JsonEnd {
  private final Deque<Character> closers = new ArrayDeque<>();
  private char quote; // 0 outside of strings
  private boolean escaped;

  /** Looks at the next character; true when it closes the object. */
  boolean closes(char c) {
    if (quote != 0) {
      if (escaped) {
        escaped = false;
      } else if (c == '\\') {
        escaped = true;
      } else if (c == quote) {
        quote = 0;
      }
      return false;
    }
    switch (c) {
      case '"', '\'' -> quote = c;
      case '{' -> closers.push('}');
      case '[' -> closers.push(']');
      case '}', ']' -> {
        if (!closers.isEmpty()) {
          closers.pop();
        }
        return closers.isEmpty();
      }
      default -> {}
    }
    return false;
  }

  boolean inString() {
    return quote != 0;
  }

  /** What would close everything that is open now, innermost first. */
  String missing() {
    var all = new StringBuilder();
    closers.forEach(all::append);
    return all.toString();
  }
}
