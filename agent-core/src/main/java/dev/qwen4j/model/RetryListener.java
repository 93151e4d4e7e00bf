package dev.qwen4j.model;

import java.time.Duration;

/** Hears of every wait before a request is sent again, so that waiting is never silent. */
@FunctionalInterface
public interface RetryListener {
  /** Called on the thread that makes the model call, before it waits. */
  void waiting(Retry retry);

  /**
   * A request that failed and will be sent again.
   *
   * @param number 1 for the first retry
   * @param limit how many retries there will be at most
   * @param delay how long until it is sent
   * @param reason what went wrong
   */
  record Retry(int number, int limit, Duration delay, ModelException reason) {}
}
