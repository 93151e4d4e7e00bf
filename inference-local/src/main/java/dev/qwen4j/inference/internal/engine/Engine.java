package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.sampling.Sampler;
import dev.qwen4j.inference.internal.sampling.SamplingOptions;
import dev.qwen4j.model.ModelException;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * Generates replies, one at a time and in the order of asking: whoever asks while another reply is
 * being generated waits. Sequences stay in memory ({@link PrefixCache}), so that a conversation's
 * next turn only reads what is new.
 *
 * <p>A generation ends early when its thread is interrupted, its request is cancelled or the engine
 * is closed, which it notices within a fraction of a layer; it then throws {@link
 * CancellationException} and leaves the engine ready for the next one.
 */
public final class Engine implements AutoCloseable {
  private final LoadedModel model;
  private final Set<Integer> stopIds;
  private final int vocabulary;
  private final int contextLength;
  private final PrefixCache cache;
  private final float[] logits; // [vocabularySize]
  private final Turns turns;

  /**
   * An engine over a model, which it closes with itself.
   *
   * @param stopIds the tokens that end a reply
   * @param vocabulary how many ids the tokenizer knows; rows of the output beyond are never chosen
   * @param contextLength the most tokens of prompt and reply together
   * @param type how their keys and values are kept
   * @param copies where those of the first message of prompts are kept beyond this process
   */
  public Engine(
      LoadedModel model,
      Set<Integer> stopIds,
      int vocabulary,
      int contextLength,
      KvType type,
      PromptCopies copies) {
    this.model = model;
    this.turns = new Turns(model);
    this.stopIds = Set.copyOf(stopIds);
    this.vocabulary = vocabulary;
    this.contextLength = contextLength;
    this.cache =
        new PrefixCache(
            model,
            contextLength,
            type,
            PrefixCache.defaultBytes(model, contextLength, type),
            copies);
    this.logits = new float[model.pass().vocabularySize()];
  }

  /**
   * Reads {@code prompt} and generates until a stop token, the sink's no, {@code mostTokens}, or
   * the end of the context.
   *
   * @param cancelled asked often, from this thread
   * @throws CancellationException if it was cancelled
   * @throws ModelException if the prompt leaves no room in the context
   */
  public Ending generate(
      int[] prompt,
      SamplingOptions sampling,
      int mostTokens,
      TokenSink sink,
      BooleanSupplier cancelled) {
    int room = contextLength - prompt.length;
    if (room < 1) {
      throw new ModelException(
          "the prompt has %d tokens, the context is %d: shorten the conversation or the tool results"
                  .formatted(prompt.length, contextLength)
              + ", or load the model with a longer context");
    }
    return turns.take(
        cancelled, pause -> run(prompt, sampling, Math.min(mostTokens, room), sink, pause));
  }

  private Ending run(
      int[] prompt, SamplingOptions sampling, int most, TokenSink sink, Runnable pause) {
    Sampler sampler = new Sampler(sampling, vocabulary);
    sampler.prompt(prompt);
    cache.remember(firstMessage(prompt));
    RetainedSequence sequence = cache.sequenceFor(prompt);
    int reused = sequence.known(prompt);
    int lastRow = sequence.readPrompt(prompt, pause);
    int generated = 0;
    while (generated < most) {
      model.pass().logits(lastRow, 1, logits);
      int id = sampler.sample(logits);
      generated++;
      if (stopIds.contains(id)) {
        return new Ending(Ending.Cause.STOP_TOKEN, generated, reused);
      }
      if (!sink.accept(id)) {
        return new Ending(Ending.Cause.SINK, generated, reused);
      }
      pause.run();
      if (generated < most) {
        sequence.append(id, pause);
        lastRow = 0;
      }
    }
    return new Ending(Ending.Cause.LENGTH, generated, reused);
  }

  /** Up to the first token that ends one: instructions and tools, if there are any. */
  private int[] firstMessage(int[] prompt) {
    int end = 0;
    while (end < prompt.length && !stopIds.contains(prompt[end])) {
      end++;
    }
    return Arrays.copyOf(prompt, end < prompt.length ? end : 0);
  }

  /** When closed, keeps all that the last request's sequence has read, too. */
  public void keepConversation() {
    cache.keepConversationToo();
  }

  /** Ends a running generation, frees the model, and keeps what prompts have begun with. */
  @Override
  public void close() {
    turns.close();
    cache.keepBeginnings();
  }
}
