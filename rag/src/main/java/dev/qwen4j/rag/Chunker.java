package dev.qwen4j.rag;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Joins the blocks of a document to passages of about {@value #TARGET} characters: never across a
 * heading, and never within a paragraph unless it alone is longer than {@value #MOST}; then at the
 * last end of a sentence, line or word before that. A heading goes with what follows it.
 */
final class Chunker {
  static final int TARGET = 1_200;
  static final int MOST = 2_000;

  private final String file;
  private final int[] newlines;
  private final @Nullable String[] path = new String[7];
  private final List<Chunk> chunks = new ArrayList<>();
  private final List<Block> open = new ArrayList<>();
  private String heading = "";

  /**
   * A passage before it is in the index.
   *
   * @param heading the headings above and at it, outermost first
   */
  record Chunk(String heading, Passage.Span span, String text) {}

  private Chunker(String file) {
    this.file = file;
    this.newlines = IntStream.range(0, file.length()).filter(i -> file.charAt(i) == '\n').toArray();
  }

  /**
   * Cuts.
   *
   * @param file the decoded file that the blocks point into
   */
  static List<Chunk> chunks(String file, List<Block> blocks) {
    var chunker = new Chunker(file);
    blocks.forEach(chunker::add);
    chunker.finish();
    return chunker.chunks;
  }

  private void add(Block block) {
    if (block.level() != Block.BODY) {
      if (open.stream().anyMatch(other -> other.level() == Block.BODY)) {
        finish();
      }
      path[block.level()] = MarkdownBlocks.headingText(block);
      Arrays.fill(path, block.level() + 1, path.length, null);
      heading =
          Stream.of(path)
              .filter(Objects::nonNull)
              .filter(text -> !text.isEmpty())
              .collect(Collectors.joining(" > "));
    } else if (length() + block.text().length() > TARGET) {
      if (open.stream().anyMatch(other -> other.level() == Block.BODY)) {
        finish();
      }
    }
    if (block.text().length() <= MOST) {
      open.add(block);
    } else {
      finish();
      split(block);
    }
  }

  private int length() {
    return open.stream().mapToInt(block -> block.text().length()).sum();
  }

  private void finish() {
    if (open.isEmpty()) {
      return;
    }
    int start = open.getFirst().start();
    int end = open.getLast().end();
    boolean exact = open.stream().allMatch(Block::exact);
    String text =
        exact
            ? file.substring(start, end)
            : open.stream().map(Block::text).collect(Collectors.joining("\n\n"));
    chunks.add(new Chunk(heading, span(start, end), text));
    open.clear();
  }

  private void split(Block block) {
    String text = block.text();
    for (int from = 0; from < text.length(); ) {
      int to = cut(text, from);
      String part = text.substring(from, to);
      int leading = part.length() - part.stripLeading().length();
      String words = part.strip();
      if (!words.isEmpty()) {
        int start = block.start() + from + leading;
        Passage.Span span =
            block.exact() ? span(start, start + words.length()) : span(block.start(), block.end());
        chunks.add(new Chunk(heading, span, words));
      }
      from = to;
    }
  }

  /** Where a part that begins at {@code from} should end. */
  private static int cut(String text, int from) {
    if (text.length() - from <= MOST) {
      return text.length();
    }
    int least = from + TARGET / 2;
    int sentence = -1;
    int line = -1;
    int word = -1;
    for (int i = least; i < from + TARGET; i++) {
      char c = text.charAt(i);
      if (c == '\n') {
        line = i + 1;
      } else if ("。！？；".indexOf(c) >= 0 || (c == ' ' && ".!?;".indexOf(text.charAt(i - 1)) >= 0)) {
        sentence = i + 1;
      } else if (Character.isWhitespace(c)) {
        word = i + 1;
      }
    }
    int end = from + TARGET;
    if (sentence > 0) {
      end = sentence;
    } else if (line > 0) {
      end = line;
    } else if (word > 0) {
      end = word;
    }
    return Character.isHighSurrogate(text.charAt(end - 1)) ? end - 1 : end;
  }

  private Passage.Span span(int start, int end) {
    return new Passage.Span(start, end, line(start), line(end - 1));
  }

  /** The line, from 1, of a character. */
  private int line(int position) {
    int found = Arrays.binarySearch(newlines, position);
    return found >= 0 ? found + 1 : -found;
  }
}
