package dev.qwen4j.tool;

import java.util.ArrayList;
import java.util.List;

/**
 * A request to stop, seen by everything that works for a run: the loop, the model call, tools and
 * their child processes. Once cancelled it stays so. Safe to use from any thread.
 */
public final class Cancellation {
  private final List<Runnable> actions = new ArrayList<>();
  private volatile boolean cancelled;

  /**
   * Asks to stop. The first call runs the registered actions, all of them, and throws what the
   * first failing one threw; later calls do nothing.
   */
  public void cancel() {
    List<Runnable> toRun;
    synchronized (actions) {
      if (cancelled) {
        return;
      }
      cancelled = true;
      toRun = List.copyOf(actions);
      actions.clear();
    }
    RuntimeException failure = null;
    for (Runnable action : toRun) {
      try {
        action.run();
      } catch (RuntimeException e) { // The others must hear of it too.
        failure = failure == null ? e : failure;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  public boolean isCancelled() {
    return cancelled;
  }

  /**
   * Runs {@code action} once when cancelled, on the cancelling thread, at once if that has already
   * happened. It should return soon.
   *
   * @return closes the registration, so that long runs do not collect dead actions
   */
  public Registration onCancel(Runnable action) {
    synchronized (actions) {
      if (!cancelled) {
        actions.add(action);
        return () -> {
          synchronized (actions) {
            actions.remove(action);
          }
        };
      }
    }
    action.run();
    return () -> {};
  }

  /** Ends an interest in a cancellation. */
  public interface Registration extends AutoCloseable {
    @Override
    void close();
  }
}
