package dev.qwen4j.tools;

import java.util.Locale;
import java.util.Optional;

/**
 * How much a tool may answer at once. Whichever limit is met first ends the answer, and the answer
 * says so: a model that is not told that something is missing believes it saw everything.
 *
 * @param maxLines lines in one answer
 * @param maxCharacters characters (UTF-16 units) in one answer
 * @param maxLineCharacters a longer line is cut, with a mark that says how long it was
 */
record Truncation(int maxLines, int maxCharacters, int maxLineCharacters) {
  /** For files: about five thousand tokens. */
  static final Truncation FILE = new Truncation(1_000, 20_000, 2_000);

  /** For lists of names. */
  static final Truncation NAMES = new Truncation(500, 20_000, 500);

  /** For search results. */
  static final Truncation MATCHES = new Truncation(100, 20_000, 300);

  /** For web pages, where a line is a paragraph. */
  static final Truncation PAGE = new Truncation(1_000, 20_000, 10_000);

  Page page() {
    return new Page(this);
  }

  /** The first {@code length} characters, never half of a surrogate pair. */
  static String head(CharSequence text, int length) {
    if (text.length() <= length) {
      return text.toString();
    }
    int end = Character.isHighSurrogate(text.charAt(length - 1)) ? length - 1 : length;
    return text.subSequence(0, end).toString();
  }

  /** A count as people write it: {@code 12,345}. */
  static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  /** One answer being filled, line by line, until a limit is met. */
  static final class Page {
    private final Truncation limits;
    private final StringBuilder text = new StringBuilder();
    private int lines;
    private Optional<String> limitMet = Optional.empty();

    private Page(Truncation limits) {
      this.limits = limits;
    }

    /**
     * Adds a line unless a limit is met.
     *
     * @param line the line, or at least its first {@link Truncation#maxLineCharacters} + 1
     *     characters
     * @param length how long the line really is
     * @return whether it was added
     */
    boolean add(CharSequence line, long length) {
      if (limitMet.isPresent()) {
        return false;
      }
      String shown = line.toString();
      if (length > limits.maxLineCharacters) {
        String head = head(line, limits.maxLineCharacters);
        shown =
            head + "… [line cut: " + count(head.length()) + " of " + count(length) + " characters]";
      }
      if (lines == limits.maxLines) {
        limitMet = Optional.of(count(limits.maxLines) + " lines");
      } else if (lines > 0 && text.length() + shown.length() > limits.maxCharacters) {
        limitMet = Optional.of(count(limits.maxCharacters) + " characters");
      } else {
        text.append(shown).append('\n');
        lines++;
      }
      return limitMet.isEmpty();
    }

    boolean add(String line) {
      return add(line, line.length());
    }

    /** Lines added so far. */
    int lines() {
      return lines;
    }

    /** Which limit ended this page: {@code "1,000 lines"}; empty while none has. */
    Optional<String> limitMet() {
      return limitMet;
    }

    /** The lines, each ended by a newline. */
    String text() {
      return text.toString();
    }
  }
}
