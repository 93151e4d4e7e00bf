package dev.qwen4j.agent;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
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
  private static final long TICK_MILLIS = 50;

  /**
   * @param event what happened
   * @param ended or who has come to an end instead
   */
  private record Item(@Nullable AgentEvent event, @Nullable Object ended) {}

  private final BlockingQueue<Item> items = new LinkedBlockingQueue<>(ROOM);
  private final AgentListener listener;
  private volatile boolean closed;

  /**
   * @param listener hears the events, on the thread that calls {@link #await}
   */
  Inbox(AgentListener listener) {
    this.listener = listener;
  }

  /** Adds an event, from any thread. */
  void add(AgentEvent event) {
    put(new Item(event, null));
  }

  /** Does some work, and lets whoever awaits it know at once that it has ended. */
  <T> Attempt.Work<T> telling(Object who, Attempt.Work<T> work) {
    return own -> {
      try {
        return work.run(own);
      } finally {
        put(new Item(null, who));
      }
    };
  }

  private void put(Item item) {
    try {
      while (!closed && !items.offer(item, TICK_MILLIS, TimeUnit.MILLISECONDS)) {
        // The listener is slow.
      }
    } catch (InterruptedException e) { // It was given up, and nobody cares for its events.
      Thread.currentThread().interrupt();
    }
  }

  /** Tells what happens until the work has ended, or the deadline has passed. */
  <T> Attempt.Outcome<T> await(Object who, Attempt<T> attempt, Deadline deadline) {
    try {
      boolean ended = false;
      while (!ended && !attempt.isDone() && !deadline.isPast()) {
        Item item = items.poll(TICK_MILLIS, TimeUnit.MILLISECONDS);
        ended = item != null && who.equals(item.ended());
        tell(item);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The attempt sees to it.
    }
    Attempt.Outcome<T> outcome = attempt.await(deadline);
    for (Item item = items.poll(); item != null; item = items.poll()) {
      tell(item);
    }
    return outcome;
  }

  private void tell(@Nullable Item item) {
    if (item != null && item.event() != null) {
      listener.onEvent(item.event());
    }
  }

  /** Drops what comes later. */
  @Override
  public void close() {
    closed = true;
    items.clear();
  }
}
