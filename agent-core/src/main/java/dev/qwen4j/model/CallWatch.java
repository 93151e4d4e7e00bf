package dev.qwen4j.model;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import org.jspecify.annotations.Nullable;

/**
 * Watches one HTTP call from beside, and cancels it when the calling thread is interrupted or when
 * it waits too long in one phase. A thread blocked in a socket notices neither by itself (a
 * platform thread sleeps through interrupts there), and only a watcher can tell which phase hung.
 *
 * <p>Only time inside {@link #waiting()} … {@link #resumed()} counts: a listener may take as long
 * as it likes. The watcher is a virtual thread that looks every {@value #TICK_MILLIS} ms and ends
 * with {@link #close()}.
 */
final class CallWatch implements AutoCloseable {
  private static final int TICK_MILLIS = 20;

  /** Where a call can hang. */
  enum Phase {
    CONNECTING,
    AWAITING_ANSWER,
    STREAMING,
    /** The answer is complete; what may still come is its token usage and the end of the stream. */
    CLOSING
  }

  private final Thread caller = Thread.currentThread();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Timeouts timeouts;

  // Written by the calling thread (and CONNECTING's end by okhttp, on it), read by the watcher.
  private volatile Phase phase = Phase.CONNECTING;
  private volatile long waitingSince;
  private volatile boolean waiting;

  // Written by the watcher, before it cancels.
  private volatile boolean interrupted;
  private volatile @Nullable Phase timedOut;

  CallWatch(Timeouts timeouts) {
    this.timeouts = timeouts;
  }

  void start(Call call) {
    waiting();
    Thread.ofVirtual().name("qwen4j-call-watch").start(() -> watch(call));
  }

  private void watch(Call call) {
    try {
      while (!closed.await(TICK_MILLIS, TimeUnit.MILLISECONDS)) {
        Phase current = phase;
        if (caller.isInterrupted()) {
          interrupted = true;
        } else if (waiting && System.nanoTime() - waitingSince > limit(current).toNanos()) {
          timedOut = current;
        } else {
          continue;
        }
        call.cancel();
        return;
      }
    } catch (InterruptedException e) {
      // Nobody holds this thread, so nobody interrupts it; if someone did, the call ends with it.
      call.cancel();
    }
  }

  /** The call has reached a phase, whose time starts now. */
  void enter(Phase next) {
    waitingSince = System.nanoTime();
    phase = next;
  }

  /** The calling thread is about to wait for the network. */
  void waiting() {
    waitingSince = System.nanoTime();
    waiting = true;
  }

  /** Something arrived. */
  void resumed() {
    waiting = false;
  }

  boolean interrupted() {
    return interrupted || caller.isInterrupted();
  }

  Phase phase() {
    return phase;
  }

  /** The phase that took too long, or null. */
  @Nullable Phase timedOut() {
    return timedOut;
  }

  Duration limit(Phase of) {
    return switch (of) {
      case CONNECTING -> timeouts.connect();
      case AWAITING_ANSWER -> timeouts.firstByte();
      case STREAMING -> timeouts.idle();
      case CLOSING -> Timeouts.CLOSING;
    };
  }

  @Override
  public void close() {
    closed.countDown();
  }
}
