package dev.qwen4j.model;

import dev.langchain4j.model.output.TokenUsage;
import java.util.concurrent.CancellationException;

/**
 * A reply that was cancelled while it was being written, by a model that knows what the part of it
 * cost. Models that do not know end with something else, and their part stays unmeasured.
 */
public final class ReplyCancelledException extends CancellationException {
  private static final long serialVersionUID = 1L;

  private final transient TokenUsage usage;

  /**
   * @param usage the tokens read and written until the end
   */
  public ReplyCancelledException(CancellationException cause, TokenUsage usage) {
    super(cause.getMessage());
    initCause(cause);
    this.usage = usage;
  }

  /** The tokens read and written until the reply was cancelled. */
  public TokenUsage usage() {
    return usage;
  }
}
