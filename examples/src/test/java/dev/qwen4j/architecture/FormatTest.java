package dev.qwen4j.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Every source is as google-java-format writes it. A test and not a Maven plugin, because a plugin
 * runs in Maven's own JVM, which may be 17 and then cannot parse the language of 21.
 */
class FormatTest {
  private static final boolean APPLY = Boolean.getBoolean("format.apply");

  @Test
  void everySourceIsFormatted() throws Exception {
    List<Path> unformatted = new ArrayList<>();
    for (Path source : Repository.javaSources()) {
      String before = Files.readString(source);
      String after = format(source, before);
      if (!after.equals(before)) {
        unformatted.add(Repository.root().relativize(source));
        if (APPLY) {
          Files.writeString(source, after);
        }
      }
    }
    if (!APPLY) {
      assertThat(unformatted)
          .as("not formatted; run: mvn -q verify -Dtest=FormatTest -Dformat.apply=true")
          .isEmpty();
    }
  }

  private static String format(Path source, String text) throws IOException {
    try {
      return new Formatter().formatSourceAndFixImports(text);
    } catch (FormatterException e) {
      throw new IOException("cannot format " + source + ": " + e.getMessage(), e);
    }
  }
}
