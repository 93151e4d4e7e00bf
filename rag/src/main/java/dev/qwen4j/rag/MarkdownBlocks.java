package dev.qwen4j.rag;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts Markdown, or plain text, into headings and paragraphs at empty lines. A fenced code block
 * stays whole. Every block is exactly what stands in the file: nothing is rendered.
 */
final class MarkdownBlocks {
  private static final Pattern HEADING =
      Pattern.compile(" {0,3}(#{1,6})(?:[ \\t]+(.*?))?(?:[ \\t]+#+)?[ \\t]*");
  private static final Pattern UNDERLINE = Pattern.compile(" {0,3}(=+|-{2,})[ \\t]*");
  private static final Pattern FENCE = Pattern.compile(" {0,3}(`{3,}|~{3,}).*");

  /** Longer lines are no headings; their patterns would be slow to say so. */
  private static final int MAX_HEADING = 1_000;

  private final String text;
  private final boolean headings;
  private final List<Block> blocks = new ArrayList<>();
  private int start = -1;
  private int end;
  private int lines;
  private String fence = "";

  private MarkdownBlocks(String text, boolean headings) {
    this.text = text;
    this.headings = headings;
  }

  /** The blocks of a Markdown file. */
  static List<Block> markdown(String text) {
    return new MarkdownBlocks(text, true).cut();
  }

  /** The paragraphs of a plain file. */
  static List<Block> plain(String text) {
    return new MarkdownBlocks(text, false).cut();
  }

  private List<Block> cut() {
    for (int from = 0; from < text.length(); ) {
      int newline = text.indexOf('\n', from);
      int next = newline < 0 ? text.length() : newline + 1;
      int to = newline < 0 ? next : newline;
      if (to > from && text.charAt(to - 1) == '\r') {
        to--;
      }
      line(text.substring(from, to), from, to);
      from = next;
    }
    finish(Block.BODY);
    return blocks;
  }

  private void line(String line, int from, int to) {
    Matcher heading = HEADING.matcher(line.length() <= MAX_HEADING ? line : "");
    if (headings && inFence(line)) {
      extend(from, to);
    } else if (line.isBlank()) {
      finish(Block.BODY);
    } else if (headings && heading.matches()) {
      finish(Block.BODY);
      extend(from, to);
      finish(heading.group(1).length());
    } else if (headings && lines == 1 && UNDERLINE.matcher(line).matches()) {
      extend(from, to);
      finish(line.indexOf('=') >= 0 ? 1 : 2);
    } else {
      extend(from, to);
    }
  }

  /** Whether the line belongs to a fenced block, its fences included. */
  private boolean inFence(String line) {
    Matcher matcher = FENCE.matcher(line);
    if (!fence.isEmpty()) {
      if (matcher.matches() && line.strip().startsWith(fence)) {
        fence = "";
      }
      return true;
    }
    if (matcher.matches()) {
      fence = matcher.group(1);
      return true;
    }
    return false;
  }

  private void extend(int from, int to) {
    if (start < 0) {
      start = from;
    }
    end = to;
    lines++;
  }

  private void finish(int level) {
    if (start >= 0) {
      blocks.add(new Block(level, text.substring(start, end), start, end, true));
    }
    start = -1;
    lines = 0;
  }

  /** The words of a heading block, without its marks. */
  static String headingText(Block block) {
    String firstLine = block.text().lines().findFirst().orElse("");
    Matcher heading = HEADING.matcher(firstLine);
    String words = heading.matches() ? heading.group(2) : firstLine;
    return words == null ? "" : words.strip();
  }
}
