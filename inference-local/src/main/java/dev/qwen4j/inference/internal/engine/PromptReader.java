package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.arch.Span;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.model.ModelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;

/**
 * Reads prompts for what the model makes of them at their last token; nothing is generated. Safe
 * for many threads, which take turns. Keys and values live as long as their prompt is being read,
 * so they can afford float32.
 *
 * <p>Interruption ends a reading with a {@link CancellationException}, within a fraction of a
 * layer.
 */
public final class PromptReader implements AutoCloseable {
  private final LoadedModel model;
  private final Turns turns;
  private final int contextLength;

  /** Looks at a prompt whose last token has just been read. */
  @FunctionalInterface
  public interface Sink {
    /**
     * Called once per prompt.
     *
     * @param prompt its index
     * @param pass whose {@code hidden} and {@code logits} of {@code row} are those of the last
     *     token, during this call only
     */
    void accept(int prompt, ForwardPass pass, int row);
  }

  /** A reader of a model, which it closes with itself. */
  public PromptReader(LoadedModel model, int contextLength) {
    this.model = model;
    this.turns = new Turns(model);
    this.contextLength = contextLength;
  }

  public LoadedModel model() {
    return model;
  }

  /**
   * Reads prompts that have nothing in common, as many to a batch as it holds.
   *
   * @throws ModelException if one is longer than the context
   */
  public void readTogether(List<int[]> prompts, Sink sink) {
    refuseTooLong(prompts);
    turns.take(
        () -> false,
        pause -> {
          packIntoBatches(prompts, sink, pause);
          return prompts.size();
        });
  }

  private void packIntoBatches(List<int[]> prompts, Sink sink, Runnable pause) {
    List<Span> batch = new ArrayList<>();
    int firstPrompt = 0; // of the batch
    int room = LoadedModel.BATCH;
    for (int i = 0; i < prompts.size(); i++) {
      int[] ids = prompts.get(i);
      SequenceState state = model.pass().start(ids.length, KvType.F32);
      int count;
      for (int from = 0; from < ids.length; from += count) {
        count = Math.min(room, ids.length - from);
        batch.add(new Span(state, ids, from, count));
        room -= count;
        if (room == 0) {
          readBatch(batch, firstPrompt, sink, pause);
          batch.clear();
          room = LoadedModel.BATCH;
          firstPrompt = from + count == ids.length ? i + 1 : i;
        }
      }
    }
    if (!batch.isEmpty()) {
      readBatch(batch, firstPrompt, sink, pause);
    }
  }

  private void readBatch(List<Span> batch, int firstPrompt, Sink sink, Runnable pause) {
    model.read(batch, pause);
    int row = 0;
    for (int s = 0; s < batch.size(); s++) {
      Span span = batch.get(s);
      row += span.count();
      if (span.from() + span.count() == span.ids().length) {
        sink.accept(firstPrompt + s, model.pass(), row - 1);
      }
    }
  }

  /**
   * Reads prompts that begin alike, one after the other: what a prompt begins with as the one
   * before it did is not read again.
   *
   * @throws ModelException if one is longer than the context
   */
  public void readInTurn(List<int[]> prompts, Sink sink) {
    refuseTooLong(prompts);
    turns.take(
        () -> false,
        pause -> {
          int longest = prompts.stream().mapToInt(ids -> ids.length).max().orElse(1);
          SequenceState state = model.pass().start(longest, KvType.F32);
          int[] before = {};
          for (int i = 0; i < prompts.size(); i++) {
            int[] ids = prompts.get(i);
            int known = Math.min(state.position(), ids.length - 1);
            int mismatch = Arrays.mismatch(before, 0, known, ids, 0, known);
            int from = state.rewind(mismatch < 0 ? known : mismatch);
            sink.accept(i, model.pass(), model.read(state, ids, from, ids.length, pause));
            before = ids;
          }
          return prompts.size();
        });
  }

  private void refuseTooLong(List<int[]> prompts) {
    for (int i = 0; i < prompts.size(); i++) {
      int length = prompts.get(i).length;
      if (length == 0) {
        throw new IllegalArgumentException("text " + (i + 1) + " is empty");
      }
      if (length > contextLength) {
        throw new ModelException(
            "text %d of %d has %d tokens, the context is %d: split it into shorter ones"
                .formatted(i + 1, prompts.size(), length, contextLength));
      }
    }
  }

  /** Ends a running reading, then frees the model. */
  @Override
  public void close() {
    turns.close();
  }
}
