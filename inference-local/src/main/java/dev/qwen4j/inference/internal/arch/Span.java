package dev.qwen4j.inference.internal.arch;

import java.util.List;

/**
 * What one sequence reads in a batch: {@code ids[from … from + count)}, as its next positions.
 *
 * @param state of a sequence that no other span of the batch has
 */
// Ids on their way to the layers, which nobody compares.
@SuppressWarnings("ArrayRecordComponent")
public record Span(SequenceState state, int[] ids, int from, int count) {
  /** Tokens of a batch, which are the rows that pass through its layers. */
  static int tokens(List<Span> spans) {
    int tokens = 0;
    for (Span span : spans) {
      tokens += span.count();
    }
    return tokens;
  }
}
