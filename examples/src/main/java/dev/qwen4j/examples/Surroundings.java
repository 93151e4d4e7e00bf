package dev.qwen4j.examples;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/**
 * Everything of the process that a command touches, so that a test can run the real commands with
 * other streams and another environment.
 *
 * @param terminals which of {@code in}, {@code out} and {@code err} are terminals, as a string such
 *     as {@code "in,out,err"}
 */
record Surroundings(
    InputStream in,
    PrintStream out,
    PrintStream err,
    Map<String, String> environment,
    String terminals) {

  /** Those of this process. The launcher says what it found out about them. */
  static Surroundings ofProcess() {
    PrintStream out = utf8(new FileOutputStream(FileDescriptor.out));
    return new Surroundings(
        System.in, out, stderr(), System.getenv(), System.getProperty("qwen4j.terminals", ""));
  }

  /** An environment variable that is set and not blank. */
  Optional<String> variable(String name) {
    return Optional.ofNullable(environment.get(name)).map(String::strip).filter(v -> !v.isEmpty());
  }

  boolean isTerminal(String stream) {
    return terminals.contains(stream);
  }

  /** Whether {@code stream} is a terminal that shows colours to someone who wants them. */
  boolean hasColour(String stream) {
    return isTerminal(stream)
        && variable("NO_COLOR").isEmpty()
        && !"dumb".equals(environment.get("TERM"));
  }

  /** Whether to show stack traces, which otherwise never reach a user. */
  boolean debugging() {
    return variable("QWEN4J_DEBUG").isPresent();
  }

  /** One line for a person. */
  void complain(String message) {
    err.println("qwen4j: " + OneLine.of(message));
    err.flush();
  }

  /**
   * The JVM prints a warning about the Vector API before any code of ours runs, so the launcher
   * starts it with stderr parked on another descriptor, and here it is taken up again. Opening
   * {@code /dev/fd/3} would not do: on a file it has a position of its own, and what the shell
   * writes later would go over our lines.
   */
  private static PrintStream stderr() {
    Integer parked = Integer.getInteger("qwen4j.stderr");
    if (parked == null) {
      return utf8(new FileOutputStream(FileDescriptor.err));
    }
    try {
      FileDescriptor descriptor = new FileDescriptor();
      Field number = FileDescriptor.class.getDeclaredField("fd");
      number.setAccessible(true); // The launcher opens java.io for this.
      number.setInt(descriptor, parked);
      PrintStream err = utf8(new FileOutputStream(descriptor));
      System.setErr(err);
      return err;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this JVM does not let stderr be descriptor " + parked, e);
    }
  }

  private static PrintStream utf8(FileOutputStream stream) {
    return new PrintStream(stream, false, StandardCharsets.UTF_8);
  }
}
