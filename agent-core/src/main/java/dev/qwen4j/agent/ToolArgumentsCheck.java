package dev.qwen4j.agent;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Whether a call names a tool and its arguments fit; if not, what the model should do instead. */
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

  private final Map<String, Tool> tools = new LinkedHashMap<>();

  ToolArgumentsCheck(List<Tool> tools) {
    tools.forEach(tool -> this.tools.put(tool.name(), tool));
  }

  Checked check(String name, String arguments, boolean cutOff) {
    Tool tool = tools.get(name);
    if (tool == null) {
      return new Checked.Refused(
          "There is no tool '" + name + "'. The tools are: " + String.join(", ", tools.keySet()));
    }
    try {
      return new Checked.Accepted(tool, ToolArguments.parse(arguments), List.of());
    } catch (IllegalArgumentException e) {
      return new Checked.Refused(e.getMessage() + (cutOff ? " The reply was cut off." : ""));
    }
  }
}
