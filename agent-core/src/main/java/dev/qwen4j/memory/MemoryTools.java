package dev.qwen4j.memory;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.util.List;
import java.util.stream.Collectors;

/** What a model can do with a memory. */
final class MemoryTools {
  private static final int MOST = 10;
  private static final int MOST_TOLD = 30;
  private static final int LONGEST_TOLD = 3000;

  private MemoryTools() {}

  private interface Action {
    ToolResult on(String argument) throws IOException;
  }

  private record MemoryTool(
      ToolSpecification specification, boolean changesState, String argument, Action action)
      implements Tool {
    @Override
    public ToolResult call(ToolCall call, ToolContext context) throws IOException {
      return action.on(call.arguments().optionalString(argument).orElse(""));
    }
  }

  static List<Tool> of(Memory memory) {
    return List.of(
        tool(
            "remember",
            "Keeps a fact for later conversations: what the user likes or decided, where things"
                + " are. One fact a call, in one sentence that makes sense by itself.",
            "fact",
            "The fact",
            true,
            fact -> {
              Memory.Fact kept = memory.add(fact);
              return ToolResult.of("Kept as " + kept.id() + ".");
            }),
        tool(
            "recall",
            "Finds facts that were kept in earlier conversations.",
            "words",
            "What they are about; without it, the newest",
            false,
            words -> {
              List<Memory.Fact> found = memory.recall(words, MOST);
              return ToolResult.of(found.isEmpty() ? "Nothing is known about this." : lines(found));
            }),
        tool(
            "forget",
            "Forgets a fact that is wrong or no longer wanted.",
            "id",
            "The id that recall shows",
            true,
            id ->
                memory.forget(id)
                    ? ToolResult.of("Forgotten.")
                    : ToolResult.error(
                        "No fact has the id '" + id + "': take it from what recall shows.")));
  }

  private static Tool tool(
      String name,
      String description,
      String argument,
      String meaning,
      boolean changes,
      Action action) {
    JsonObjectSchema.Builder parameters =
        JsonObjectSchema.builder().addStringProperty(argument, meaning);
    if (changes) {
      parameters.required(argument);
    }
    return new MemoryTool(
        ToolSpecification.builder()
            .name(name)
            .description(description)
            .parameters(parameters.build())
            .build(),
        changes,
        argument,
        action);
  }

  /** The newest that have room. */
  static String told(Memory memory) throws IOException {
    List<Memory.Fact> facts = memory.recall("", MOST_TOLD + 1);
    var all = new StringBuilder();
    int count = 0;
    for (Memory.Fact fact : facts) {
      String line = lines(List.of(fact)) + "\n";
      if (count == MOST_TOLD || all.length() + line.length() > LONGEST_TOLD) {
        break;
      }
      all.append(line);
      count++;
    }
    String more = count < facts.size() ? "There is more: use recall." : "";
    return facts.isEmpty() ? "" : "# Known from earlier conversations\n" + (all + more).strip();
  }

  static String lines(List<Memory.Fact> facts) {
    return facts.stream()
        .map(fact -> "- [" + fact.id() + "] " + fact.text())
        .collect(Collectors.joining("\n"));
  }
}
