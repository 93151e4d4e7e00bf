package dev.qwen4j.tools;

import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import dev.qwen4j.tool.Toolbox;
import java.time.Instant;

/** Calls a tool as an agent would: by its name, with JSON. */
final class Calls {
  private Calls() {}

  static ToolResult call(Toolbox toolbox, String name, String json) throws Exception {
    return call(toolbox, name, json, context());
  }

  static ToolResult call(Toolbox toolbox, String name, String json, ToolContext context)
      throws Exception {
    Tool tool =
        toolbox.tools().stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow();
    return tool.call(new ToolCall("call-1", name, ToolArguments.parse(json)), context);
  }

  static ToolContext context() {
    return new ToolContext(new Cancellation(), Instant.now().plusSeconds(30));
  }
}
