package dev.qwen4j.inference;

/**
 * A checkpoint file cannot be used: it is missing, damaged, or of a kind that this engine does not
 * run. The message is one line that names the file and the field, says what was expected and what
 * was found, and what to do.
 */
public final class BadCheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public BadCheckpointException(String message) {
    super(message);
  }

  public BadCheckpointException(String message, Throwable cause) {
    super(message, cause);
  }
}
