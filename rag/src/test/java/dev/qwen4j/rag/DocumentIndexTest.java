package dev.qwen4j.rag;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.rag.query.Query;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(600)
class DocumentIndexTest {
  @TempDir Path folder;
  private Path docs;
  private DocumentIndex index;

  @BeforeEach
  void open() throws IOException {
    docs = Files.createDirectories(folder.resolve("docs"));
    index = DocumentIndex.open(folder.resolve("index"));
  }

  @AfterEach
  void close() throws IOException {
    index.close();
  }

  @Test
  void anEmptyIndexFindsNothing() throws Exception {
    assertThat(index.search("anything", 5)).isEmpty();
    assertThat(call("{\"query\":\"anything\"}").text()).contains("No passage matches");
  }

  @Test
  void aPassageIsFoundByItsWordsAndTheirEnglishForms() throws Exception {
    write("kernel.md", "# Kernels\n\nDecoding is bounded by memory bandwidth.\n");
    write("cooking.txt", "Boil the potatoes for twenty minutes.\n");
    assertThat(index.add(docs)).isEqualTo(new AddReport(2, 0, 0, 0, List.of()));
    Passage best = index.search("what bounds decode", 5).getFirst();
    assertThat(best.name()).isEqualTo("docs/kernel.md");
    assertThat(best.heading()).isEqualTo("Kernels");
    assertThat(best.citation()).isEqualTo("docs/kernel.md, lines 1-3, Kernels");
    assertThat(index.search("potato", 5)).hasSize(1);
    assertThat(index.search("zebra", 5)).isEmpty();
  }

  @Test
  void chineseTextIsFoundByItsWords() throws Exception {
    write("zh.md", "# 安装\n\n首先下载模型文件，然后运行启动脚本。\n\n# 性能\n\n解码速度受内存带宽限制。\n");
    write("en.md", "Download the model first.\n");
    write("food.txt", "先把土豆煮二十分钟，再加入盐和胡椒调味。\n");
    index.add(docs);
    assertThat(index.search("内存带宽", 5).getFirst().heading()).isEqualTo("性能");
    assertThat(index.search("怎样下载模型？", 5).getFirst().heading()).isEqualTo("安装");
    assertThat(index.search("土豆", 5))
        .singleElement()
        .extracting(Passage::name)
        .isEqualTo("docs/food.txt");
  }

  @Test
  void aShortQueryMeetsTheSentenceThatTheSegmenterCutsOtherwise() throws Exception {
    write("zh.txt", "解码速度受内存带宽限制。\n");
    write("ja.txt", "メモリ帯域幅が速度を制限します。\n");
    index.add(docs);
    assertThat(index.search("内存", 5)).hasSize(1);
    assertThat(index.search("帯域幅", 5)).hasSize(1);
  }

  @Test
  void chineseInAnotherEncodingIsRead() throws Exception {
    Files.write(docs.resolve("gbk.txt"), "解码速度受内存带宽限制。\n".getBytes(Charset.forName("GBK")));
    index.add(docs);
    assertThat(index.search("内存", 5)).hasSize(1);
  }

  @Test
  void theSpanOfAPassageIsExactlyItsText() throws Exception {
    var text = new StringBuilder("\uFEFFIntro before any heading.\r\n\r\n");
    for (int i = 1; i <= 40; i++) {
      text.append("## Part ").append(i).append("\r\n\r\n");
      for (int j = 0; j < i; j++) {
        text.append("Sentence number ").append(j).append(" 😀 of part ").append(i).append(". ");
      }
      text.append("\r\n\r\n```\ncode ").append(i).append("\n\n# not a heading\n```\n\n");
    }
    write("long.md", text.toString());
    index.add(docs);
    String decoded = text.substring(1);
    List<Passage> passages = index.search("sentence part code intro", 1000);
    assertThat(passages).hasSizeGreaterThan(40);
    for (Passage passage : passages) {
      Passage.Span span = passage.span();
      assertThat(decoded.substring(span.start(), span.end())).isEqualTo(passage.text());
      assertThat(span.firstLine()).isEqualTo(1 + newlines(decoded.substring(0, span.start())));
      assertThat(span.lastLine()).isEqualTo(1 + newlines(decoded.substring(0, span.end() - 1)));
      assertThat(passage.text().length()).isLessThanOrEqualTo(Chunker.MOST);
    }
    assertThat(passages).extracting(Passage::heading).doesNotContain("not a heading");
  }

  @Test
  void htmlIsReadAsTextAndItsSpanIsItsSource() throws Exception {
    String html =
        """
        <html><head><title>T</title><script>var zebra;</script></head><body>
        <nav>zebra menu</nav>
        <h1>Installing <em>it</em></h1>
        <p>Download the <b>big</b> model &amp; run it.</p>
        <ul><li>first step</li><li>second step</li></ul>
        <h2>Speed</h2><p>Bandwidth is the limit.</p>
        </body></html>
        """;
    write("page.html", html);
    index.add(docs);
    Passage passage = index.search("download model", 5).getFirst();
    assertThat(passage.text())
        .isEqualTo(
            "Installing it\n\nDownload the big model & run it.\n\nfirst step\n\nsecond step");
    assertThat(passage.heading()).isEqualTo("Installing it");
    assertThat(html.substring(passage.span().start(), passage.span().end()))
        .startsWith("Installing <em>")
        .endsWith("<li>second step");
    assertThat(passage.span().firstLine()).isEqualTo(3);
    assertThat(passage.span().lastLine()).isEqualTo(5);
    assertThat(index.search("bandwidth", 5).getFirst().heading())
        .isEqualTo("Installing it > Speed");
    assertThat(index.search("zebra", 5)).isEmpty();
  }

  @Test
  void onlyWhatChangedIsTakenUpAgain() throws Exception {
    write("a.txt", "apples\n");
    write("b.txt", "bananas\n");
    index.add(docs);
    assertThat(index.add(docs)).isEqualTo(new AddReport(0, 0, 2, 0, List.of()));
    write("b.txt", "cherries\n");
    write("c.txt", "dates\n");
    assertThat(index.add(docs)).isEqualTo(new AddReport(1, 1, 1, 0, List.of()));
    assertThat(index.search("bananas", 5)).isEmpty();
    assertThat(index.search("cherries", 5)).hasSize(1);
  }

  @Test
  void vanishedFilesAreDroppedButOthersStay() throws Exception {
    write("a.txt", "apples\n");
    write("sub/b.txt", "bananas\n");
    write("sub/c.txt", "cherries\n");
    index.add(docs);
    Files.delete(docs.resolve("sub/b.txt"));
    assertThat(index.add(docs.resolve("sub"))).isEqualTo(new AddReport(0, 0, 1, 1, List.of()));
    assertThat(index.search("bananas", 5)).isEmpty();
    assertThat(index.search("apples", 5)).hasSize(1);
    Files.delete(docs.resolve("a.txt"));
    assertThat(index.add(docs.resolve("a.txt")).removed()).isEqualTo(1);
    assertThat(index.search("apples", 5)).isEmpty();
  }

  @Test
  void aFileThatBecameUnreadableAsTextIsDropped() throws Exception {
    write("a.txt", "apples\n");
    index.add(docs);
    write("a.txt", "apples\0");
    assertThat(index.add(docs))
        .isEqualTo(new AddReport(0, 0, 0, 1, List.of(docs.resolve("a.txt"))));
    assertThat(index.search("apples", 5)).isEmpty();
  }

  @Test
  void hiddenFilesAndFoldersOfMachinesAreLeftOut() throws Exception {
    write(".secret.txt", "needle\n");
    write(".git/a.txt", "needle\n");
    write("node_modules/a.md", "needle\n");
    write("image.png", "needle\n");
    write("a.txt", "needle\n");
    assertThat(index.add(docs).added()).isEqualTo(1);
    assertThat(index.add(docs.resolve("image.png")).added()).as("named by the user").isEqualTo(1);
  }

  @Test
  void anIndexIsStillThereWhenOpenedAgain() throws Exception {
    write("a.txt", "apples\n");
    index.add(docs);
    index.close();
    index = DocumentIndex.open(folder.resolve("index"));
    assertThat(index.search("apple", 5)).hasSize(1);
    assertThat(index.add(docs).unchanged()).isEqualTo(1);
  }

  @Test
  void anotherReaderSeesWhatIsAdded() throws Exception {
    try (DocumentIndex reader = DocumentIndex.open(folder.resolve("index"))) {
      write("a.txt", "apples\n");
      index.add(docs);
      assertThat(reader.search("apple", 5)).hasSize(1);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "   ",
        "\"",
        "(((",
        "a AND OR NOT",
        "field:value^5 ~3",
        "*:*",
        "\\",
        "/re[/",
        "the of and",
        "\u0000",
        "😀",
        "[1 TO 5}"
      })
  void aQueryHasNoSyntaxToGetWrong(String query) throws Exception {
    write("a.txt", "apples and value\n");
    index.add(docs);
    assertThat(index.search(query, 5).size()).isLessThanOrEqualTo(1);
  }

  @Test
  void aHugeQueryIsAnswered() throws Exception {
    write("a.txt", "apples\n");
    index.add(docs);
    var words = new StringBuilder("apples ");
    for (int i = 0; i < 50_000; i++) {
      words.append("word").append(i).append(' ');
    }
    assertThat(index.search(words.toString(), 5)).hasSize(1);
  }

  @Test
  void theToolGivesNumberedPassagesToCite() throws Exception {
    write("a.md", "# Fruit\n\nApples are red.\n");
    write("b.md", "# Fruit\n\nGreen apples are sour, apples!\n");
    index.add(docs);
    ToolResult result = call("{\"query\":\"apples\",\"limit\":2}");
    assertThat(result.isError()).isFalse();
    assertThat(result.text())
        .contains("[1] docs/", "[2] docs/", ", lines 1-3, Fruit\n# Fruit\n\n")
        .endsWith("Cite these as [1] to [2].");
    assertThat(index.tools().getFirst().changesState()).isFalse();
  }

  @Test
  void langChain4jGetsTheSamePassagesWithTheirMetadata() throws Exception {
    write("a.md", "# Fruit\n\nApples are red.\n");
    index.add(docs);
    var segment = index.contentRetriever(3).retrieve(Query.from("apples")).getFirst().textSegment();
    assertThat(segment.text()).isEqualTo("# Fruit\n\nApples are red.");
    assertThat(segment.metadata().getString("name")).isEqualTo("docs/a.md");
    assertThat(segment.metadata().getInteger("last_line")).isEqualTo(3);
  }

  @Test
  void aMissingPathAndASillyLimitAreExplained() {
    assertThatThrownBy(() -> index.add(folder.resolve("none")))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("none")
        .hasMessageContaining("no such file or folder");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.search("x", 0))
        .withMessageContaining("between 1 and 1000");
  }

  @Test
  void aDamagedIndexIsSaidToBeOne() throws Exception {
    write("a.txt", "apples\n");
    index.add(docs);
    index.close();
    try (var files = Files.newDirectoryStream(folder.resolve("index"), "segments_*")) {
      for (Path file : files) {
        Files.writeString(file, "garbage");
      }
    }
    assertThatThrownBy(() -> DocumentIndex.open(folder.resolve("index")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("Cannot open the index in")
        .hasMessageContaining("can be deleted and built again");
    index = DocumentIndex.open(folder.resolve("other"));
  }

  @Test
  void anInterruptedAddChangesNothing() throws Exception {
    write("a.txt", "apples\n");
    index.add(docs);
    write("a.txt", "bananas\n");
    write("b.txt", "cherries\n");
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> index.add(docs)).isInstanceOf(InterruptedIOException.class);
    assertThat(Thread.interrupted()).isFalse();
    assertThat(index.search("apples", 5)).hasSize(1);
    assertThat(index.search("cherries", 5)).isEmpty();
    assertThat(index.add(docs)).isEqualTo(new AddReport(1, 1, 0, 0, List.of()));
  }

  @Test
  void aProcessKilledWhileAddingLeavesNoHalfIndex() throws Exception {
    int files = 1_500;
    for (int i = 0; i < files; i++) {
      write("d%04d.txt".formatted(i), ("common words of document " + i + "\n\n").repeat(20));
    }
    boolean killedBeforeTheEnd = false;
    for (int delay : new int[] {0, 200, 600}) {
      Path target = folder.resolve("killed" + delay);
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  AddInTest.class.getName(),
                  target.toString(),
                  docs.toString())
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      assertThat(process.getInputStream().read()).as("it begins to add").isEqualTo('a');
      boolean ended = process.waitFor(delay, TimeUnit.MILLISECONDS);
      killedBeforeTheEnd |= !ended;
      process.destroyForcibly().waitFor();
      try (DocumentIndex left = DocumentIndex.open(target)) {
        AddReport report = left.add(docs);
        assertThat(report.added()).isIn(0, files);
        assertThat(report.added() + report.unchanged()).isEqualTo(files);
        assertThat(left.search("common words", 1000)).hasSize(1000);
      }
    }
    assertThat(killedBeforeTheEnd).isTrue();
  }

  private void write(String name, String text) throws IOException {
    Path file = docs.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private ToolResult call(String json) throws Exception {
    var context = new ToolContext(new Cancellation(), Instant.now().plusSeconds(30));
    return index
        .tools()
        .getFirst()
        .call(new ToolCall("1", "search_documents", ToolArguments.parse(json)), context);
  }

  private static int newlines(String text) {
    return (int) text.chars().filter(c -> c == '\n').count();
  }
}
