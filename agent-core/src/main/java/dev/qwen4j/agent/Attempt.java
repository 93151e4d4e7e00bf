package dev.qwen4j.agent;

import dev.qwen4j.tool.Cancellation;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Foreign work on a virtual thread of its own, which the run waits for but never longer than it
 * wants to: work that is given up has its {@link Cancellation} cancelled and its thread
 * interrupted, and nobody waits for it to notice.
 */
final class Attempt<T> {
  private static final Logger LOG = LoggerFactory.getLogger(Attempt.class);

  interface Work<T> {
    /** Does it, and ends soon after {@code own} is cancelled. */
    T run(Cancellation own) throws Exception;
  }

  sealed interface Outcome<T> {
    record Done<T>(T value) implements Outcome<T> {}

    record Failed<T>(Throwable cause) implements Outcome<T> {}

    record TimedOut<T>() implements Outcome<T> {}

    record Cancelled<T>() implements Outcome<T> {}
  }

  private final Cancellation run;
  private final Cancellation own = new Cancellation();
  private final Cancellation.Registration link;
  private final FutureTask<T> task;

  /** Starts at once, as a part of the run that {@code run} cancels. */
  Attempt(String threadName, Cancellation run, Work<T> work) {
    this(threadName, run, work, () -> {});
  }

  /**
   * The same.
   *
   * @param atEnd is told that it {@linkplain #isDone has ended} or was given up
   */
  Attempt(String threadName, Cancellation run, Work<T> work, Runnable atEnd) {
    this.run = run;
    this.task =
        new FutureTask<>(() -> work.run(own)) {
          @Override
          protected void done() {
            atEnd.run();
          }
        };
    Thread.ofVirtual().name(threadName).start(task);
    this.link =
        run.onCancel(
            () -> {
              task.cancel(true);
              own.cancel();
            });
  }

  /** Waits for the end of the work, and gives it up at the deadline. */
  Outcome<T> await(Deadline deadline) {
    try {
      return new Outcome.Done<>(task.get(deadline.remainingNanos(), TimeUnit.NANOSECONDS));
    } catch (ExecutionException e) {
      return new Outcome.Failed<>(e.getCause() == null ? e : e.getCause());
    } catch (TimeoutException e) {
      return new Outcome.TimedOut<>();
    } catch (CancellationException e) {
      return new Outcome.Cancelled<>();
    } catch (InterruptedException e) {
      run.cancel();
      Thread.currentThread().interrupt();
      return new Outcome.Cancelled<>();
    } finally {
      stop();
    }
  }

  boolean isDone() {
    return task.isDone();
  }

  /** Gives the work up, if it has not ended. */
  void stop() {
    link.close();
    if (task.state() == Future.State.RUNNING) {
      task.cancel(true);
      try {
        own.cancel();
      } catch (RuntimeException e) {
        LOG.warn("Work that was given up failed to stop", e);
      }
    }
  }
}
