package dev.qwen4j.inference.internal.template;

import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/** The functions that transformers gives chat templates. Public, because the library reflects. */
public final class JinjaFunctions {
  /** What Python's format letters are in Java's patterns. */
  private static final Map<Character, String> PATTERNS =
      Map.ofEntries(
          Map.entry('a', "EEE"),
          Map.entry('A', "EEEE"),
          Map.entry('b', "MMM"),
          Map.entry('B', "MMMM"),
          Map.entry('d', "dd"),
          Map.entry('H', "HH"),
          Map.entry('I', "hh"),
          Map.entry('j', "DDD"),
          Map.entry('m', "MM"),
          Map.entry('M', "mm"),
          Map.entry('p', "a"),
          Map.entry('S', "ss"),
          Map.entry('y', "yy"),
          Map.entry('Y', "yyyy"));

  private JinjaFunctions() {}

  /** {@code raise_exception}: the template refuses the conversation. */
  public static Object fail(String message) {
    throw new IllegalArgumentException(message);
  }

  /** {@code strftime_now}: the present time in Python's format. */
  public static String now(String format) {
    return format(LocalDateTime.now(ZoneId.systemDefault()), format);
  }

  static String format(LocalDateTime time, String format) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      char letter = format.charAt(++i);
      String pattern = PATTERNS.get(letter);
      out.append(
          pattern != null
              ? DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time)
              : letter == '%' ? "%" : "%" + letter);
    }
    return out.toString();
  }
}
