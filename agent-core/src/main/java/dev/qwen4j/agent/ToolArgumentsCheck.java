package dev.qwen4j.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.qwen4j.dialect.LenientJson;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Whether a call names a tool and its arguments fit the tool's JSON schema; if not, what the model
 * should do instead. Compiled once for an agent and safe to use from any thread.
 */
final class ToolArgumentsCheck {
  sealed interface Checked {
    /**
     * The call can run.
     *
     * @param repairs what was read leniently, in words
     */
    record Accepted(Tool tool, ToolArguments arguments, List<String> repairs) implements Checked {}

    /**
     * The call cannot run.
     *
     * @param why what was expected, what was found, what to do
     */
    record Refused(String why) implements Checked {}
  }

  private static final ObjectMapper JSON = new JsonMapper();

  private record Checkable(Tool tool, SchemaCheck schema) {}

  private final Map<String, Checkable> tools = new LinkedHashMap<>();
  private final String declared;

  /**
   * Compiles the tools' schemas.
   *
   * @param first those that a model is told to choose from when it names none
   * @param others that can be called as well
   * @throws IllegalArgumentException if a tool's schema is none
   */
  ToolArgumentsCheck(List<Tool> first, List<Tool> others) {
    this.declared = first.stream().map(Tool::name).collect(Collectors.joining(", "));
    for (Tool tool : Stream.concat(first.stream(), others.stream()).toList()) {
      try {
        var schema = SchemaCheck.ofParameters(tool.specification());
        tools.put(tool.name(), new Checkable(tool, schema));
      } catch (JsonProcessingException | RuntimeException e) {
        throw new IllegalArgumentException(
            "The parameters of tool '" + tool.name() + "' are no JSON schema: " + e.getMessage(),
            e);
      }
    }
  }

  Set<String> toolNames() {
    return tools.keySet();
  }

  /**
   * Checks one call.
   *
   * @param cutOff whether the reply that holds it ended at the model's output limit
   */
  Checked check(String name, String arguments, boolean cutOff) {
    var repairs = new ArrayList<String>();
    Checkable checkable = tools.get(name);
    if (checkable == null) {
      String meant = NearestName.sameLetters(name, tools.keySet()).orElse(null);
      checkable = meant == null ? null : tools.get(meant);
      if (checkable == null) {
        return new Checked.Refused(unknown(name, arguments));
      }
      repairs.add("Took '" + name + "' for the tool '" + meant + "'.");
    }
    String written = arguments;
    ToolArguments parsed;
    try {
      parsed = ToolArguments.parse(arguments);
    } catch (IllegalArgumentException broken) {
      Optional<String> meant = cutOff ? Optional.empty() : LenientJson.object(arguments);
      if (meant.isEmpty()) {
        return new Checked.Refused(broken.getMessage() + advice(arguments, cutOff));
      }
      repairs.add("Read broken JSON as " + SchemaCheck.abbreviate(meant.get()) + ".");
      written = meant.get();
      parsed = ToolArguments.parse(written);
    }
    return fit(checkable, written, parsed, repairs);
  }

  /**
   * @param written the same as given, as JSON: read once more, for repairs are made in it
   */
  private static Checked fit(
      Checkable checkable, String written, ToolArguments given, List<String> repairs) {
    JsonNode node = tree(written);
    SchemaCheck.Fit fit = checkable.schema().fit(node);
    repairs.addAll(fit.repairs());
    return fit.fits()
        ? new Checked.Accepted(
            checkable.tool(),
            fit.repairs().isEmpty() ? given : ToolArguments.parse(node.toString()),
            List.copyOf(repairs))
        : new Checked.Refused(
            "The arguments of '"
                + checkable.tool().name()
                + "' do not fit. "
                + fit.problems()
                + " Correct them and call again.");
  }

  private static JsonNode tree(String arguments) {
    try {
      return arguments.isBlank() ? JSON.createObjectNode() : JSON.readTree(arguments);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("arguments that were parsed are JSON", e);
    }
  }

  private String unknown(String name, String arguments) {
    if (name.isBlank()) {
      return "This call has no readable name: write it as {\"name\": …, \"arguments\": {…}}. Found:"
          + " "
          + SchemaCheck.abbreviate(arguments);
    }
    return "There is no tool '"
        + name
        + "'."
        + NearestName.of(name, tools.keySet())
            .map(near -> " Did you mean '" + near + "'?")
            .orElse("")
        + (tools.isEmpty()
            ? " There are no tools: answer without them."
            : " The tools are: " + declared + ".");
  }

  private static String advice(String arguments, boolean cutOff) {
    return cutOff
        ? " Your reply was cut off at its length limit within this call: write less at once, for"
            + " example in several calls."
        : " Found: "
            + SchemaCheck.abbreviate(arguments)
            + " Write them as one JSON object and call again.";
  }
}
