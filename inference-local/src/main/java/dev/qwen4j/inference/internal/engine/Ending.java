package dev.qwen4j.inference.internal.engine;

/**
 * How a generation ended.
 *
 * @param generated tokens sampled, a stop token among them
 * @param reused prompt tokens that did not have to be read again
 */
public record Ending(Cause cause, int generated, int reused) {
  /** What ended it. */
  public enum Cause {
    /** The model said it was done. */
    STOP_TOKEN,
    /** Whoever took the tokens wanted no more. */
    SINK,
    /** The limit of the request or of the context. */
    LENGTH
  }
}
