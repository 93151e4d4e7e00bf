package dev.qwen4j.inference.internal.template;

import java.util.ArrayList;
import java.util.List;

/** Collects a prompt, keeping the template's words apart from everybody else's. */
final class PromptWriter {
  private final List<Prompt.Piece> pieces = new ArrayList<>();
  private final StringBuilder current = new StringBuilder();
  private boolean currentTrusted;
  private boolean startsInThinking;

  /** Adds words of the template itself, in which markers count. */
  PromptWriter template(String text) {
    return add(text, true);
  }

  /** Adds text from outside, in which markers are only characters. */
  PromptWriter content(String text) {
    return add(text, false);
  }

  /** Notes that the reply continues a {@code <think>} written by the template. */
  void startInThinking() {
    startsInThinking = true;
  }

  Prompt finish() {
    flush();
    return new Prompt(pieces, startsInThinking);
  }

  private PromptWriter add(String text, boolean trusted) {
    if (!text.isEmpty()) {
      if (trusted != currentTrusted) {
        flush();
        currentTrusted = trusted;
      }
      current.append(text);
    }
    return this;
  }

  private void flush() {
    if (!current.isEmpty()) {
      pieces.add(new Prompt.Piece(current.toString(), currentTrusted));
      current.setLength(0);
    }
  }
}
