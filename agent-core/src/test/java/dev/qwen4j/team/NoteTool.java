package dev.qwen4j.team;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Remembers its calls, and says that it was called. */
final class NoteTool implements Tool {
  private final String name;
  private final boolean changesState;
  final List<String> calls = new CopyOnWriteArrayList<>();

  NoteTool(String name, boolean changesState) {
    this.name = name;
    this.changesState = changesState;
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name(name)
        .parameters(JsonObjectSchema.builder().addStringProperty("x").build())
        .build();
  }

  @Override
  public boolean changesState() {
    return changesState;
  }

  @Override
  public ToolResult call(ToolCall call, ToolContext context) {
    calls.add(call.arguments().json());
    return ToolResult.of(name + " " + calls.size());
  }
}
