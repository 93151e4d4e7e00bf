package dev.qwen4j.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Decides calls by rules, in this order: a rule that denies, a rule that asks, a rule that allows,
 * and what holds otherwise. Every denial and question names the rule that it comes from.
 *
 * <p>As JSON:
 *
 * <pre>{@code
 * {"deny": ["delete_*", {"tool": "write_file", "arguments": {"path": ".git/**"}}],
 *  "ask": ["shell"],
 *  "allow": [{"tool": "write_file", "arguments": {"path": "src/**"}}],
 *  "otherwise": "ask_changes"}
 * }</pre>
 *
 * @param otherwise what holds for a call that no rule is about
 */
public record ApprovalRules(List<Rule> deny, List<Rule> ask, List<Rule> allow, Otherwise otherwise)
    implements Approval {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  public ApprovalRules {
    deny = List.copyOf(deny);
    ask = List.copyOf(ask);
    allow = List.copyOf(allow);
  }

  /** What holds for a call that no rule is about. */
  public enum Otherwise {
    ALLOW,
    /** Asks before a tool that may change something, and allows the others. */
    ASK_CHANGES,
    ASK,
    DENY
  }

  /**
   * Which calls a rule is about. In patterns, {@code *} stands for any text and {@code ?} for any
   * character. A text argument is compared as it was given and as the path it means, without {@code
   * .} and {@code ..}: a rule that denies or asks is about it if either fits, one that allows only
   * if both do, so that {@code src/../secret} does not pass for something below {@code src}.
   *
   * @param tool a pattern for the tool's name
   * @param arguments patterns for arguments; a call without one of them does not fit
   */
  public record Rule(String tool, Map<String, String> arguments) {
    public Rule {
      arguments = Map.copyOf(arguments);
    }

    boolean isAbout(ToolCall call, boolean mustFitBothWays) {
      return fits(tool, call.name())
          && arguments.entrySet().stream()
              .allMatch(
                  each -> fits(each.getKey(), each.getValue(), call.arguments(), mustFitBothWays));
    }

    private static boolean fits(
        String name, String pattern, ToolArguments arguments, boolean bothWays) {
      Object value = arguments.toMap().get(name);
      if (value == null) {
        return false;
      }
      boolean asGiven = fits(pattern, value.toString());
      boolean asPath = fits(pattern, asPath(value.toString()));
      return bothWays ? asGiven && asPath : asGiven || asPath;
    }

    private static boolean fits(String pattern, String text) {
      var regex = new StringBuilder();
      for (int i = 0; i < pattern.length(); i++) {
        char c = pattern.charAt(i);
        regex.append(c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(String.valueOf(c)));
      }
      return Pattern.compile(regex.toString(), Pattern.DOTALL).matcher(text).matches();
    }

    private static String asPath(String text) {
      Deque<String> parts = new ArrayDeque<>();
      for (String part : text.replace('\\', '/').split("/", -1)) {
        if (part.equals("..") && !parts.isEmpty() && !parts.peekLast().equals("..")) {
          parts.removeLast();
        } else if (!part.equals(".") && !(part.isEmpty() && !parts.isEmpty())) {
          parts.addLast(part);
        }
      }
      return String.join("/", parts);
    }

    @Override
    public String toString() {
      return arguments.isEmpty() ? tool : tool + arguments;
    }
  }

  @Override
  public Decision decide(ToolCall call, Tool tool) {
    for (Rule rule : deny) {
      if (rule.isAbout(call, false)) {
        return new Decision.Deny("the rule 'deny " + rule + "' forbids this call.");
      }
    }
    for (Rule rule : ask) {
      if (rule.isAbout(call, false)) {
        return ask(call, "by the rule 'ask " + rule + "'");
      }
    }
    for (Rule rule : allow) {
      if (rule.isAbout(call, true)) {
        return new Decision.Allow();
      }
    }
    return switch (otherwise) {
      case ALLOW -> new Decision.Allow();
      case ASK_CHANGES ->
          tool.changesState()
              ? ask(call, "because it may change something and no rule is about it")
              : new Decision.Allow();
      case ASK -> ask(call, "because no rule is about it");
      case DENY -> new Decision.Deny("no rule allows this call.");
    };
  }

  private static Decision ask(ToolCall call, String why) {
    return new Decision.Ask(
        "May " + call.name() + " run with " + call.arguments().json() + "? Asked " + why + ".");
  }

  /**
   * Reads rules from JSON.
   *
   * @throws IllegalArgumentException if they are not of the form above, with the place
   */
  public static ApprovalRules parse(String json) {
    JsonNode node;
    try {
      node = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "approval rules: not JSON: %s (line %d, column %d)"
              .formatted(
                  e.getOriginalMessage().replaceFirst(" \\(start marker at .*", ""),
                  e.getLocation().getLineNr(),
                  e.getLocation().getColumnNr()),
          e);
    }
    if (!node.isObject()) {
      throw expected("the rules", "an object with deny, ask, allow and otherwise", node);
    }
    Set<String> known = Set.of("deny", "ask", "allow", "otherwise");
    node.fieldNames()
        .forEachRemaining(
            name -> {
              if (!known.contains(name)) {
                throw new IllegalArgumentException(
                    "approval rules: unknown field '"
                        + name
                        + "'; there are deny, ask, allow and otherwise");
              }
            });
    return new ApprovalRules(
        rules(node, "deny"), rules(node, "ask"), rules(node, "allow"), otherwise(node));
  }

  private static Otherwise otherwise(JsonNode node) {
    JsonNode value = node.path("otherwise");
    for (Otherwise each : Otherwise.values()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(value.asText())) {
        return each;
      }
    }
    throw expected("otherwise", "allow, ask_changes, ask or deny", value);
  }

  private static List<Rule> rules(JsonNode node, String name) {
    JsonNode list = node.path(name);
    if (!list.isArray() && !list.isMissingNode()) {
      throw expected(name, "a list of rules", list);
    }
    List<Rule> rules = new ArrayList<>();
    for (JsonNode each : list) {
      rules.add(rule(each, name + "[" + rules.size() + "]"));
    }
    return rules;
  }

  private static Rule rule(JsonNode node, String place) {
    if (node.isTextual()) {
      return new Rule(node.textValue(), Map.of());
    }
    if (!node.path("tool").isTextual()) {
      throw expected(place, "a tool's name, or an object with tool and arguments", node);
    }
    Map<String, String> arguments = new LinkedHashMap<>();
    for (var field : node.path("arguments").properties()) {
      if (!field.getValue().isTextual()) {
        throw expected(place + ".arguments." + field.getKey(), "a pattern", field.getValue());
      }
      arguments.put(field.getKey(), field.getValue().textValue());
    }
    return new Rule(node.path("tool").textValue(), arguments);
  }

  private static IllegalArgumentException expected(String place, String what, JsonNode found) {
    return new IllegalArgumentException(
        "approval rules: %s: expected %s, found %s"
            .formatted(place, what, found.isMissingNode() ? "nothing" : found.toString()));
  }
}
