package dev.qwen4j.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class SearchFilesTest {
  @TempDir Path workspace;

  @BeforeEach
  void makeFiles() throws IOException {
    write("src/Main.java", "class Main {\n  int answer = 42;\n}\n");
    write("src/deep/Other.java", "class Other {}\n");
    write("README.md", "# Main\nThe answer is 42.\n");
  }

  @Test
  void matchesAreGivenAsPathLineAndText() throws Exception {
    assertThat(search("{\"pattern\":\"answer.*42\"}").text())
        .isEqualTo("README.md:2:The answer is 42.\nsrc/Main.java:2:  int answer = 42;\n");
  }

  @Test
  void globAndPathNarrowTheSearch() throws Exception {
    String both = "src/Main.java:1:class Main {\nsrc/deep/Other.java:1:class Other {}\n";
    assertThat(search("{\"pattern\":\"class\",\"glob\":\"*.java\"}").text()).isEqualTo(both);
    assertThat(search("{\"pattern\":\"class\",\"glob\":\"**/*.java\"}").text()).isEqualTo(both);
    assertThat(search("{\"pattern\":\"class\",\"glob\":\"src/**/*.java\"}").text()).isEqualTo(both);
    assertThat(search("{\"pattern\":\"class\",\"glob\":\"src/*.java\"}").text())
        .isEqualTo("src/Main.java:1:class Main {\n");
    assertThat(search("{\"pattern\":\"class\",\"path\":\"src/deep\"}").text())
        .isEqualTo("src/deep/Other.java:1:class Other {}\n");
    assertThat(search("{\"pattern\":\"class\",\"path\":\"src/Main.java\"}").text())
        .isEqualTo("src/Main.java:1:class Main {\n");
  }

  @Test
  void caseCanBeIgnored() throws Exception {
    assertThat(search("{\"pattern\":\"CLASS main\"}").text()).contains("No line matches");
    assertThat(search("{\"pattern\":\"CLASS main\",\"ignore_case\":true}").text())
        .isEqualTo("src/Main.java:1:class Main {\n");
  }

  @Test
  void foldersOfMachinesAndBinaryFilesAndLinksAreSkipped() throws Exception {
    write(".git/config", "needle\n");
    write("target/out.txt", "needle\n");
    write("node_modules/a/index.js", "needle\n");
    write("binary.bin", "needle\0\n");
    write(".github/ci.yml", "needle\n");
    Files.createSymbolicLink(workspace.resolve("link"), workspace.resolve("target"));
    assertThat(search("{\"pattern\":\"needle\"}").text()).isEqualTo(".github/ci.yml:1:needle\n");
    assertThat(search("{\"pattern\":\"needle\",\"path\":\"target\"}").text())
        .isEqualTo("target/out.txt:1:needle\n");
  }

  @Test
  void nothingFoundSaysHowMuchWasSearched() throws Exception {
    assertThat(search("{\"pattern\":\"zebra\"}").text())
        .isEqualTo("[No line matches zebra in 3 files searched]\n");
  }

  @Test
  void anInvalidPatternIsExplainedWithItsLiteralForm() throws Exception {
    ToolResult result = search("{\"pattern\":\"foo(bar[0]\"}");
    assertThat(result.isError()).isTrue();
    assertThat(result.text())
        .contains("not a valid regular expression: Unclosed group")
        .endsWith("To find exactly this text, pass foo\\(bar\\[0\\]");
    assertThat(search("{\"pattern\":\"\"}").isError()).isTrue();
    assertThat(search("{\"pattern\":\"x\",\"glob\":\"{a\"}").text()).contains("not a valid glob");
  }

  @Test
  void manyMatchesAreCut() throws Exception {
    write("many.txt", "needle\n".repeat(500));
    assertThat(search("{\"pattern\":\"needle\"}").text())
        .contains("many.txt:100:needle\n[Search stopped early (limit: 100 lines)")
        .doesNotContain("many.txt:101");
  }

  @Test
  void aLongLineIsShownAroundItsMatch() throws Exception {
    write("min.js", "x".repeat(9_000) + "needle" + "y".repeat(9_000) + "\n");
    String text = search("{\"pattern\":\"needle\"}").text();
    assertThat(text).hasSizeLessThan(400).startsWith("min.js:1:…xxx").contains("needleyyy");
  }

  @Test
  @Timeout(120)
  void aPatternThatBacktracksForEverIsStopped() throws Exception {
    write("evil.txt", "a".repeat(60) + "!\n");
    ToolResult result = search("{\"pattern\":\"(a+)+\\\\1b\",\"path\":\"evil.txt\"}");
    assertThat(result.isError()).isTrue();
    assertThat(result.text()).contains("takes too long on evil.txt:1").contains("simpler");
  }

  @Test
  void aPatternThatOverflowsTheStackIsAnError() throws Exception {
    write("deep.txt", "ab".repeat(9_000) + "\n");
    ToolResult result = search("{\"pattern\":\"(a|b)*c\",\"path\":\"deep.txt\"}");
    assertThat(result.isError()).isTrue();
    assertThat(result.text()).contains("takes too long on deep.txt:1");
  }

  @Test
  void aCancelledSearchEnds() {
    var cancellation = new Cancellation();
    cancellation.cancel();
    var context = new ToolContext(cancellation, Instant.now().plusSeconds(30));
    assertThatThrownBy(
            () ->
                Calls.call(
                    CodingTools.readOnly(workspace),
                    "search_files",
                    "{\"pattern\":\"x\"}",
                    context))
        .isInstanceOf(InterruptedException.class);
  }

  @Test
  void aPassedDeadlineGivesWhatWasFoundAndSaysSo() throws Exception {
    var context = new ToolContext(new Cancellation(), Instant.now().minusSeconds(1));
    assertThat(
            Calls.call(
                    CodingTools.readOnly(workspace), "search_files", "{\"pattern\":\"x\"}", context)
                .text())
        .contains("[Search stopped early (time ran out)");
  }

  private void write(String name, String text) throws IOException {
    Path file = workspace.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private ToolResult search(String json) throws Exception {
    return Calls.call(CodingTools.readOnly(workspace), "search_files", json);
  }
}
