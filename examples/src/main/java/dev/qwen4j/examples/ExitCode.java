package dev.qwen4j.examples;

import dev.qwen4j.agent.RunResult;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the process tells the shell: the one table that code, help texts and tests share. */
enum ExitCode {
  ANSWERED(
      0, "answered: also when the agent stopped the model's repetitions and then got an answer"),
  FAILED(1, "failed: the model, a file or an endpoint; one line on stderr says what"),
  USAGE(2, "wrong usage"),
  LIMIT(3, "a limit ended the run; what could still be answered was printed"),
  SUSPENDED(4, "suspended: the run waits for a decision, and goes on with run --resume"),
  INTERRUPTED(130, "interrupted by Ctrl-C"),
  OUTPUT_CLOSED(141, "whoever read the output went away"),
  TERMINATED(143, "ended by SIGTERM");

  private final int code;
  private final String meaning;

  ExitCode(int code, String meaning) {
    this.code = code;
    this.meaning = meaning;
  }

  int code() {
    return code;
  }

  /**
   * The code for the end of a run. A model that repeats its calls is stopped and made to answer
   * from their results: that counts as answered, since the person got what they asked for, but only
   * if the answer came.
   */
  static ExitCode of(RunResult result) {
    return switch (result.stopReason()) {
      case ANSWER -> ANSWERED;
      case NO_PROGRESS -> result.answered() ? ANSWERED : LIMIT;
      case MAX_TURNS, MAX_TOOL_CALLS, MAX_TOKENS, MAX_COST, MAX_TIME, BLOCKED -> LIMIT;
      case SUSPENDED -> SUSPENDED;
      case CANCELLED -> INTERRUPTED;
      case ERROR -> FAILED;
    };
  }

  /** The table as help texts show it. */
  static Map<String, String> table() {
    Map<String, String> table = new LinkedHashMap<>();
    for (ExitCode exit : values()) {
      table.put(" " + exit.code, exit.meaning);
    }
    return table;
  }
}
