package dev.qwen4j.rag;

import java.nio.file.Path;

/**
 * A piece of a document, with everything an answer needs to cite it.
 *
 * @param source the file
 * @param name the file as people call it: its path from the folder that was added
 * @param heading the headings above it, outermost first, joined by {@code " > "}; empty if none
 * @param span where in the file
 * @param text its text; in plain text and Markdown exactly the characters of the span
 * @param score how well it answers the query: higher is better, comparable within one search only
 */
public record Passage(
    Path source, String name, String heading, Span span, String text, double score) {

  /**
   * A stretch of a file.
   *
   * @param start its first character (UTF-16 units of the decoded file, without byte order mark)
   * @param end just after its last character
   * @param firstLine the line of its first character, from 1
   * @param lastLine the line of its last character
   */
  public record Span(int start, int end, int firstLine, int lastLine) {}

  /** As a reader would cite it: {@code guide/install.md, lines 10-24, Install > Linux}. */
  public String citation() {
    String lines =
        span.firstLine == span.lastLine
            ? ", line " + span.firstLine
            : ", lines " + span.firstLine + "-" + span.lastLine;
    return name + lines + (heading.isEmpty() ? "" : ", " + heading);
  }
}
