package dev.qwen4j.rag;

/**
 * A heading or a paragraph of a document.
 *
 * @param level 1 to 6 for a heading, 0 for anything else
 * @param text what it says
 * @param start where it begins in the decoded file
 * @param end just after its last character
 * @param exact whether {@code text} is the file from {@code start} to {@code end}
 */
record Block(int level, String text, int start, int end, boolean exact) {
  static final int BODY = 0;
}
