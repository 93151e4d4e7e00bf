package dev.qwen4j.inference.internal.engine;

/** Takes the tokens of a reply as they are generated. */
@FunctionalInterface
public interface TokenSink {
  /** Takes the next token, which is no stop token; false ends the reply after it. */
  boolean accept(int id);
}
