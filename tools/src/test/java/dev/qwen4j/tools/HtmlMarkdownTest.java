package dev.qwen4j.tools;

import static org.assertj.core.api.Assertions.assertThat;

import org.jsoup.Jsoup;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HtmlMarkdownTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '"',
      value = {
        "<h2>A <em>title</em></h2><p>Text</p> ~ ## A title⏎⏎Text",
        "one<br>two   three ~ one⏎two three",
        "<p>a</p>\t<p> b </p> ~ a⏎⏎b",
        "<p><b> bold </b>and <i>slanted</i> and <code>x y</code></p> ~"
            + " **bold** and *slanted* and `x y`",
        "<ul><li>a<li>b<ol><li>c<li>d</ol></ul> ~ - a⏎- b⏎  1. c⏎  2. d",
        "<blockquote><p>a</p><p>b</p></blockquote> ~ > a⏎> ⏎> b",
        "<pre><code>if (a) {⏎  b();⏎}</code></pre> ~ ```⏎if (a) {⏎  b();⏎}⏎```",
        "<table><tr><th>a<th>b<tr><td>1|2<td>3</table> ~ | a | b |⏎| --- | --- |⏎| 1\\|2 | 3 |",
        "<a href='/x'>link</a> <a href='javascript:x()'>no</a> ~ [link](https://h.example/x) no",
        "<img src=a.png alt='A cat'><img src=b.png> ~ [image: A cat]",
        "<p>a<script>x()</script><style>y</style><nav>menu</nav><form>f</form></p> ~ a",
        "<div>a<div>b</div>c</div> ~ a⏎⏎b⏎⏎c",
        "<a href='/x'><div>card</div></a> ~ card",
        "a<hr>b ~ a⏎⏎---⏎⏎b",
      })
  void elementsBecomeTheirMarkdown(String html, String expected) {
    assertThat(markdown(html.replace('⏎', '\n'))).isEqualTo(expected.replace('⏎', '\n') + "\n");
  }

  @Test
  void aMarkedMainPartIsTheContent() {
    String main = "word ".repeat(60).strip();
    assertThat(markdown("<header>Site</header><main>" + main + "</main><footer>(c)</footer>"))
        .isEqualTo(main + "\n");
  }

  @Test
  void deepNestingIsNoProblem() {
    assertThat(markdown("<div>".repeat(20_000) + "deep")).isEqualTo("deep\n");
    assertThat(markdown("<b>".repeat(20_000) + "deep")).contains("deep");
  }

  @Test
  void anEmptyPageIsEmpty() {
    assertThat(markdown("")).isEqualTo("\n");
  }

  private static String markdown(String html) {
    return HtmlMarkdown.of(Jsoup.parse(html, "https://h.example/"));
  }
}
