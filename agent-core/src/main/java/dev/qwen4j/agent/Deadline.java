package dev.qwen4j.agent;

import java.time.Duration;
import java.time.Instant;

/**
 * A point on this machine's monotonic clock.
 *
 * @param nanos as {@link System#nanoTime} counts
 */
record Deadline(long nanos) {
  static Deadline in(Duration time) {
    Duration capped = time.compareTo(Limits.LONGEST) < 0 ? time : Limits.LONGEST;
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
