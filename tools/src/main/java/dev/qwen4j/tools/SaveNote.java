package dev.qwen4j.tools;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.util.Map;

/** {@code save_note}: puts a text under a name. */
final class SaveNote implements Tool {
  private final Map<String, String> notes;

  SaveNote(Map<String, String> notes) {
    this.notes = notes;
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("save_note")
        .description("Keeps a text under a name, replacing what was there.")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty("key", "The name of the note")
                .addStringProperty("text", "What to keep")
                .required("key", "text")
                .build())
        .build();
  }

  @Override
  public ToolResult call(ToolCall call, ToolContext context) {
    String key = call.arguments().string("key").strip();
    if (key.isEmpty()) {
      return ToolResult.error("'key' is empty; give the note a name.");
    }
    notes.put(key, call.arguments().string("text"));
    return ToolResult.of("Saved note '" + key + "'.");
  }
}
