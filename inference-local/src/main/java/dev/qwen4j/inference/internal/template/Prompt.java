package dev.qwen4j.inference.internal.template;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A rendered conversation that remembers who wrote what.
 *
 * <p>Only {@linkplain Piece#trusted trusted} pieces, the template's own words, may hold special
 * markers. Everything else came from messages, tools or their results, and a {@code <|im_end|>}
 * typed there must reach the model as text, not as the end of a turn.
 *
 * @param pieces in order, none empty, neighbours differ in trust
 * @param startsInThinking whether the reply begins inside an open {@code <think>} that the template
 *     has already written
 */
public record Prompt(List<Piece> pieces, boolean startsInThinking) {
  public Prompt {
    pieces = List.copyOf(pieces);
  }

  /** The plain string that the original template would give. */
  public String text() {
    return pieces.stream().map(Piece::text).collect(Collectors.joining());
  }

  /** A stretch of the prompt from one kind of author. */
  public record Piece(String text, boolean trusted) {}
}
