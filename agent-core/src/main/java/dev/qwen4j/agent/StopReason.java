package dev.qwen4j.agent;

import java.util.Locale;

/** Why a run ended. */
public enum StopReason {
  /** The model answered. */
  ANSWER,
  /** The limit on model turns was reached; the text is the answer it could still give. */
  MAX_TURNS,
  /** The limit on tool calls was reached; the text is the answer it could still give. */
  MAX_TOOL_CALLS,
  /**
   * The limit on tokens was reached, that of the run or that of a reply; the text is the answer it
   * could still give, or the beginning of the one that was cut off.
   */
  MAX_TOKENS,
  /** The limit on cost was reached; the text is the answer it could still give. */
  MAX_COST,
  /** The limit on wall time was reached; the text is what there was by then. */
  MAX_TIME,
  /** The model kept making calls that brought nothing new; the text is its forced answer. */
  NO_PROGRESS,
  /**
   * A call waits for somebody's decision; {@link Agent#resume} goes on with it, in this process or
   * another, without asking the model again.
   */
  SUSPENDED,
  /** A {@link Hook} let it go no further; the text says why. */
  BLOCKED,
  /** Someone cancelled the run. */
  CANCELLED,
  /** The model could not be reached or failed; {@link RunResult#error()} says how. */
  ERROR;

  /** Whether a limit of {@link Limits} or the progress check ended the run early. */
  public boolean isLimit() {
    return switch (this) {
      case MAX_TURNS, MAX_TOOL_CALLS, MAX_TOKENS, MAX_COST, MAX_TIME, NO_PROGRESS -> true;
      case ANSWER, SUSPENDED, BLOCKED, CANCELLED, ERROR -> false;
    };
  }

  /** Whether something is left to do, which {@link Agent#resume} of a session goes on with. */
  public boolean isUnfinished() {
    return switch (this) {
      case SUSPENDED, CANCELLED, ERROR -> true;
      case ANSWER,
          MAX_TURNS,
          MAX_TOOL_CALLS,
          MAX_TOKENS,
          MAX_COST,
          MAX_TIME,
          NO_PROGRESS,
          BLOCKED ->
          false;
    };
  }

  /** The one of this {@link #id}. */
  public static StopReason of(String id) {
    return valueOf(id.toUpperCase(Locale.ROOT));
  }

  /** The name in journals and JSON, such as {@code max_turns}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }
}
