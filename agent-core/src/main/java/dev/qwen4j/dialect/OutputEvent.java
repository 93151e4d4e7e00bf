package dev.qwen4j.dialect;

/**
 * A piece of a model's reply after its text has been read: what to show, what to keep, what to run.
 */
public sealed interface OutputEvent {
  /** Text for the reader; concatenated deltas are the visible reply. */
  record Text(String delta) implements OutputEvent {}

  /** Text from between {@code <think>} and {@code </think>}. */
  record Thinking(String delta) implements OutputEvent {}

  /**
   * One whole tool call.
   *
   * @param name the tool's name as the model wrote it; empty when none could be read
   * @param arguments the JSON object of its arguments; when it could not be read or repaired, the
   *     raw text as the model wrote it, so that whoever checks the call can say where it is broken
   */
  record Call(String name, String arguments) implements OutputEvent {}
}
