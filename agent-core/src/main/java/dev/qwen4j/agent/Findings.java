package dev.qwen4j.agent;

import dev.qwen4j.agent.ToolCalls.Finished;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
    return found.isEmpty() ? line : page(question, line);
  }

  /** All that is needed to answer, for a model that is shown nothing else. */
  String page(String question, String line) {
    return Stream.of(cut(question), inWords(), line)
        .filter(part -> !part.isBlank())
        .collect(Collectors.joining("\n\n"));
  }

  /** What was found, in words for a person; empty when nothing was. */
  String inWords() {
    return found.isEmpty() ? "" : "The tools found:\n" + String.join("\n", found);
  }

  /** Whether a reply only says again what it was asked, as small models do. */
  static boolean isEcho(String reply, String question, String line) {
    String asked = words(question);
    String said = words(reply);
    if (asked.isEmpty() || !said.contains(asked)) {
      return false;
    }
    String rest = said.replace(asked, " ").strip();
    var known = new HashSet<>(List.of(words("The question is: was: " + line).split(" ")));
    return rest.isEmpty() || known.containsAll(List.of(rest.split(" +")));
  }

  private static String words(String text) {
    return text.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N}]+", " ").strip();
  }

  private static String cut(String text) {
    return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
  }
}
