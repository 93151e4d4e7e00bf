package dev.qwen4j.model;

import java.time.Duration;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One failed attempt, before it is known whether it will be made again. Its parts make one line:
 * what happened, how often, what the server said, what to do.
 *
 * @param what a clause that can be followed by "after 3 retries"
 * @param detail what the server or the network said; empty when nothing
 * @param advice what to do; empty when there is nothing to say
 * @param retriable whether the same request may succeed when it is sent again
 * @param response what is known of a response, or null when none came
 * @param cause this failure in LangChain4j's taxonomy
 */
record Failure(
    String what,
    String detail,
    String advice,
    boolean retriable,
    @Nullable Response response,
    RuntimeException cause) {

  /**
   * The part of a response that callers may act on.
   *
   * @param received the beginning of the body
   */
  record Response(
      @Nullable Integer status, @Nullable Duration retryAfter, @Nullable String received) {}

  /** Carries a failure out of an attempt; whoever made the attempt decides what becomes of it. */
  static final class Thrown extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Failure failure;

    Thrown(Failure failure) {
      super(failure.what(), failure.cause());
      this.failure = failure;
    }

    Failure failure() {
      return failure;
    }
  }

  /** The same failure once part of an answer has been delivered: sending again would repeat it. */
  Failure notRetriable() {
    return new Failure(what, detail, advice, false, response, cause);
  }

  @Nullable Duration retryAfter() {
    return response == null ? null : response.retryAfter();
  }

  ModelException exception(int retries) {
    String times =
        retries == 0
            ? ""
            : retries == 1 ? " after 1 retry" : " after %d retries".formatted(retries);
    String message =
        Stream.of(what + times + (detail.isEmpty() ? "" : ": " + detail), advice)
            .filter(part -> !part.isEmpty())
            .collect(Collectors.joining("; "));
    return response == null
        ? new ModelException(message, cause)
        : new ModelException(
            message, response.status(), response.retryAfter(), response.received(), cause);
  }
}
