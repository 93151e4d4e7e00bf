package dev.qwen4j.tools;

import dev.qwen4j.tool.Cancellation;
import java.time.Duration;

/**
 * Text under a stop-watch: {@link java.util.regex.Matcher} cannot be interrupted, but it asks its
 * input for characters, and this input stops answering when the time is up.
 */
final class WatchedText implements CharSequence {
  private static final int READS_BETWEEN_CHECKS = 4_096;

  private final Cancellation cancellation;
  private CharSequence text = "";
  private long endNanos;
  private int reads;

  WatchedText(Cancellation cancellation) {
    this.cancellation = cancellation;
  }

  /** Starts over with {@code text}, which must not change while it is read. */
  void set(CharSequence text, Duration time) {
    this.text = text;
    this.endNanos = System.nanoTime() + time.toNanos();
  }

  @Override
  public char charAt(int index) {
    if (++reads >= READS_BETWEEN_CHECKS) {
      reads = 0;
      if (Thread.currentThread().isInterrupted() || cancellation.isCancelled()) {
        throw new Stopped(true);
      }
      if (System.nanoTime() - endNanos > 0) {
        throw new Stopped(false);
      }
    }
    return text.charAt(index);
  }

  @Override
  public int length() {
    return text.length();
  }

  @Override
  public CharSequence subSequence(int start, int end) {
    return text.subSequence(start, end);
  }

  @Override
  public String toString() {
    return text.toString();
  }

  /** The time is up, or somebody asked to stop. */
  static final class Stopped extends RuntimeException {
    private final boolean interruption;

    Stopped(boolean interruption) {
      super(interruption ? "interrupted" : "time is up", null, false, false);
      this.interruption = interruption;
    }

    boolean isInterruption() {
      return interruption;
    }
  }
}
