package dev.qwen4j.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class ReadFileTest {
  @TempDir Path folder;
  private Path workspace;

  @BeforeEach
  void makeWorkspace() throws IOException {
    workspace = Files.createDirectories(folder.resolve("work"));
  }

  @Test
  void aFileIsReturnedAsItIs() throws Exception {
    write("a.txt", "one\n  two\t\n\nvier €\n");
    ToolResult result = read("{\"path\":\"a.txt\"}");
    assertThat(result.isError()).isFalse();
    assertThat(result.text()).isEqualTo("one\n  two\t\n\nvier €\n");
  }

  @Test
  void aMissingLastNewlineAndWindowsLineEndsMakeNoDifference() throws Exception {
    write("a.txt", "one\r\ntwo");
    assertThat(read("{\"path\":\"a.txt\"}").text()).isEqualTo("one\ntwo\n");
  }

  @Test
  void aLongFileIsCutAndTheAnswerSaysHowToReadOn() throws Exception {
    write("long.txt", lines(1, 5000));
    String text = read("{\"path\":\"long.txt\"}").text();
    assertThat(text)
        .startsWith("line 1\n")
        .contains("\nline 1000\n")
        .doesNotContain("line 1001")
        .endsWith(
            "[Lines 1-1000 of 5000 shown (limit: 1,000 lines)."
                + " To read on, call read_file with offset 1001.]\n");
  }

  @Test
  void offsetAndLimitChooseLines() throws Exception {
    write("long.txt", lines(1, 50));
    assertThat(read("{\"path\":\"long.txt\",\"offset\":49,\"limit\":10}").text())
        .isEqualTo("line 49\nline 50\n[Lines 49-50 of 50 shown.]\n");
    assertThat(read("{\"path\":\"long.txt\",\"offset\":10,\"limit\":2}").text())
        .isEqualTo(
            "line 10\nline 11\n[Lines 10-11 of 50 shown (limit: 2 lines)."
                + " To read on, call read_file with offset 12.]\n");
  }

  @Test
  void anOffsetPastTheEndAndSillyNumbersAreExplained() throws Exception {
    write("a.txt", "one\ntwo\n");
    assertError(read("{\"path\":\"a.txt\",\"offset\":9}"), "has only 2 lines");
    assertError(read("{\"path\":\"a.txt\",\"offset\":-1}"), "'offset' must be at least 0");
    assertError(read("{\"path\":\"a.txt\",\"limit\":0}"), "'limit' must be at least 1");
    assertThat(read("{\"path\":\"a.txt\",\"offset\":0}").text()).isEqualTo("one\ntwo\n");
  }

  @Test
  void charactersAreLimitedToo() throws Exception {
    write("wide.txt", ("x".repeat(999) + "\n").repeat(100));
    String text = read("{\"path\":\"wide.txt\"}").text();
    assertThat(text)
        .hasSizeLessThan(20_500)
        .contains("[Lines 1-20 of 100 shown (limit: 20,000 characters). ")
        .contains("offset 21");
  }

  @Test
  void aVeryLongLineIsCutWithoutSplittingACharacter() throws Exception {
    write("min.js", "a" + "😀".repeat(500_000) + "\nlast\n");
    String text = read("{\"path\":\"min.js\"}").text();
    assertThat(text)
        .hasSizeLessThan(2_200)
        .contains("😀… [line cut: 1,999 of 1,000,001 characters]\nlast\n");
  }

  @Test
  @Timeout(180)
  void aHugeFileWithoutALineEndNeedsLittleMemory() throws Exception {
    Path file = workspace.resolve("huge.txt");
    try (var out = Files.newBufferedWriter(file)) {
      String block = "0123456789abcdef".repeat(4096);
      for (int i = 0; i < 1600; i++) {
        out.write(block);
      }
    }
    assertThat(read("{\"path\":\"huge.txt\"}").text())
        .contains("[line cut: 2,000 of 104,857,600 characters]");
  }

  @Test
  void aBinaryFileIsNotShown() throws Exception {
    Files.write(workspace.resolve("a.png"), new byte[] {(byte) 0x89, 'P', 'N', 'G', 0, 1, 2});
    assertError(read("{\"path\":\"a.png\"}"), "'a.png' is a binary file of 7 bytes");
  }

  @Test
  @Timeout(180)
  void aSparseFileOfManyGigabytesIsSeenToBeBinaryAtOnce() throws Exception {
    try (var file = new RandomAccessFile(workspace.resolve("sparse").toFile(), "rw")) {
      file.setLength(50L << 30);
    }
    assertError(read("{\"path\":\"sparse\"}"), "binary file of 53,687,091,200 bytes");
  }

  @Test
  void byteOrderMarksAreNotShown() throws Exception {
    write("bom.txt", "\uFEFFhello\n");
    assertThat(read("{\"path\":\"bom.txt\"}").text()).isEqualTo("hello\n");
    Files.write(
        workspace.resolve("utf16.txt"), "\uFEFFgrüße\n".getBytes(StandardCharsets.UTF_16LE));
    assertThat(read("{\"path\":\"utf16.txt\"}").text())
        .isEqualTo("grüße\n[utf16.txt is not UTF-8; read as UTF-16LE]\n");
  }

  @Test
  void otherEncodingsAreReadAndReported() throws Exception {
    Files.write(workspace.resolve("gbk.txt"), "中文注释\n".getBytes(Charset.forName("GBK")));
    assertThat(read("{\"path\":\"gbk.txt\"}").text())
        .isEqualTo("中文注释\n[gbk.txt is not UTF-8; read as GB18030]\n");
    Files.write(
        workspace.resolve("latin.txt"), "café à la crème\n".getBytes(StandardCharsets.ISO_8859_1));
    assertThat(read("{\"path\":\"latin.txt\"}").text())
        .isEqualTo("café à la crème\n[latin.txt is not UTF-8; read as windows-1252]\n");
  }

  @Test
  void utf8CutByTheSampleBoundaryIsStillUtf8() throws Exception {
    write("edge.txt", "x".repeat(65_535) + "é\nend\n");
    assertThat(read("{\"path\":\"edge.txt\"}").text()).endsWith("characters]\nend\n");
  }

  @Test
  void anEmptyFileIsSaidToBeEmpty() throws Exception {
    write("empty.txt", "");
    assertThat(read("{\"path\":\"empty.txt\"}").text()).isEqualTo("[empty.txt is empty]");
  }

  @Test
  void aDirectoryAndAMissingFileAreExplained() throws Exception {
    Files.createDirectories(workspace.resolve("src"));
    write("src/Main.java", "class Main {}");
    assertError(read("{\"path\":\"src\"}"), "is a directory. Use list_directory");
    assertError(read("{\"path\":\"src/Mian.java\"}"), "Did you mean src/Main.java?");
    assertError(read("{}"), "Argument 'path' is missing");
  }

  @Test
  void nothingOutsideIsRead() throws Exception {
    Path secret = Files.writeString(folder.resolve("secret.txt"), "root:secret");
    Files.createSymbolicLink(workspace.resolve("link"), secret);
    for (String path :
        new String[] {"/etc/passwd", "../../../../../../etc/passwd", "../secret.txt", "link"}) {
      ToolResult result = read("{\"path\":\"" + path + "\"}");
      assertError(result, "outside the workspace");
      assertThat(result.text()).doesNotContain("root:");
    }
  }

  @Test
  @Timeout(180)
  void aPipeIsNotWaitedFor() throws Exception {
    Path pipe = workspace.resolve("pipe");
    Process process = new ProcessBuilder("mkfifo", pipe.toString()).start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertError(read("{\"path\":\"pipe\"}"), "is not a regular file");
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(workspace.resolve(name), text);
  }

  private ToolResult read(String json) throws Exception {
    return Calls.call(CodingTools.readOnly(workspace), "read_file", json);
  }

  private static String lines(int from, int to) {
    return IntStream.rangeClosed(from, to)
        .mapToObj(i -> "line " + i + "\n")
        .collect(Collectors.joining());
  }

  private static void assertError(ToolResult result, String part) {
    assertThat(result.isError()).as(result.text()).isTrue();
    assertThat(result.text()).contains(part);
  }
}
