package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.kernel.KvType;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;

/**
 * The sequences of earlier requests, of which a new one reuses the longest common prefix. A request
 * that goes on with a conversation takes its sequence over; one that only begins alike, as another
 * run of the same agent does, gets one of its own that has the part in common with it, in the same
 * memory as far as that is whole pages of keys and values, so that both can go on.
 *
 * <p>Beside the sequences in use, those used last stay while what they remember fits a bound. Used
 * by one thread at a time, while no sequence is being read.
 */
final class PrefixCache {
  /** Beginnings of prompts that are kept of one process. */
  private static final int MOST_BEGINNINGS = 4;

  /** Of recurrent layers, which fit the bound however short the context is: four sequences'. */
  private static final int SNAPSHOTS = 24;

  private final LoadedModel model;
  private final int contextLength;
  private final KvType type;
  private final long mostBytes;
  private final PromptCopies copies;
  private final Deque<RetainedSequence> sequences = new ArrayDeque<>(); // the last used first
  private volatile boolean conversationToo;
  private final Deque<int[]> beginnings = new ArrayDeque<>(); // of prompts, the last used first

  /**
   * An empty cache.
   *
   * @param contextLength that every sequence may grow to
   * @param mostBytes of what sequences remember, beside the one in use
   * @param copies where sequences begin that no earlier one is like
   */
  PrefixCache(
      LoadedModel model, int contextLength, KvType type, long mostBytes, PromptCopies copies) {
    this.model = model;
    this.contextLength = contextLength;
    this.type = type;
    this.mostBytes = mostBytes;
    this.copies = copies;
  }

  /**
   * As much as one whole context takes, and what recurrent layers remember of a few; but no more
   * than an eighth of what the JVM may use.
   */
  static long defaultBytes(LoadedModel model, int contextLength, KvType type) {
    return Math.min(
        contextLength * model.pass().stateBytesPerPosition(type)
            + SNAPSHOTS * model.pass().snapshotBytes(),
        Runtime.getRuntime().maxMemory() / 8);
  }

  /** The sequence to read {@code prompt} with. */
  RetainedSequence sequenceFor(int[] prompt) {
    RetainedSequence sequence =
        sequences.stream()
            .filter(earlier -> earlier.alike(prompt) > 0)
            .max(
                Comparator.<RetainedSequence>comparingInt(earlier -> earlier.known(prompt))
                    .thenComparingInt(earlier -> earlier.alike(prompt)))
            .map(
                earlier ->
                    !earlier.inUse() && earlier.isContinuedBy(prompt)
                        ? earlier
                        : earlier.copyFor(prompt))
            .orElseGet(() -> new RetainedSequence(model, contextLength, type));
    sequence = loaded(prompt, sequence.known(prompt)).orElse(sequence);
    sequence.keepsFirstMessage(rememberedBeginning(prompt));
    sequence.take(prompt);
    sequences.remove(sequence);
    forgetOldest();
    sequences.addFirst(sequence);
    return sequence;
  }

  /** Of the sequences that nobody uses, until the others fit the bound. */
  private void forgetOldest() {
    long bytes = 0;
    Iterator<RetainedSequence> earlier = sequences.iterator();
    while (earlier.hasNext()) {
      RetainedSequence each = earlier.next();
      if (each.inUse()) {
        continue;
      }
      bytes += each.bytes();
      if (bytes > mostBytes) {
        earlier.remove();
      }
    }
  }

  /** A sequence that begins with what a file knows, if that is worth it. */
  private Optional<RetainedSequence> loaded(int[] prompt, int known) {
    Optional<PromptCopies.Kept> kept = copies.find(prompt, known, type);
    if (kept.isEmpty()) {
      return Optional.empty();
    }
    RetainedSequence sequence = new RetainedSequence(model, contextLength, type);
    return sequence.load(kept.get(), prompt) ? Optional.of(sequence) : Optional.empty();
  }

  /** How long what has been remembered of {@code prompt} is. */
  private int rememberedBeginning(int[] prompt) {
    return beginnings.stream()
        .filter(beginning -> beginning.length < prompt.length)
        .filter(
            beginning -> Arrays.equals(beginning, 0, beginning.length, prompt, 0, beginning.length))
        .findFirst()
        .map(beginning -> beginning.length)
        .orElse(0);
  }

  /**
   * Remembers what a prompt begins with, to be kept. A recurrent model can keep it if this is
   * called before {@link #sequenceFor} that prompt: then its reading makes a checkpoint there.
   */
  void remember(int[] beginning) {
    if (!copies.areWorthIt(beginning.length)) {
      return;
    }
    beginnings.removeIf(earlier -> Arrays.equals(earlier, beginning));
    beginnings.addFirst(beginning);
    if (beginnings.size() > MOST_BEGINNINGS) {
      beginnings.removeLast();
    }
  }

  /** {@link #keepBeginnings} is to keep the last conversation as a whole, too; from any thread. */
  void keepConversationToo() {
    conversationToo = true;
  }

  /**
   * Keeps what prompts have begun with, as far as there are sequences that know it, and the last
   * conversation if that is asked for; once.
   */
  void keepBeginnings() {
    for (int[] beginning : beginnings) {
      sequences.stream()
          .filter(sequence -> sequence.beginsWith(beginning))
          .findFirst()
          .ifPresent(sequence -> sequence.keep(beginning, copies));
    }
    beginnings.clear();
    if (conversationToo && !sequences.isEmpty()) {
      sequences.getFirst().keepWhole(copies);
    }
  }
}
