package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.arch.Span;
import dev.qwen4j.inference.internal.kernel.Candidates;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.util.Arrays;
import java.util.function.IntFunction;

/**
 * A sequence that stays after its request, with the ids it has read: the next request that begins
 * with the same ids only has to read the rest.
 *
 * <p>A recurrent model can only return to checkpoints. They are made where two requests parted,
 * since the next one often parts there or later again, where the first message ends if that is to
 * be kept in a file, and shortly before a prompt's end, since a conversation's next turn repeats
 * the prompt up to what asks for the reply: that part, and thoughts in the reply, many templates
 * write differently the second time.
 */
final class RetainedSequence {
  /** More tokens than a template writes to ask for a reply. */
  static final int REPLY_HEADER = 8;

  private static final int FIRST_IDS = 256;

  private final LoadedModel model;
  private final int contextLength;
  private final KvType type;
  private final SequenceState state;
  private volatile int[] ids =
      new int[FIRST_IDS]; // the first state.position() of them have been read
  private volatile boolean inUse;
  private int reused; // of the prompt it is taken for
  private int parted; // where that parts from an earlier one, if that is no checkpoint
  private int promptLength;
  private int firstMessage; // where it ends in the prompt to come, if it is to be kept
  private int fork; // where the prompt to come parts from an earlier one, if that is no checkpoint

  RetainedSequence(LoadedModel model, int contextLength, KvType type) {
    this.model = model;
    this.contextLength = contextLength;
    this.type = type;
    this.state = model.pass().start(contextLength, type);
  }

  /** How many tokens of {@code prompt} need not be read; at least the last must be. */
  int known(int[] prompt) {
    return state.reach(alike(prompt));
  }

  /** How many ids of {@code prompt} but its last are those that have been read. */
  int alike(int[] prompt) {
    int most = Math.min(state.position(), prompt.length - 1);
    int mismatch = Arrays.mismatch(ids, 0, most, prompt, 0, most);
    return mismatch < 0 ? most : mismatch;
  }

  /** Whether {@code prompt} goes on where this one's ended: only the reply to it may be lost. */
  boolean isContinuedBy(int[] prompt) {
    return alike(prompt) >= Math.min(state.position(), promptLength - REPLY_HEADER);
  }

  /** Another sequence that knows what this one does of {@code prompt}, and may be continued. */
  RetainedSequence copyFor(int[] prompt) {
    RetainedSequence copy = new RetainedSequence(model, contextLength, type);
    int alike = alike(prompt);
    int known = state.reach(alike);
    copy.state.copy(state, known);
    copy.ids = Arrays.copyOf(ids, Math.max(known, FIRST_IDS));
    copy.fork = known < alike ? alike : 0;
    return copy;
  }

  /** Whether it has read {@code beginning}, and can return to its end. */
  boolean beginsWith(int[] beginning) {
    return state.position() >= beginning.length
        && Arrays.equals(ids, 0, beginning.length, beginning, 0, beginning.length)
        && state.reach(beginning.length) == beginning.length;
  }

  /** The next prompt's first message is so long, and what it leads to is to be kept. */
  void keepsFirstMessage(int length) {
    firstMessage = length;
  }

  /** Begins with what a file knows of {@code prompt}; whether the file is as it should be. */
  boolean load(PromptCopies.Kept kept, int[] prompt) {
    int known = PromptCopies.load(kept, prompt, state);
    ids = Arrays.copyOf(prompt, Math.max(prompt.length, FIRST_IDS));
    return known > 0;
  }

  /** Keeps {@code beginning}, which it begins with, in a file. */
  void keep(int[] beginning, PromptCopies copies) {
    int[] points = state.rewindsToCheckpointsOnly() ? new int[] {beginning.length} : new int[0];
    PromptCopy copy = new PromptCopy(beginning, points, beginning.length);
    copies.keep(PromptCopies.Kind.BEGINNING, copy, type, state, bytesPerPosition());
  }

  /** Keeps all that it has read in a file. */
  void keepWhole(PromptCopies copies) {
    PromptCopy copy =
        new PromptCopy(Arrays.copyOf(ids, state.position()), state.lastPoints(), promptLength);
    copies.keep(PromptCopies.Kind.CONVERSATION, copy, type, state, bytesPerPosition());
  }

  private long bytesPerPosition() {
    return model.pass().stateBytesPerPosition(type);
  }

  /** Bytes of keys and values, and of what recurrent layers remember. */
  long bytes() {
    return state.position() * bytesPerPosition() + state.fixedBytes();
  }

  /** Whether a request reads and continues it. */
  boolean inUse() {
    return inUse;
  }

  /** Takes it for {@code prompt}, after forgetting what does not begin that. */
  void take(int[] prompt) {
    inUse = true;
    int alike = alike(prompt);
    reused = state.rewind(alike);
    parted = reused < alike ? alike : fork;
    fork = 0; // of this prompt alone, also if its reading is cancelled
    promptLength = prompt.length;
    if (prompt.length > ids.length) {
      ids = Arrays.copyOf(ids, prompt.length + FIRST_IDS);
    }
    System.arraycopy(prompt, reused, ids, reused, prompt.length - reused);
  }

  /** Lets the next request have it. */
  void release() {
    inUse = false;
  }

  /**
   * Reads what it does not know of the prompt it has been taken for.
   *
   * @param candidates for what is to follow the last token
   * @param logits what is written here is to follow it
   * @return how many tokens it knew
   */
  int readPrompt(
      int[] prompt, Batcher batcher, Candidates candidates, float[] logits, Runnable pause) {
    if (state.rewindsToCheckpointsOnly()) {
      state.last(firstMessage);
      int[] points = {firstMessage, parted, prompt.length - REPLY_HEADER};
      Arrays.sort(points);
      for (int point : points) {
        if (point > state.position()) {
          read(prompt, point, 0, batcher, candidates, logits, pause);
          batcher.whileNobodyReads(this::checkpoint, pause);
        }
      }
    }
    read(prompt, prompt.length, 1, batcher, candidates, logits, pause);
    return reused;
  }

  private int checkpoint() {
    state.checkpoint();
    return state.position();
  }

  /**
   * Reads generated tokens.
   *
   * @param candidates for what follows any of them
   * @param logits what may follow each of them: [more, vocabularySize]
   */
  void append(int[] more, Batcher batcher, Candidates candidates, float[] logits, Runnable pause) {
    int at = state.position();
    if (at + more.length > ids.length) {
      ids = Arrays.copyOf(ids, 2 * at + more.length);
    }
    System.arraycopy(more, 0, ids, at, more.length);
    Span span = new Span(state, more, 0, more.length);
    batcher.read(span, more.length, candidates, logits, pause);
  }

  /**
   * Itself, as what a reply is written to.
   *
   * @param candidates for what follows the next so many tokens, each
   */
  Drafting.Text text(Batcher batcher, IntFunction<Candidates> candidates, Runnable pause) {
    return new Drafting.Text() {
      @Override
      public int position() {
        return state.position();
      }

      @Override
      public boolean takesDrafts() {
        return !state.rewindsToCheckpointsOnly() && model.readyForDrafts();
      }

      @Override
      public void read(int[] more, float[] logits) {
        append(more, batcher, candidates.apply(more.length - 1), logits, pause);
      }

      @Override
      public void forgetFrom(int position) {
        // Others compare their prompts with what has been read, and copy it.
        batcher.whileNobodyReads(() -> state.rewind(position), () -> {});
      }
    };
  }

  private void read(
      int[] prompt,
      int to,
      int rows,
      Batcher batcher,
      Candidates candidates,
      float[] logits,
      Runnable pause) {
    while (state.position() < to) {
      int from = state.position();
      int count = Math.min(batcher.piece(), to - from);
      int wanted = from + count == to ? rows : 0;
      Span span = new Span(state, prompt, from, count);
      batcher.read(span, wanted, candidates, logits, pause);
    }
  }
}
