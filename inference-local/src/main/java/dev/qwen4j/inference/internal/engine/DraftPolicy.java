package dev.qwen4j.inference.internal.engine;

import java.util.Arrays;

/**
 * Whether a draft is worth checking, for one reply: if drafts after matches of such a length
 * brought, of late, more tokens than their time is worth ({@link DraftRecord}). At first it expects
 * much of long matches and little of short ones. What does not pay is tried again now and then, and
 * the more rarely, the more often that failed.
 */
final class DraftPolicy {
  /** When to draft at all. */
  enum Mode {
    NEVER,
    WHERE_IT_PAYS,
    /** Whenever there is a match. */
    ALWAYS
  }

  /** Tokens of a draft that are expected at first after a match of 3, of 4, 8, and 16 or more. */
  private static final double[] EXPECTED = {0.8, 1.5, 2.2, 2.7};

  /** Of a new draft in what is expected of the next one. */
  private static final double WEIGHT = 1 / 4.0;

  private static final int FIRST_PATIENCE = 16;
  private static final int MOST_PATIENCE = 512;

  private final Mode mode;
  private final DraftRecord record;
  private final double[] expected = EXPECTED.clone();
  private final int[] declined = new int[EXPECTED.length]; // since the last try
  private final int[] patience = new int[EXPECTED.length]; // declined before the next try

  DraftPolicy(Mode mode, DraftRecord record) {
    this.mode = mode;
    this.record = record;
    Arrays.fill(patience, FIRST_PATIENCE);
  }

  /** Whether to check the draft that a match of so many ids proposes. */
  boolean worthwhile(int match) {
    return switch (mode) {
      case NEVER -> false;
      case ALWAYS -> true;
      case WHERE_IT_PAYS -> !record.singleIsDue() && pays(kind(match));
    };
  }

  private boolean pays(int kind) {
    if (expected[kind] >= record.breakEven()) {
      return true;
    }
    if (declined[kind]++ < patience[kind]) {
      return false;
    }
    declined[kind] = 0;
    patience[kind] = Math.min(MOST_PATIENCE, 2 * patience[kind]);
    return true;
  }

  /** Of the draft after such a match, the model wrote so many tokens itself. */
  void brought(int match, int tokens) {
    int kind = kind(match);
    expected[kind] += WEIGHT * (tokens - expected[kind]);
    if (tokens >= record.breakEven()) {
      patience[kind] = FIRST_PATIENCE;
    }
  }

  private static int kind(int match) {
    int octave = Integer.SIZE - 1 - Integer.numberOfLeadingZeros(match);
    return Math.clamp(octave - 1, 0, EXPECTED.length - 1);
  }
}
