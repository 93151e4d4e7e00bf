package dev.qwen4j.model;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A model could not answer: the endpoint refused, failed, hung or sent something unreadable, or the
 * local engine could not run the request. The message is one line that says what was expected, what
 * was found and what to do; it never holds a key.
 */
public final class ModelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final @Nullable Integer status;
  private final @Nullable Duration retryAfter;
  private final @Nullable String received;

  public ModelException(String message) {
    this(message, null, null, null, null);
  }

  public ModelException(String message, @Nullable Throwable cause) {
    this(message, null, null, null, cause);
  }

  /**
   * @param status the HTTP status, or null when no response came
   * @param retryAfter how long the server asked to wait, or null when it did not say
   * @param received the beginning of what was received, or null when nothing was
   */
  public ModelException(
      String message,
      @Nullable Integer status,
      @Nullable Duration retryAfter,
      @Nullable String received,
      @Nullable Throwable cause) {
    super(message, cause);
    this.status = status;
    this.retryAfter = retryAfter;
    this.received = received;
  }

  public OptionalInt status() {
    return status == null ? OptionalInt.empty() : OptionalInt.of(status);
  }

  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }

  /** The beginning of the response body, as it was received. */
  public Optional<String> received() {
    return Optional.ofNullable(received);
  }
}
