package dev.qwen4j.inference.internal.tokenizer;

import java.util.List;

/**
 * Cuts text into the pieces within which BPE merges, by a scanner that follows the published
 * patterns alternative by alternative:
 *
 * <pre>
 * qwen2   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*
 *         |\s*[\r\n]+|\s+(?!\S)|\s+
 * qwen35  the same with [\p{L}\p{M}]+ for a word and marks not counting as punctuation
 * </pre>
 *
 * <p>Here {@code \s} is Unicode White_Space and the contractions fold case as Unicode does ({@code
 * 'ſ} is {@code 's}): that is what HuggingFace's regex engine does with these patterns. Linear in
 * the text's length.
 */
final class PreTokenizer {
  private static final byte LETTER = 0;
  private static final byte NUMBER = 1;
  private static final byte SPACE = 2;
  private static final byte LINE_BREAK = 3;
  private static final byte MARK = 4;
  private static final byte OTHER = 5;

  private static final int ASCII = 128;

  private final boolean marksInWords;
  private final byte[] asciiKinds = new byte[ASCII];

  private PreTokenizer(boolean marksInWords) {
    this.marksInWords = marksInWords;
    for (int c = 0; c < ASCII; c++) {
      asciiKinds[c] = classify(c);
    }
  }

  /**
   * The scanner that a vocabulary asks for.
   *
   * @throws IllegalArgumentException if {@code pre} is not one of Qwen's
   */
  static PreTokenizer named(String pre) {
    return switch (pre) {
      case "qwen2" -> new PreTokenizer(false);
      case "qwen35" -> new PreTokenizer(true);
      default ->
          throw new IllegalArgumentException(
              "tokenizer.ggml.pre: expected one of "
                  + List.of("qwen2", "qwen35")
                  + ", found \""
                  + pre
                  + "\"; take a checkpoint of Qwen 1.5 or later, or convert it again");
    };
  }

  /** Where the piece that starts at {@code start} ends. */
  int end(String text, int start) {
    int c = text.codePointAt(start);
    int next = start + Character.charCount(c);
    if (c == '\'') {
      int length = contraction(text, next);
      if (length > 0) {
        return next + length;
      }
    }
    byte kind = kind(c);
    if (isWord(kind)) {
      return endOfWord(text, next);
    }
    if (kind != NUMBER && kind != LINE_BREAK && isWord(kindAt(text, next))) {
      return endOfWord(text, next);
    }
    if (kind == NUMBER) {
      return next;
    }
    if (isPunctuation(kind)) {
      return endOfPunctuation(text, next);
    }
    if (c == ' ' && isPunctuation(kindAt(text, next))) {
      return endOfPunctuation(text, next);
    }
    return endOfSpace(text, start);
  }

  /** How many characters after an apostrophe belong to a contraction. */
  private static int contraction(String text, int at) {
    if (at >= text.length()) {
      return 0;
    }
    char second = at + 1 < text.length() ? lower(text.charAt(at + 1)) : 0;
    return switch (lower(text.charAt(at))) {
      case 's', 't', 'm', 'd' -> 1;
      case 'r', 'v' -> second == 'e' ? 2 : 0;
      case 'l' -> second == 'l' ? 2 : 0;
      default -> 0;
    };
  }

  private static char lower(char c) {
    return c == 'ſ' ? 's' : c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
  }

  private int endOfWord(String text, int at) {
    int end = at;
    while (isWord(kindAt(text, end))) {
      end += Character.charCount(text.codePointAt(end));
    }
    return end;
  }

  private int endOfPunctuation(String text, int at) {
    int end = at;
    while (isPunctuation(kindAt(text, end))) {
      end += Character.charCount(text.codePointAt(end));
    }
    while (kindAt(text, end) == LINE_BREAK) {
      end++;
    }
    return end;
  }

  /** White space up to its last line break; else all but the last, which the next piece takes. */
  private int endOfSpace(String text, int start) {
    int end = start;
    int afterLineBreak = -1;
    for (byte kind = kindAt(text, end); kind == SPACE || kind == LINE_BREAK; ) {
      end++; // all white space is in the basic plane
      if (kind == LINE_BREAK) {
        afterLineBreak = end;
      }
      kind = kindAt(text, end);
    }
    if (afterLineBreak >= 0) {
      return afterLineBreak;
    }
    return end == text.length() || end == start + 1 ? end : end - 1;
  }

  private boolean isWord(byte kind) {
    return kind == LETTER || (marksInWords && kind == MARK);
  }

  private boolean isPunctuation(byte kind) {
    return kind == OTHER || (!marksInWords && kind == MARK);
  }

  /** The kind of the character at {@code at}, -1 at the end. */
  private byte kindAt(String text, int at) {
    return at < text.length() ? kind(text.codePointAt(at)) : -1;
  }

  private byte kind(int c) {
    return c < ASCII ? asciiKinds[c] : classify(c);
  }

  private static byte classify(int c) {
    return switch (Character.getType(c)) {
      case Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER ->
          LETTER;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
          NUMBER;
      case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK ->
          MARK;
      case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
          SPACE;
      default ->
          c == '\n' || c == '\r'
              ? LINE_BREAK
              : c == '\t' || c == 0x0B || c == '\f' || c == 0x85 ? SPACE : OTHER;
    };
  }
}
