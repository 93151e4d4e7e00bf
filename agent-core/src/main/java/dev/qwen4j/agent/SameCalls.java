package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.qwen4j.tool.ToolArguments;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Whether calls of one reply mean the same: one name and equal arguments, however written. */
final class SameCalls {
  /** Two may be meant; three of the same are a loop. */
  private static final int MOST_TIMES = 3;

  private SameCalls() {}

  static boolean same(ToolExecutionRequest call, ToolExecutionRequest other) {
    if (!Objects.equals(call.name(), other.name())
        || call.arguments() == null
        || other.arguments() == null) {
      return false;
    }
    try {
      return ToolArguments.parse(call.arguments()).equals(ToolArguments.parse(other.arguments()));
    } catch (IllegalArgumentException broken) {
      return call.arguments().equals(other.arguments());
    }
  }

  static boolean isIn(List<ToolExecutionRequest> calls, ToolExecutionRequest call) {
    return calls.stream().anyMatch(each -> same(each, call));
  }

  static List<ToolExecutionRequest> onceEach(List<ToolExecutionRequest> calls) {
    var once = new ArrayList<ToolExecutionRequest>();
    for (ToolExecutionRequest call : calls) {
      if (!isIn(once, call)) {
        once.add(call);
      }
    }
    return once;
  }

  /** Whether the last call stands there so often that more of it must be expected. */
  static boolean repeats(List<ToolExecutionRequest> calls) {
    return calls.size() >= MOST_TIMES
        && calls.stream().filter(call -> same(calls.getLast(), call)).count() >= MOST_TIMES;
  }
}
