package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.arch.SequenceState;
import java.util.Arrays;

/**
 * A sequence that stays after its request, with the ids it has read: the next request that begins
 * with the same ids only has to read the rest.
 */
final class RetainedSequence {
  private final LoadedModel model;
  private final SequenceState state;
  private int[] ids = new int[256]; // the first state.position() of them have been read

  RetainedSequence(LoadedModel model, int contextLength) {
    this.model = model;
    this.state = model.pass().start(contextLength);
  }

  /**
   * Forgets what does not begin {@code prompt}; at least the prompt's last token stays to be read,
   * because its logits are wanted.
   *
   * @return how many tokens of the prompt have been read already
   */
  int keepPrefixOf(int[] prompt) {
    int known = Math.min(state.position(), prompt.length - 1);
    int mismatch = Arrays.mismatch(ids, 0, known, prompt, 0, known);
    int kept = mismatch < 0 ? known : mismatch;
    state.rewind(kept);
    return kept;
  }

  /**
   * Reads {@code more[from …]}.
   *
   * @return where the last position stands in the last batch, for its logits
   */
  int read(int[] more, int from, Runnable pause) {
    int start = state.position();
    int count = more.length - from;
    if (start + count > ids.length) {
      ids = Arrays.copyOf(ids, Math.max(start + count, ids.length * 2));
    }
    System.arraycopy(more, from, ids, start, count);
    return model.read(state, more, from, more.length, pause);
  }
}
