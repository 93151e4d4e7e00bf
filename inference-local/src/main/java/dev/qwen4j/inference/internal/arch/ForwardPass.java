package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Candidates;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.util.List;

/**
 * A loaded model: token ids in, hidden states and logits out. Weights are shared by all sequences;
 * what a sequence has read is in its {@link SequenceState}. Calls come from one thread at a time.
 */
public interface ForwardPass {
  /** Positions that the model can tell apart: what it was trained for, scaled as its file says. */
  int contextLength();

  /** Rows of the output: ids are below this; ids beyond the tokenizer's are padding. */
  int vocabularySize();

  /** Width of a hidden state. */
  int width();

  /** Bytes of state that grow with every position; a recurrent model may have none. */
  long stateBytesPerPosition(KvType type);

  /** Bytes of state that do not grow: what recurrent layers remember, if there are any. */
  long snapshotBytes();

  /** Bytes of weights held in memory beyond the mapped file. */
  long extraBytes();

  /** An empty sequence that can grow to {@code maxPositions}. */
  SequenceState start(int maxPositions, KvType type);

  /**
   * Reads {@code ids[from … from + count)} as the next positions of the sequence. Their final
   * hidden states stay readable through {@link #logits} and {@link #hidden} until the next call.
   *
   * @param pause called a few times per layer; what it throws ends the pass and leaves the sequence
   *     as if the pass had not begun
   */
  default void forward(SequenceState state, int[] ids, int from, int count, Runnable pause) {
    forward(List.of(new Span(state, ids, from, count)), pause);
  }

  /**
   * The same for several sequences in one batch, one after the other in its rows. Multiplying the
   * weights with many rows at once is what makes short texts fast.
   */
  void forward(List<Span> spans, Runnable pause);

  /**
   * The next-token logits after {@code count} of the positions of the last {@link #forward}, from
   * the {@code first}-th on.
   *
   * @param candidates of each position
   * @param out [count, vocabularySize]
   */
  void logits(int first, int count, Candidates candidates, float[] out);

  /** All of the logits. */
  default void logits(int first, int count, float[] out) {
    logits(first, count, Candidates.ALL, out);
  }

  /**
   * The hidden state after the final norm of one position of the last {@link #forward}.
   *
   * @param out [width]
   */
  void hidden(int index, float[] out);
}
