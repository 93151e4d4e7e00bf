package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.kernel.KvType;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;

/**
 * The sequences of earlier requests, of which a new one reuses the longest common prefix. A request
 * that goes on with a conversation takes its sequence over; one that only begins alike, as another
 * run of the same agent does, gets a copy of the part in common, so that both can go on.
 *
 * <p>Beside the sequence in use, those used last stay while their keys and values fit a bound. Used
 * by one thread at a time.
 */
final class PrefixCache {
  private final LoadedModel model;
  private final int contextLength;
  private final KvType type;
  private final long mostBytes;
  private final Deque<RetainedSequence> sequences = new ArrayDeque<>(); // the last used first

  /**
   * An empty cache.
   *
   * @param contextLength that every sequence may grow to
   * @param mostBytes of keys and values beside those of the sequence in use
   */
  PrefixCache(LoadedModel model, int contextLength, KvType type, long mostBytes) {
    this.model = model;
    this.contextLength = contextLength;
    this.type = type;
    this.mostBytes = mostBytes;
  }

  /** As much as one whole context takes, but no more than an eighth of what the JVM may use. */
  static long defaultBytes(LoadedModel model, int contextLength, KvType type) {
    return Math.min(
        contextLength * model.pass().stateBytesPerPosition(type),
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
            .map(earlier -> earlier.isContinuedBy(prompt) ? earlier : earlier.copyFor(prompt))
            .orElseGet(() -> new RetainedSequence(model, contextLength, type));
    sequences.remove(sequence);
    long bytes = 0;
    int kept = 0;
    for (RetainedSequence earlier : sequences) {
      bytes += earlier.bytes();
      if (bytes > mostBytes) {
        break;
      }
      kept++;
    }
    while (sequences.size() > kept) {
      sequences.removeLast();
    }
    sequences.addFirst(sequence);
    return sequence;
  }
}
