package dev.qwen4j.tools;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolContext;
import java.util.List;
import java.util.Map;

/** {@code read_note}: the text under a name; a near miss is answered with the name meant. */
final class ReadNote implements ReadingTool {
  private final Map<String, String> notes;

  ReadNote(Map<String, String> notes) {
    this.notes = notes;
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("read_note")
        .description("Returns the text of a note that was saved.")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty("key", "The name of the note")
                .required("key")
                .build())
        .build();
  }

  @Override
  public String answer(ToolArguments arguments, ToolContext context) throws Refusal {
    String key = arguments.string("key").strip();
    String text = notes.get(key);
    if (text != null) {
      return text;
    }
    List<String> near = Nearest.to(key, List.copyOf(notes.keySet()), 2);
    throw new Refusal(
        "There is no note '"
            + key
            + "'."
            + (near.isEmpty() ? "" : " Did you mean '" + String.join("' or '", near) + "'?"));
  }
}
