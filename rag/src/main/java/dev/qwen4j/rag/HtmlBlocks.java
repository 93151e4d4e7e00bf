package dev.qwen4j.rag;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.nodes.Node;
import org.jsoup.nodes.TextNode;
import org.jsoup.parser.Parser;
import org.jsoup.select.NodeVisitor;

/**
 * Cuts HTML into headings and paragraphs. The text is what a reader sees; start and end are those
 * of the characters in the file that it came from. Scripts, styles, navigation and forms are left
 * out.
 */
final class HtmlBlocks {
  private static final String NOT_CONTENT =
      "script, style, noscript, template, svg, nav, form, button, iframe, [hidden]";
  private static final Set<String> INLINE =
      Set.of(
          ("a abbr b bdi bdo cite code data del dfn em font i img ins kbd label mark q rp rt ruby s"
                  + " samp small span strike strong sub sup time tt u var wbr")
              .split(" "));

  private HtmlBlocks() {}

  static List<Block> html(String text) {
    Document document = Jsoup.parse(text, "", Parser.htmlParser().setTrackPosition(true));
    document.select(NOT_CONTENT).remove();
    var collector = new Collector();
    document.body().traverse(collector);
    collector.finish();
    return collector.blocks;
  }

  /** Gathers text until an element begins or ends that is not part of a line. */
  private static final class Collector implements NodeVisitor {
    private final List<Block> blocks = new ArrayList<>();
    private final StringBuilder text = new StringBuilder();
    private int start = -1;
    private int end;
    private int level = Block.BODY;
    private int preformatted;

    @Override
    public void head(Node node, int depth) {
      if (node instanceof TextNode words) {
        add(words);
      } else if (node instanceof Element element) {
        boundary(element);
        level = headingLevel(element) > 0 ? headingLevel(element) : level;
        preformatted += element.nameIs("pre") ? 1 : 0;
      }
    }

    @Override
    public void tail(Node node, int depth) {
      if (node instanceof Element element) {
        boundary(element);
        level = headingLevel(element) > 0 ? Block.BODY : level;
        preformatted -= element.nameIs("pre") ? 1 : 0;
      }
    }

    private void add(TextNode words) {
      String raw = words.getWholeText();
      if (raw.isBlank()) {
        text.append(text.isEmpty() ? "" : " ");
        return;
      }
      if (start < 0) {
        start = words.sourceRange().startPos();
      }
      end = words.sourceRange().endPos();
      text.append(preformatted > 0 ? raw : raw.replaceAll("\\s+", " "));
    }

    private void boundary(Element element) {
      if (element.nameIs("br")) {
        text.append(text.isEmpty() ? "" : "\n");
      } else if (element.nameIs("td") || element.nameIs("th")) {
        text.append(text.isEmpty() ? "" : " ");
      } else if (!INLINE.contains(element.normalName())) {
        finish();
      }
    }

    private void finish() {
      String words = text.toString().strip();
      if (start >= 0 && !words.isEmpty()) {
        String plain = preformatted > 0 ? words : words.replaceAll(" {2,}", " ");
        blocks.add(new Block(level, plain, start, end, false));
      }
      text.setLength(0);
      start = -1;
    }

    private static int headingLevel(Element element) {
      String name = element.normalName();
      boolean heading =
          name.length() == 2
              && name.charAt(0) == 'h'
              && name.charAt(1) >= '1'
              && name.charAt(1) <= '6';
      return heading ? name.charAt(1) - '0' : 0;
    }
  }
}
