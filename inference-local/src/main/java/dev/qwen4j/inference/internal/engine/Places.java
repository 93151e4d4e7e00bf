package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.model.ModelException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Who may generate: so many threads at once, so many more wait for a place in the order of asking,
 * and whoever comes then is told that the model is busy.
 */
public final class Places implements AutoCloseable {
  /** Between two looks at whether who waits has been cancelled. */
  private static final long LOOK_MILLIS = 20;

  private final int atOnce;
  private final int waiting;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Object> queue = new ArrayDeque<>(); // guarded by lock
  private final Set<Thread> taken = new HashSet<>(); // guarded by lock
  private volatile boolean closed;

  /**
   * No one has a place yet.
   *
   * @param atOnce how many may generate
   * @param waiting how many more may wait
   */
  public Places(int atOnce, int waiting) {
    this.atOnce = atOnce;
    this.waiting = waiting;
  }

  /**
   * Waits for a place and takes it for this thread.
   *
   * @param pause called now and then; what it throws ends the waiting
   * @throws ModelException if too many wait already
   * @throws CancellationException if the thread is interrupted, or this has been closed
   */
  void take(Runnable pause) {
    lock.lock();
    try {
      if (taken.contains(Thread.currentThread())) {
        throw new IllegalStateException(
            "a callback of a reply asked the model that is writing it; ask after the reply has"
                + " ended");
      }
      if (taken.size() >= atOnce && queue.size() >= waiting) {
        throw new ModelException(
            "the model is busy: %d replies are being written and %d requests wait, which is the most;"
                    .formatted(taken.size(), queue.size())
                + " ask again later, or load the model with a larger LoadOptions.Concurrency");
      }
      Object ticket = new Object();
      queue.add(ticket);
      try {
        pause.run();
        while (queue.peek() != ticket || taken.size() >= atOnce) {
          awaitChange();
          pause.run();
        }
        taken.add(Thread.currentThread());
      } finally {
        queue.remove(ticket);
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  // Whether there is a place now, and whether who waits has been cancelled, is looked at anyway.
  @SuppressWarnings("WaitNotInLoop")
  private void awaitChange() {
    try {
      boolean unused = changed.await(LOOK_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      CancellationException cancelled =
          new CancellationException("interrupted while waiting for the model");
      cancelled.initCause(e);
      throw cancelled;
    }
  }

  /** Gives this thread's place back. */
  void leave() {
    lock.lock();
    try {
      taken.remove(Thread.currentThread());
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  boolean closed() {
    return closed;
  }

  /**
   * Lets nobody in any more, and waits until all have left, who see that this is {@link #closed}.
   */
  @Override
  public void close() {
    closed = true;
    lock.lock();
    try {
      while (!taken.isEmpty() || !queue.isEmpty()) {
        changed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }
}
