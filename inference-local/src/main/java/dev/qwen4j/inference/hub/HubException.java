package dev.qwen4j.inference.hub;

/**
 * A model could not be brought: the message is one line that says what, from where, and what to do.
 */
public final class HubException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public HubException(String message) {
    super(message);
  }

  public HubException(String message, Throwable cause) {
    super(message, cause);
  }
}
