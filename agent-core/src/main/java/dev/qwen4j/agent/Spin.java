package dev.qwen4j.agent;

import java.util.function.BooleanSupplier;

/**
 * A short look before a thread parks. Waking a parked thread takes tens of microseconds, on virtual
 * machines up to a hundred: more than quick tools and the next piece of a stream do.
 */
final class Spin {
  private static final long NANOS = 50_000;

  private Spin() {}

  /** Comes back when it is so, or soon; at once on a virtual thread, whose carrier others need. */
  static void until(BooleanSupplier done) {
    if (Thread.currentThread().isVirtual()) {
      return;
    }
    long start = System.nanoTime();
    while (!done.getAsBoolean() && System.nanoTime() - start < NANOS) {
      Thread.onSpinWait();
    }
  }
}
