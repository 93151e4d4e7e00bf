package dev.qwen4j.team;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.util.Map;
import java.util.Optional;

/**
 * A call by which a model tells the team something instead of doing something: its arguments,
 * checked against the schema, are its result, and it ends the model's run.
 */
record ChoiceTool(ToolSpecification specification) implements Tool {
  ChoiceTool(String name, String description, JsonObjectSchema parameters) {
    this(
        ToolSpecification.builder()
            .name(name)
            .description(description)
            .parameters(parameters)
            .build());
  }

  /** What was told. */
  record Choice(String tool, ToolArguments arguments) {
    String text(String argument) {
      return arguments.optionalString(argument).orElse("").strip();
    }
  }

  /** The choice that ended a run, if one of these tools did. */
  static Optional<Choice> in(RunResult result, Map<String, ?> tools) {
    for (ChatMessage message : result.messages().reversed()) {
      if (message instanceof ToolExecutionResultMessage told
          && tools.containsKey(told.toolName())
          && !Boolean.TRUE.equals(told.isError())
          && told.text().equals(result.text())) {
        return Optional.of(new Choice(told.toolName(), ToolArguments.parse(told.text())));
      }
      if (message instanceof AiMessage) {
        break;
      }
    }
    return Optional.empty();
  }

  /** What a model said besides its choice. */
  static String wordsBefore(RunResult result) {
    return result.messages().reversed().stream()
        .filter(AiMessage.class::isInstance)
        .findFirst()
        .map(SharedTalk::text)
        .orElse("")
        .strip();
  }

  @Override
  public boolean changesState() {
    return false;
  }

  @Override
  public boolean endsRun() {
    return true;
  }

  @Override
  public ToolResult call(ToolCall call, ToolContext context) {
    return ToolResult.of(call.arguments().json());
  }
}
