package dev.qwen4j.examples;

import dev.qwen4j.agent.Approval;
import dev.qwen4j.agent.ApprovalRules;
import dev.qwen4j.agent.ApprovalRules.Otherwise;
import dev.qwen4j.agent.ApprovalRules.Rule;
import dev.qwen4j.agent.Decision;
import dev.qwen4j.session.Session;
import dev.qwen4j.session.SessionEntry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
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
   * The rules, if there are any.
   *
   * @throws IOException if they cannot be read
   * @throws IllegalArgumentException if they are none, with the place
   */
  Optional<ApprovalRules> rules() throws IOException {
    return rules == null ? Optional.empty() : Optional.of(read(rules));
  }

  /**
   * The decisions of the options. A question goes to the terminal if there is one, and suspends the
   * run if it can be resumed; otherwise nobody can answer it, and it is a denial. What a session
   * has asked about before, it asks about again unless there are rules.
   */
  Approval approval(
      Optional<ApprovalRules> rules,
      Surroundings surroundings,
      boolean json,
      Optional<Session> kept) {
    Set<String> asked = kept.map(ApprovalOptions::askedBefore).orElse(Set.of());
    if (rules.isEmpty() && !ask && asked.isEmpty()) {
      return Approval.allowAll();
    }
    Approval decided = rules.orElseGet(() -> asking(asked));
    boolean terminal = !json && surroundings.isTerminal("in") && surroundings.isTerminal("err");
    return (call, tool) -> {
      Decision decision = decided.decide(call, tool);
      if (!(decision instanceof Decision.Ask(String question))) {
        return decision;
      }
      if (terminal) {
        return askPerson(surroundings, question);
      }
      return kept.isPresent()
          ? decision
          : new Decision.Deny("nobody is here to be asked. " + question);
    };
  }

  private ApprovalRules asking(Set<String> tools) {
    return new ApprovalRules(
        List.of(),
        tools.stream().map(tool -> new Rule(tool, Map.of())).toList(),
        List.of(),
        ask ? Otherwise.ASK_CHANGES : Otherwise.ALLOW);
  }

  private static Set<String> askedBefore(Session session) {
    return session.entries().stream()
        .filter(SessionEntry.Asked.class::isInstance)
        .map(asked -> ((SessionEntry.Asked) asked).question().tool())
        .collect(Collectors.toSet());
  }

  private static ApprovalRules read(Path file) throws IOException {
    if (Files.isDirectory(file)) {
      throw new IOException(file + ": a directory, expected a file with approval rules");
    }
    try {
      return ApprovalRules.parse(Files.readString(file));
    } catch (CharacterCodingException e) {
      throw new IOException(file + ": approval rules: not JSON, which is UTF-8 text", e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  /** One line and no byte more: the next one may be the answer to the next question. */
  private static String line(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int next = in.read(); next >= 0 && next != '\n'; next = in.read()) {
      line.write(next);
    }
    return line.toString(StandardCharsets.UTF_8);
  }

  /** Anything but a yes is a no. */
  private static Decision askPerson(Surroundings surroundings, String question) {
    surroundings.err().print("? " + OneLine.of(question) + " [y/N] ");
    surroundings.err().flush();
    try {
      String said = line(surroundings.in()).strip().toLowerCase(Locale.ROOT);
      return said.equals("y") || said.equals("yes")
          ? new Decision.Allow()
          : new Decision.Deny("the user said no.");
    } catch (IOException e) {
      return new Decision.Deny("the terminal could not be read: " + e.getMessage());
    }
  }
}
