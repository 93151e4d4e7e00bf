package dev.qwen4j.examples;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.logging.LogManager;

/**
 * What libraries that log through {@code java.util.logging} may say on stderr: warnings and worse.
 * The log manager makes one of these when the first of them logs, so that commands which use none
 * pay nothing for it.
 */
public final class QuietLogs {
  private static final String PROPERTY = "java.util.logging.config.class";
  private static final String CONFIGURATION =
      """
      handlers = java.util.logging.ConsoleHandler
      .level = WARNING
      """;

  /** Called by the log manager. */
  public QuietLogs() throws IOException {
    LogManager.getLogManager()
        .readConfiguration(
            new ByteArrayInputStream(CONFIGURATION.getBytes(StandardCharsets.ISO_8859_1)));
  }

  /** From now on, unless whoever started the JVM has another configuration in mind. */
  static void use() {
    if (System.getProperty(PROPERTY) == null
        && System.getProperty("java.util.logging.config.file") == null) {
      System.setProperty(PROPERTY, QuietLogs.class.getName());
    }
  }
}
