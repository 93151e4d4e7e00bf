package dev.qwen4j.agent;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Brings the events of agents that work on threads of their own to the thread of the run that they
 * work for, which tells them while it waits. So a listener hears one event at a time, always on the
 * same thread, and what it throws ends the run.
 *
 * <p>Holds a limited number of events: an agent that is faster than the listener waits.
 */
final class Inbox implements AutoCloseable {
  private static final int ROOM = 1000;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition news = lock.newCondition();
  private final Condition space = lock.newCondition();
  private final Queue<AgentEvent> events = new ArrayDeque<>();
  private final AgentListener listener;
  private boolean closed;

  /**
   * @param listener hears the events, on the thread that calls {@link #await}
   */
  Inbox(AgentListener listener) {
    this.listener = listener;
  }

  /** Adds an event, from any thread. */
  void add(AgentEvent event) {
    try {
      lock.lockInterruptibly();
      try {
        while (!closed && events.size() >= ROOM) {
          space.await();
        }
        if (!closed) {
          events.add(event);
          news.signal();
        }
      } finally {
        lock.unlock();
      }
    } catch (InterruptedException e) { // It was given up, and nobody cares for its events.
      Thread.currentThread().interrupt();
    }
  }

  /** Has whoever awaits something look whether it has ended: for {@link Attempt}s. */
  void wake() {
    lock.lock();
    try {
      news.signal();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Tells what happens until the work has ended, or the deadline has passed.
   *
   * @param attempt calls {@link #wake} at its end
   */
  <T> Attempt.Outcome<T> await(Attempt<T> attempt, Deadline deadline) {
    Spin.until(attempt::isDone);
    try {
      for (AgentEvent event = next(attempt, deadline);
          event != null;
          event = next(attempt, deadline)) {
        listener.onEvent(event);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The attempt sees to it.
    }
    Attempt.Outcome<T> outcome = attempt.await(deadline);
    for (AgentEvent event = poll(); event != null; event = poll()) {
      listener.onEvent(event);
    }
    return outcome;
  }

  private @Nullable AgentEvent next(Attempt<?> attempt, Deadline deadline)
      throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!attempt.isDone() && !deadline.isPast()) {
        AgentEvent event = poll();
        if (event != null) {
          return event;
        }
        news.awaitNanos(deadline.remainingNanos());
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  private @Nullable AgentEvent poll() {
    lock.lock();
    try {
      space.signal();
      return events.poll();
    } finally {
      lock.unlock();
    }
  }

  /** Drops what comes later. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      events.clear();
      space.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
