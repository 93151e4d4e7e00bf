package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.kernel.Candidates;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.sampling.Sampler;
import dev.qwen4j.inference.internal.sampling.SamplingOptions;
import dev.qwen4j.model.ModelException;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/**
 * Generates replies, several at once ({@link Batcher}) on the threads that ask for them; who asks
 * when there is no place ({@link Places}) waits or is refused. Sequences stay in memory ({@link
 * PrefixCache}), so that a conversation's next turn only reads what is new.
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
  private final Places places;
  private final Batcher batcher;
  private final DraftRecord drafts = new DraftRecord();
  private final AtomicBoolean freed = new AtomicBoolean();
  private volatile DraftPolicy.Mode drafting = DraftPolicy.Mode.WHERE_IT_PAYS;

  /**
   * What a sequence may hold.
   *
   * @param length the most tokens of prompt and reply together
   * @param type how their keys and values are kept
   */
  public record Context(int length, KvType type) {}

  /**
   * An engine over a model, which it closes with itself.
   *
   * @param stopIds the tokens that end a reply
   * @param vocabulary how many ids the tokenizer knows; rows of the output beyond are never chosen
   * @param copies where those of the first message of prompts are kept beyond this process
   * @param places for those who generate
   */
  public Engine(
      LoadedModel model,
      Set<Integer> stopIds,
      int vocabulary,
      Context context,
      PromptCopies copies,
      Places places) {
    this.model = model;
    this.places = places;
    this.batcher = new Batcher(model);
    this.stopIds = Set.copyOf(stopIds);
    this.vocabulary = vocabulary;
    this.contextLength = context.length();
    this.cache =
        new PrefixCache(
            model,
            contextLength,
            context.type(),
            PrefixCache.defaultBytes(model, contextLength, context.type()),
            copies);
  }

  /** When the replies to come are written with drafts; at first, where it pays. */
  void drafts(DraftPolicy.Mode mode) {
    drafting = mode;
  }

  /** Every step of the replies to come is to write one token. */
  public void neverDraft() {
    drafts(DraftPolicy.Mode.NEVER);
  }

  /** What drafts have cost and brought. */
  DraftRecord drafts() {
    return drafts;
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
    Runnable pause = () -> endIfCancelled(cancelled);
    places.take(pause);
    try {
      return run(prompt, sampling, Math.min(mostTokens, room), sink, pause);
    } finally {
      places.leave();
    }
  }

  private void endIfCancelled(BooleanSupplier cancelled) {
    if (places.closed()) {
      throw new CancellationException("the model has been closed");
    }
    if (Thread.currentThread().isInterrupted() || cancelled.getAsBoolean()) {
      throw new CancellationException("the generation was cancelled");
    }
  }

  private Ending run(
      int[] prompt, SamplingOptions sampling, int most, TokenSink sink, Runnable pause) {
    Sampler sampler = new Sampler(sampling, vocabulary);
    sampler.prompt(prompt);
    RetainedSequence sequence =
        batcher.whileNobodyReads(
            () -> {
              cache.remember(firstMessage(prompt));
              return cache.sequenceFor(prompt);
            },
            pause);
    try {
      float[] logits = new float[model.pass().vocabularySize()];
      Candidates first = candidates(sampler, 0);
      int reused = sequence.readPrompt(prompt, batcher, first, logits, pause);
      batcher.writes();
      try {
        return write(
            new Writing(sampler, drafting(prompt, sequence, sampler, pause), most, sink, reused),
            logits,
            pause);
      } finally {
        batcher.stops();
      }
    } finally {
      sequence.release();
    }
  }

  private Candidates candidates(Sampler sampler, int ahead) {
    return new Candidates(sampler.candidates(ahead), vocabulary);
  }

  private Drafting drafting(
      int[] prompt, RetainedSequence sequence, Sampler sampler, Runnable pause) {
    return new Drafting(
        new PromptLookup(prompt),
        sequence.text(batcher, ahead -> candidates(sampler, ahead), pause),
        drafts,
        new DraftPolicy(drafting, drafts),
        batcher::alone,
        System::nanoTime);
  }

  /** A reply in the making. */
  private record Writing(Sampler sampler, Drafting drafting, int most, TokenSink sink, int reused) {
    Ending ending(Ending.Cause cause, int generated) {
      return new Ending(cause, generated, reused);
    }
  }

  private Ending write(Writing reply, float[] logits, Runnable pause) {
    int generated = 0;
    try {
      while (generated < reply.most()) {
        int id = reply.sampler().sample(logits);
        generated++;
        if (stopIds.contains(id)) {
          return reply.ending(Ending.Cause.STOP_TOKEN, generated);
        }
        if (!reply.sink().accept(id)) {
          return reply.ending(Ending.Cause.SINK, generated);
        }
        pause.run();
        if (generated < reply.most()) {
          reply.drafting().follow(id, reply.most() - generated, logits);
        }
      }
      return reply.ending(Ending.Cause.LENGTH, generated);
    } finally {
      reply.drafting().end();
    }
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

  /** Ends running generations, frees the model, and keeps what prompts have begun with. */
  @Override
  public void close() {
    places.close();
    if (!freed.getAndSet(true)) {
      model.close();
      cache.keepBeginnings();
    }
  }
}
