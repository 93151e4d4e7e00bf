package dev.qwen4j.tools;

/**
 * What a tool will not or cannot do. The message is written for the model: what was expected, what
 * was found, what to do next.
 */
final class Refusal extends Exception {
  Refusal(String message) {
    super(message);
  }
}
