package dev.qwen4j.model;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * When to send a request again: waits that double from {@code firstWait} up to {@code longestWait},
 * with a quarter of jitter either way, and never shorter than the server asks. A server that asks
 * for more than {@code longestWait} is not asked again, so the sum of all waits is bounded by
 * {@code maxRetries × longestWait}.
 */
record RetryPolicy(int maxRetries, Duration firstWait, Duration longestWait) {
  static final RetryPolicy DEFAULT =
      new RetryPolicy(3, Duration.ofMillis(500), Duration.ofSeconds(60));

  RetryPolicy {
    if (maxRetries < 0) {
      throw new IllegalArgumentException("maxRetries must not be negative, but was " + maxRetries);
    }
    if (!firstWait.isPositive() || longestWait.compareTo(firstWait) < 0) {
      throw new IllegalArgumentException(
          "Retry waits must be positive and grow, but were "
              + firstWait
              + " and at longest "
              + longestWait);
    }
  }

  /**
   * How long to wait before the next attempt.
   *
   * @param retries how many retries have been made
   * @param retryAfter what the server asked for, or null
   * @return empty to give up
   */
  Optional<Duration> waitBefore(int retries, @Nullable Duration retryAfter) {
    if (retries >= maxRetries || (retryAfter != null && retryAfter.compareTo(longestWait) > 0)) {
      return Optional.empty();
    }
    double factor =
        Math.scalb(1.0, Math.min(retries, 30)) * ThreadLocalRandom.current().nextDouble(0.75, 1.25);
    Duration wait =
        Duration.ofNanos(
            (long) Math.min(firstWait.toNanos() * factor, (double) longestWait.toNanos()));
    return Optional.of(retryAfter != null && retryAfter.compareTo(wait) > 0 ? retryAfter : wait);
  }
}
