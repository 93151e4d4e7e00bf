package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the README says is what the code says. */
class ReadmeTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  @Test
  void theSampleIsTheOneThatCompiles() throws Exception {
    Path source = ROOT.resolve("examples/src/test/java/dev/qwen4j/examples/ReadmeSample.java");
    String compiled = between(Files.readAllLines(source), "// sample", "// end");
    String shown = between(Files.readAllLines(ROOT.resolve("README.md")), "```java", "```");
    assertThat(shown.stripIndent()).isEqualTo(compiled.stripIndent());
  }

  @Test
  void everyFileThatTheMapNamesExists() throws Exception {
    var links =
        java.util.regex.Pattern.compile("\\]\\(([^)#:]+)\\)")
            .matcher(Files.readString(ROOT.resolve("README.md")))
            .results()
            .map(link -> link.group(1))
            .toList();
    assertThat(links).hasSizeGreaterThan(10);
    assertThat(links).allSatisfy(link -> assertThat(ROOT.resolve(link)).exists());
  }

  private static String between(List<String> lines, String start, String end) {
    List<String> block = new ArrayList<>();
    boolean inside = false;
    for (String line : lines) {
      if (inside && line.strip().equals(end)) {
        return String.join("\n", block);
      }
      if (inside) {
        block.add(line);
      }
      inside |= line.strip().equals(start);
    }
    throw new AssertionError("no block from " + start + " to " + end);
  }
}
