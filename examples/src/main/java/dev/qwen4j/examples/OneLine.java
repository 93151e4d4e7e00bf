package dev.qwen4j.examples;

/** Makes one readable line of anything. */
final class OneLine {
  private static final int LONGEST = 2_000;

  private OneLine() {}

  /** The text with its line breaks as spaces, cut where nobody would read on. */
  static String of(String text) {
    return cut(text.strip().replaceAll("\\s*[\\r\\n]+\\s*", " "), LONGEST);
  }

  /** What went wrong, for a person: the message, or the kind of failure when there is none. */
  static String of(Throwable failure) {
    String message = failure.getMessage();
    if (failure instanceof OutOfMemoryError) {
      return "out of memory ("
          + message
          + "); give the JVM more, as in QWEN4J_JAVA_OPTS=-Xmx8g, or use a shorter context";
    }
    if (failure instanceof java.nio.file.NoSuchFileException) {
      return "no such file: " + message;
    }
    if (failure instanceof java.nio.file.FileAlreadyExistsException) {
      return message + " is there already; choose another name, or delete it";
    }
    if (failure instanceof java.nio.file.AccessDeniedException) {
      return "may not read " + message;
    }
    String kind = failure.getClass().getSimpleName();
    if (message == null || message.isBlank()) {
      return kind;
    }
    return of(failure instanceof Error || isBug(failure) ? kind + ": " + message : message);
  }

  /** At most {@code length} characters, never half of a surrogate pair. */
  static String cut(String text, int length) {
    if (text.length() <= length) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(length - 1)) ? length - 1 : length;
    return text.substring(0, end) + "…";
  }

  private static boolean isBug(Throwable failure) {
    return failure instanceof NullPointerException
        || failure instanceof IndexOutOfBoundsException
        || failure instanceof ClassCastException;
  }
}
