package dev.qwen4j.tools;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.nodes.Node;
import org.jsoup.nodes.TextNode;
import org.jsoup.select.Elements;

/**
 * A web page as the Markdown a model reads: headings, paragraphs, lists, links, code, tables,
 * quotes. What is not content is left out: scripts, styles, forms, navigation; and if the page
 * marks one {@code main} or {@code article}, everything around it.
 */
final class HtmlMarkdown {
  private static final String NOT_CONTENT =
      "script, style, noscript, template, svg, canvas, iframe, object, nav, form, button, select,"
          + " input, textarea, dialog, [hidden], [aria-hidden=true]";

  private static final Set<String> BLOCKS =
      Set.of(
          ("address article aside blockquote body center dd details div dl dt fieldset figcaption"
                  + " figure footer h1 h2 h3 h4 h5 h6 header hr li main ol p pre section summary"
                  + " table ul")
              .split(" "));

  /** Deeper elements are taken as plain text: hostile pages nest without end. */
  private static final int MAX_DEPTH = 100;

  private static final int MIN_MAIN_TEXT = 200;

  private HtmlMarkdown() {}

  static String of(Document document) {
    Document copy = document.clone();
    copy.select(NOT_CONTENT).remove();
    return String.join("\n\n", blocks(content(copy), 0)) + "\n";
  }

  private static Element content(Document document) {
    for (String name : List.of("main", "[role=main]", "article")) {
      Elements found = document.select(name);
      if (found.size() == 1 && found.text().length() >= MIN_MAIN_TEXT) {
        return found.getFirst();
      }
    }
    return document.body();
  }

  /** What is in {@code parent}, block by block; text between blocks is a paragraph. */
  private static List<String> blocks(Element parent, int depth) {
    if (depth == MAX_DEPTH) {
      return List.of(parent.text());
    }
    List<String> blocks = new ArrayList<>();
    var text = new StringBuilder();
    for (Node child : parent.childNodes()) {
      if (child instanceof Element element && isBlock(element)) {
        addParagraph(blocks, text);
        blocks.addAll(block(element, depth + 1));
      } else {
        text.append(inline(child, depth + 1));
      }
    }
    addParagraph(blocks, text);
    return blocks;
  }

  private static void addParagraph(List<String> blocks, StringBuilder text) {
    String paragraph = text.toString().replaceAll(" {2,}", " ").replaceAll(" ?\n ?", "\n").strip();
    if (!paragraph.isEmpty()) {
      blocks.add(paragraph);
    }
    text.setLength(0);
  }

  private static boolean isBlock(Element element) {
    return BLOCKS.contains(element.normalName())
        || element.stream().skip(1).anyMatch(inner -> BLOCKS.contains(inner.normalName()));
  }

  private static List<String> block(Element element, int depth) {
    String name = element.normalName();
    return switch (name) {
      case "h1", "h2", "h3", "h4", "h5", "h6" -> heading(element, name.charAt(1) - '0');
      case "hr" -> List.of("---");
      case "pre" -> fenced(element);
      case "ul", "ol" -> list(element, name.equals("ol"), depth);
      case "blockquote" -> quote(element, depth);
      case "table" -> table(element, depth);
      default -> blocks(element, depth);
    };
  }

  private static List<String> heading(Element element, int level) {
    return element.text().isBlank()
        ? List.of()
        : List.of("#".repeat(level) + " " + element.text().strip());
  }

  private static List<String> fenced(Element element) {
    String code = element.wholeText().stripTrailing();
    String fence = code.contains("```") ? "````" : "```";
    return List.of(fence + "\n" + code + "\n" + fence);
  }

  private static List<String> list(Element element, boolean ordered, int depth) {
    List<String> items = new ArrayList<>();
    for (Element item : element.children()) {
      String text = String.join("\n", blocks(item, depth));
      if (!text.isEmpty()) {
        String mark = ordered ? (items.size() + 1) + ". " : "- ";
        items.add(mark + text.replace("\n", "\n" + " ".repeat(mark.length())));
      }
    }
    return items.isEmpty() ? List.of() : List.of(String.join("\n", items));
  }

  private static List<String> quote(Element element, int depth) {
    String text = String.join("\n\n", blocks(element, depth));
    return text.isEmpty() ? List.of() : List.of("> " + text.replace("\n", "\n> "));
  }

  /** A table that holds tables or blocks only places things on the page: its cells are blocks. */
  private static List<String> table(Element element, int depth) {
    Elements rows = element.select("tr");
    if (rows.isEmpty() || element.selectFirst("table table, td ul, td ol, td pre") != null) {
      return blocks(element, depth);
    }
    List<String> lines = new ArrayList<>();
    for (Element row : rows) {
      Elements cells = row.select("> th, > td");
      lines.add(
          cells.stream()
              .map(cell -> cell.text().replace("|", "\\|"))
              .collect(Collectors.joining(" | ", "| ", " |")));
      if (lines.size() == 1) {
        lines.add("|" + " --- |".repeat(cells.size()));
      }
    }
    return List.of(String.join("\n", lines));
  }

  private static String inline(Node node, int depth) {
    if (node instanceof TextNode text) {
      return text.getWholeText().replaceAll("\\s+", " ");
    }
    if (!(node instanceof Element element)) {
      return "";
    }
    if (depth >= MAX_DEPTH) {
      return element.text();
    }
    var inner = new StringBuilder();
    element.childNodes().forEach(child -> inner.append(inline(child, depth + 1)));
    String text = inner.toString();
    return switch (element.normalName()) {
      case "br" -> "\n";
      case "img" ->
          element.attr("alt").isBlank() ? "" : "[image: " + element.attr("alt").strip() + "]";
      case "a" -> link(text, element.absUrl("href"));
      case "strong", "b" -> around("**", text);
      case "em", "i" -> around("*", text);
      case "code", "kbd", "samp" -> around("`", text);
      default -> text;
    };
  }

  private static String link(String text, String target) {
    boolean web = target.toLowerCase(Locale.ROOT).startsWith("http");
    return web && !text.isBlank() ? "[" + text.strip() + "](" + target + ")" : text;
  }

  /** Marks go inside blanks: Markdown does not read {@code ** this **}. */
  private static String around(String mark, String text) {
    if (text.isBlank()) {
      return text;
    }
    String core = text.strip();
    int start = text.indexOf(core);
    return text.substring(0, start) + mark + core + mark + text.substring(start + core.length());
  }
}
