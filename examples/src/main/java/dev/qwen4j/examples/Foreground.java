package dev.qwen4j.examples;

import dev.qwen4j.tool.Cancellation;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Runs a command's work on a thread of its own, so that Ctrl-C ends the command soon, whatever the
 * work is doing: mapping a file, repacking weights, waiting for a host.
 */
final class Foreground {
  /** How long cancelled work may take to end in good order. */
  private static final Duration GRACE = Duration.ofMillis(600);

  private Foreground() {}

  /**
   * Does the work.
   *
   * @return what it returned, or nothing when it was cancelled and did not end in time
   * @throws Exception what the work threw
   */
  static <T> Optional<T> run(Cancellation cancellation, Callable<T> work) throws Exception {
    CountDownLatch over = new CountDownLatch(1);
    FutureTask<T> task =
        new FutureTask<>(work) {
          @Override
          protected void done() {
            over.countDown();
          }
        };
    Thread thread = Thread.ofPlatform().daemon().name("qwen4j").start(task);
    try (var _ = cancellation.onCancel(over::countDown)) {
      over.await();
    }
    if (!task.isDone()) {
      thread.join(GRACE);
      if (!task.isDone()) {
        return Optional.empty();
      }
    }
    try {
      return Optional.of(task.get());
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case Exception cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw e;
      }
    }
  }
}
