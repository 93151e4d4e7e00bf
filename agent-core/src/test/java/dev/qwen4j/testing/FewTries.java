package dev.qwen4j.testing;

import java.time.Duration;

/**
 * For what can only be shown against a clock. A machine that stalls for a moment is no fault of
 * ours: one good try of a few is a proof, and what is wrong fails them all.
 */
public final class FewTries {
  private static final int MOST = 6;

  private FewTries() {}

  /** What is tried, from its beginning. */
  public interface Try {
    void run() throws Exception;
  }

  /** What is tried, with some time that is short at first. */
  public interface TimedTry {
    void within(Duration time) throws Exception;
  }

  /** Tries until it succeeds. */
  public static void oneSucceeds(Try attempt) throws Exception {
    withEverMoreTime(Duration.ZERO, time -> attempt.run());
  }

  /** Tries until it succeeds, each time with twice the time. */
  public static void withEverMoreTime(Duration first, TimedTry attempt) throws Exception {
    Duration time = first;
    for (int i = 1; i < MOST; i++) {
      try {
        attempt.within(time);
        return;
      } catch (AssertionError unlucky) {
        time = time.multipliedBy(2);
      }
    }
    attempt.within(time);
  }
}
