package dev.qwen4j.rag;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ChunkerTest {
  @Test
  void shortParagraphsOfASectionStayTogetherWithTheirHeading() {
    assertThat(markdown("# A\n\none\n\ntwo\n\n## B\n\nthree\n\n# C\n\nfour\n"))
        .extracting(Chunker.Chunk::heading, Chunker.Chunk::text)
        .containsExactly(
            tuple("A", "# A\n\none\n\ntwo"),
            tuple("A > B", "## B\n\nthree"),
            tuple("C", "# C\n\nfour"));
  }

  @Test
  void headingsWithoutTextGoWithWhatFollows() {
    assertThat(markdown("# A\n## B\n### C\ntext\n# Last\n"))
        .extracting(Chunker.Chunk::heading, Chunker.Chunk::text)
        .containsExactly(tuple("A > B > C", "# A\n## B\n### C\ntext"), tuple("Last", "# Last"));
  }

  @Test
  void underlinedAndClosedHeadingsAreHeadings() {
    assertThat(markdown("Title\n=====\ntext\n\n## Sub ##\ntext\n\nOther\n---\ntext"))
        .extracting(Chunker.Chunk::heading)
        .containsExactly("Title", "Title > Sub", "Title > Other");
  }

  @Test
  void aFencedBlockHasNoHeadingsAndIsNotCutAtItsEmptyLines() {
    assertThat(markdown("# A\n\n```sh\n# comment\n\nls\n```\n"))
        .singleElement()
        .extracting(Chunker.Chunk::text)
        .isEqualTo("# A\n\n```sh\n# comment\n\nls\n```");
  }

  @Test
  void longParagraphsAreCutAtSentences() {
    String text = "This is a sentence of some length, is it not? ".repeat(200);
    List<Chunker.Chunk> chunks = markdown(text);
    assertThat(chunks).hasSizeGreaterThan(5);
    assertThat(chunks).allMatch(chunk -> chunk.text().endsWith("not?"));
    assertThat(markdown("这是一个句子。".repeat(1000))).allMatch(chunk -> chunk.text().endsWith("。"));
  }

  @Test
  void textWithoutAnyPlaceToCutIsCutBetweenCharacters() {
    List<Chunker.Chunk> chunks = markdown("x" + "😀".repeat(5_000));
    assertThat(chunks)
        .allMatch(
            chunk -> !Character.isHighSurrogate(chunk.text().charAt(chunk.text().length() - 1)));
    assertThat(chunks.stream().mapToInt(chunk -> chunk.text().length()).sum()).isEqualTo(10_001);
  }

  @Test
  @Timeout(300)
  void largeAndHostileFilesAreCutInTimeThatGrowsWithTheirSize() {
    assertThat(markdown("one paragraph\n\n".repeat(700_000))).hasSizeGreaterThan(5_000);
    assertThat(markdown("# " + " #".repeat(2_000_000))).isNotEmpty();
    assertThat(markdown("#" + " ".repeat(5_000_000) + "x")).isNotEmpty();
    assertThat(markdown("```".repeat(1_000_000))).isNotEmpty();
  }

  private static List<Chunker.Chunk> markdown(String text) {
    return Chunker.chunks(text, MarkdownBlocks.markdown(text));
  }
}
