package dev.qwen4j.model;

import java.time.Duration;

/**
 * How long a call may hang in each phase.
 *
 * @param connect until a connection is made: name lookup, TCP and TLS together
 * @param firstByte from then until the answer begins: a long prompt may take this long to read
 * @param idle between two pieces of an answer that has begun
 */
record Timeouts(Duration connect, Duration firstByte, Duration idle) {
  static final Timeouts DEFAULT =
      new Timeouts(Duration.ofSeconds(10), Duration.ofSeconds(120), Duration.ofSeconds(120));

  /** How long an answer that is already complete may take to close its stream. */
  static final Duration CLOSING = Duration.ofSeconds(2);

  Timeouts {
    for (Duration timeout : new Duration[] {connect, firstByte, idle}) {
      if (!timeout.isPositive()) {
        throw new IllegalArgumentException("Timeouts must be positive, but found " + timeout);
      }
    }
  }
}
