package dev.qwen4j.agent;

import dev.qwen4j.agent.ToolCalls.Finished;
import java.util.ArrayList;
import java.util.List;

/**
 * What the tools of a run have found, for a model that is made to answer: a small one loses the
 * question and the first result behind its own detours, and finds both again when they stand
 * together at the end.
 */
final class Findings {
  private static final int MOST = 8;
  private static final int LONGEST = 300;

  private final List<String> found = new ArrayList<>();

  /**
   * Remembers what is new in the results of a turn: the first few of a run are the ones it asked
   * for.
   */
  void add(List<Finished> turn) {
    for (Finished call : turn) {
      boolean useful = !call.result().isError() && !call.repeated();
      if (useful && found.size() < MOST) {
        String line =
            "- %s %s: %s".formatted(call.name(), cut(call.arguments()), cut(call.result().text()));
        if (!found.contains(line)) {
          found.add(line);
        }
      }
    }
  }

  /** The line that asks for an answer now, with the question and what was found for it. */
  String remindOf(String question, String line) {
    return found.isEmpty()
        ? line
        : "%s\nThe question was: %s\nThe tools found:\n%s"
            .formatted(line, cut(question), String.join("\n", found));
  }

  /** All that is needed to answer, for a model that is shown nothing else. */
  String page(String question, String line) {
    return found.isEmpty() ? question + "\n\n" + line : remindOf(question, line);
  }

  private static String cut(String text) {
    return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
  }
}
