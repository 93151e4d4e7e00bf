package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.util.Arrays;

/**
 * A sequence that stays after its request, with the ids it has read: the next request that begins
 * with the same ids only has to read the rest.
 *
 * <p>A recurrent model can only return to checkpoints. They are made where two requests parted,
 * since the next one often parts there or later again, and shortly before a prompt's end, since a
 * conversation's next turn repeats the prompt up to what asks for the reply: that part, and
 * thoughts in the reply, many templates write differently the second time.
 */
final class RetainedSequence {
  /** More tokens than a template writes to ask for a reply. */
  private static final int REPLY_HEADER = 8;

  private final LoadedModel model;
  private final SequenceState state;
  private int[] ids = new int[256]; // the first state.position() of them have been read
  private int fork; // where the last two requests parted if that was no checkpoint, otherwise 0

  RetainedSequence(LoadedModel model, int contextLength, KvType type) {
    this.model = model;
    this.state = model.pass().start(contextLength, type);
  }

  /**
   * Forgets what does not begin {@code prompt}; at least the prompt's last token stays to be read,
   * because its logits are wanted. A recurrent model may have to forget more.
   *
   * @return how many tokens of the prompt have been read already
   */
  int keepPrefixOf(int[] prompt) {
    int known = Math.min(state.position(), prompt.length - 1);
    int mismatch = Arrays.mismatch(ids, 0, known, prompt, 0, known);
    int kept = mismatch < 0 ? known : mismatch;
    int reached = state.rewind(kept);
    fork = reached < kept ? kept : 0;
    return reached;
  }

  /**
   * Reads what {@link #keepPrefixOf} has not kept of the same prompt.
   *
   * @return where the last position stands in the last batch, for its logits
   */
  int readPrompt(int[] prompt, Runnable pause) {
    if (state.rewindsToCheckpointsOnly()) {
      int header = prompt.length - REPLY_HEADER;
      readToCheckpoint(prompt, Math.min(fork, header), pause);
      readToCheckpoint(prompt, Math.max(fork, header), pause);
    }
    return read(prompt, state.position(), prompt.length, pause);
  }

  /** Reads one generated token; its logits stand at 0. */
  void append(int id, Runnable pause) {
    read(new int[] {id}, 0, 1, pause);
  }

  private void readToCheckpoint(int[] prompt, int to, Runnable pause) {
    if (to > state.position()) {
      read(prompt, state.position(), to, pause);
      state.checkpoint();
    }
  }

  private int read(int[] more, int from, int to, Runnable pause) {
    int start = state.position();
    int count = to - from;
    if (start + count > ids.length) {
      ids = Arrays.copyOf(ids, Math.max(start + count, ids.length * 2));
    }
    System.arraycopy(more, from, ids, start, count);
    return model.read(state, more, from, to, pause);
  }
}
