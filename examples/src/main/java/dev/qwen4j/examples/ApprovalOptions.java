package dev.qwen4j.examples;

import dev.qwen4j.agent.Approval;
import dev.qwen4j.agent.ApprovalRules;
import dev.qwen4j.agent.ApprovalRules.Otherwise;
import dev.qwen4j.agent.ApprovalRules.Rule;
import dev.qwen4j.agent.Decision;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Who decides whether a tool may run. */
final class ApprovalOptions {
  @Option(
      names = "--ask",
      description = "Ask on the terminal before a tool runs that may change something.")
  private boolean ask;

  @Option(
      names = "--approve",
      paramLabel = "RULES.json",
      description =
          "Decide by rules: {\"deny\":[…],\"ask\":[…],\"allow\":[…],\"otherwise\":\"ask\"}, where a"
              + " rule is a tool's name with * or {\"tool\":…,\"arguments\":{…}}.")
  private @Nullable Path rules;

  /**
   * The decisions of the options. A question goes to the terminal if there is one, and suspends the
   * run if it can be resumed; otherwise nobody can answer it, and it is a denial.
   *
   * @param asked tools that the session has asked about before, which it then does again unless
   *     there are rules
   * @throws IOException if the rules cannot be read
   * @throws IllegalArgumentException if they are none, with the place
   */
  Approval approval(Surroundings surroundings, boolean json, boolean isKept, Set<String> asked)
      throws IOException {
    if (rules == null && !ask && asked.isEmpty()) {
      return Approval.allowAll();
    }
    Approval decided =
        rules != null
            ? read(rules)
            : new ApprovalRules(
                List.of(),
                asked.stream().map(tool -> new Rule(tool, Map.of())).toList(),
                List.of(),
                ask ? Otherwise.ASK_CHANGES : Otherwise.ALLOW);
    boolean terminal = !json && surroundings.isTerminal("in") && surroundings.isTerminal("err");
    return (call, tool) -> {
      Decision decision = decided.decide(call, tool);
      if (!(decision instanceof Decision.Ask(String question))) {
        return decision;
      }
      if (terminal) {
        return askPerson(surroundings, question);
      }
      return isKept ? decision : new Decision.Deny("nobody is here to be asked. " + question);
    };
  }

  private static ApprovalRules read(Path file) throws IOException {
    try {
      return ApprovalRules.parse(Files.readString(file));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  /** Anything but a yes is a no. */
  private static Decision askPerson(Surroundings surroundings, String question) {
    surroundings.err().print("? " + OneLine.of(question) + " [y/N] ");
    surroundings.err().flush();
    try {
      // Not closed, and read one line at a time: it is the process's own.
      var in = new BufferedReader(new InputStreamReader(surroundings.in(), StandardCharsets.UTF_8));
      String line = in.readLine();
      String said = line == null ? "" : line.strip().toLowerCase(Locale.ROOT);
      return said.equals("y") || said.equals("yes")
          ? new Decision.Allow()
          : new Decision.Deny("the user said no.");
    } catch (IOException e) {
      return new Decision.Deny("the terminal could not be read: " + e.getMessage());
    }
  }
}
