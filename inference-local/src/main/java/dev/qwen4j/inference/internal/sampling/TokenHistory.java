package dev.qwen4j.inference.internal.sampling;

import java.util.Arrays;

/**
 * What a sequence has said so far, as far as penalties need it.
 *
 * <p>Keeps two counts per id (in the window, and generated) and the list of ids with any count, so
 * that a step touches only tokens that have occurred. Empty and free when there are no penalties.
 */
final class TokenHistory {
  private final SamplingOptions.Penalties penalties;
  private final int vocabulary;
  private final int[] inWindow;
  private final int[] generated;
  private int[] seen = new int[64];
  private int seenCount;

  /** The latest tokens, a ring once it is full; stays empty for an unlimited window. */
  private int[] latest = new int[0];

  private int latestCount;

  TokenHistory(SamplingOptions.Penalties penalties, int vocabulary) {
    this.penalties = penalties;
    this.vocabulary = vocabulary;
    int counts = penalties.none() ? 0 : vocabulary;
    inWindow = new int[counts];
    generated = new int[counts];
  }

  void add(int id, boolean isGenerated) {
    if (id < 0 || id >= vocabulary) {
      throw new IllegalArgumentException(
          "token id: expected 0 to " + (vocabulary - 1) + ", found " + id);
    }
    if (penalties.none()) {
      return;
    }
    slideWindow(id);
    if (inWindow[id] == 0 && generated[id] == 0) {
      if (seenCount == seen.length) {
        seen = Arrays.copyOf(seen, seenCount * 2);
      }
      seen[seenCount++] = id;
    }
    inWindow[id]++;
    if (isGenerated) {
      generated[id]++;
    }
  }

  /** Whether a penalty never makes a token more likely. */
  boolean onlyLowers() {
    return penalties.repetition() >= 1 && penalties.presence() >= 0 && penalties.frequency() >= 0;
  }

  /** How many tokens are penalised at most when {@code ahead} more have been added. */
  int penalised(int ahead) {
    return penalties.none() ? 0 : seenCount + ahead;
  }

  private void slideWindow(int id) {
    int window = penalties.window();
    if (window == Integer.MAX_VALUE) {
      return;
    }
    if (latestCount < window && latestCount == latest.length) {
      latest = Arrays.copyOf(latest, (int) Math.min(window, Math.max(64L, 2L * latestCount)));
    }
    int slot = latestCount % window;
    if (latestCount >= window) {
      inWindow[latest[slot]]--;
      latestCount = window + slot; // the same place in the ring, and no overflow
    }
    latest[slot] = id;
    latestCount++;
  }

  void penalise(float[] logits) {
    int kept = 0;
    for (int i = 0; i < seenCount; i++) {
      int id = seen[i];
      if (inWindow[id] == 0 && generated[id] == 0) {
        continue; // slid out of the window
      }
      seen[kept++] = id;
      double logit = logits[id];
      if (inWindow[id] > 0) {
        logit = logit < 0 ? logit * penalties.repetition() : logit / penalties.repetition();
      }
      if (generated[id] > 0) {
        logit -= penalties.presence() + penalties.frequency() * generated[id];
      }
      logits[id] = (float) logit;
    }
    seenCount = kept;
  }
}
