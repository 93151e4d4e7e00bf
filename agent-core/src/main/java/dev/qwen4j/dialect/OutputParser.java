package dev.qwen4j.dialect;

import java.util.function.Consumer;

/**
 * Reads a model's reply as it streams in and says what it means. An instance reads one reply, is
 * fed from one thread, and loses nothing: whatever is not thinking or a call comes out as text.
 */
public interface OutputParser {
  /**
   * Feeds the next piece of the reply, cut anywhere, and emits every event that is now certain.
   * Text that may still become a marker or a call is held back.
   */
  void accept(String delta, Consumer<OutputEvent> out);

  /** The reply has ended: emits what was held back. */
  void finish(Consumer<OutputEvent> out);
}
