package dev.qwen4j.team;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonArraySchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A tool for plan-and-act: the model writes its plan down as a list of steps, and the list again
 * whenever one is done. Each call holds the whole list, and its result shows it with what comes
 * next: so the list is a part of the conversation and of its events, is always near its end, and
 * belongs to its run alone. The tool itself keeps nothing.
 *
 * <pre>{@code
 * Agent.builder().model(model).instructions(TodoList.INSTRUCTIONS).tool(new TodoList()).tools(…)
 * }</pre>
 */
public final class TodoList implements Tool {
  /** Tells a model to plan first. */
  public static final String INSTRUCTIONS =
      """
      For anything that takes more than two steps, plan before you act: call todo with all steps. \
      Work on one step at a time, and call todo with the whole list again whenever a step is done or \
      the plan changes. Answer when every step is done.\
      """;

  private static final String OPEN = "open";
  private static final String DOING = "doing";
  private static final String DONE = "done";

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("todo")
        .description(
            "Keeps your plan: call it with the whole list of steps, in order, each time it"
                + " changes.")
        .parameters(
            JsonObjectSchema.builder()
                .addProperty(
                    "steps",
                    JsonArraySchema.builder()
                        .items(
                            JsonObjectSchema.builder()
                                .addStringProperty("text", "What to do")
                                .addEnumProperty("status", List.of(OPEN, DOING, DONE))
                                .required("text", "status")
                                .build())
                        .build())
                .required("steps")
                .build())
        .build();
  }

  @Override
  public boolean changesState() {
    return false;
  }

  @Override
  public ToolResult call(ToolCall call, ToolContext context) {
    var lines = new ArrayList<String>();
    var next = new ArrayList<String>();
    int doing = 0;
    int done = 0;
    for (Object each : (List<?>) call.arguments().toMap().getOrDefault("steps", List.of())) {
      Map<?, ?> step = (Map<?, ?>) each;
      String text = String.valueOf(step.get("text")).strip();
      switch (String.valueOf(step.get("status"))) {
        case DONE -> {
          done++;
          lines.add("[x] " + text);
        }
        case DOING -> {
          doing++;
          lines.add("[>] " + text);
          next.addFirst(text);
        }
        default -> {
          lines.add("[ ] " + text);
          next.add(text);
        }
      }
    }
    if (lines.isEmpty()) {
      return ToolResult.error("The list is empty: write down the steps, or answer without a plan.");
    }
    if (doing > 1) {
      return ToolResult.error(
          doing + " steps are marked as doing: work on one at a time, and mark only that one.");
    }
    String advice = next.isEmpty() ? "Everything is done: answer now." : "Next: " + next.getFirst();
    return ToolResult.of(
        "%d of %d done.\n%s\n%s".formatted(done, lines.size(), String.join("\n", lines), advice));
  }
}
