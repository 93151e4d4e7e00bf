package dev.qwen4j.agent;

import java.time.Duration;
import java.time.Instant;

/**
 * A point on this machine's monotonic clock.
 *
 * @param nanos as {@link System#nanoTime} counts
 */
record Deadline(long nanos) {
  /** Longer than any run; keeps the sum below the clock's overflow. */
  private static final Duration LONGEST = Duration.ofDays(10_000);

  static Deadline in(Duration time) {
    Duration capped = time.compareTo(LONGEST) < 0 ? time : LONGEST;
    return new Deadline(System.nanoTime() + capped.toNanos());
  }

  Deadline earlier(Deadline other) {
    return nanos - other.nanos <= 0 ? this : other;
  }

  boolean isPast() {
    return remainingNanos() == 0;
  }

  long remainingNanos() {
    return Math.max(0, nanos - System.nanoTime());
  }

  Instant instant() {
    return Instant.now().plusNanos(remainingNanos());
  }
}
