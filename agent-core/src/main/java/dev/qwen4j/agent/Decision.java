package dev.qwen4j.agent;

import dev.qwen4j.tool.ToolArguments;

/** What an {@link Approval} says of one tool call, bound to that call's exact arguments. */
public sealed interface Decision {
  record Allow() implements Decision {}

  /**
   * Asks somebody who is not here: the run is suspended, and goes on when it is resumed with the
   * answer.
   *
   * @param question for a person
   */
  record Ask(String question) implements Decision {}

  /** Runs the call with other arguments; they are checked against the schema again. */
  record AllowChanged(ToolArguments arguments) implements Decision {}

  /**
   * Does not run the call.
   *
   * @param reason told to the model
   */
  record Deny(String reason) implements Decision {}
}
