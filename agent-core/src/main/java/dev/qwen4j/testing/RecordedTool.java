package dev.qwen4j.testing;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A tool that answers each call as it was answered before, and does nothing. */
final class RecordedTool implements Tool {
  /** The tool with which an agent reads large results on; it is the agent's own. */
  private static final String READ_ON = "read_result";

  private final ToolSpecification specification;
  private final @Nullable Tool tool;
  private final Map<String, ToolExecutionResultMessage> results;

  /**
   * In the place of another tool.
   *
   * @param tool says how calls may run; null for one that only looks
   */
  RecordedTool(ToolSpecification specification, @Nullable Tool tool, RecordedRun recorded) {
    this.specification = specification;
    this.tool = tool;
    this.results = recorded.results();
  }

  /** The tool that reads on, if the run used it: what it read from is not there any more. */
  static Optional<RecordedTool> readingOn(RecordedRun recorded) {
    boolean used =
        recorded.results().values().stream().anyMatch(each -> each.toolName().equals(READ_ON));
    JsonObjectSchema anything =
        JsonObjectSchema.builder().addStringProperty("id").addIntegerProperty("offset").build();
    ToolSpecification reading =
        ToolSpecification.builder()
            .name(READ_ON)
            .description("Reads on in a tool result that was too large to show whole.")
            .parameters(anything)
            .build();
    return used ? Optional.of(new RecordedTool(reading, null, recorded)) : Optional.empty();
  }

  @Override
  public ToolSpecification specification() {
    return specification;
  }

  @Override
  public boolean changesState() {
    return tool != null && tool.changesState();
  }

  @Override
  public boolean runsInParallel() {
    return tool == null || tool.runsInParallel();
  }

  @Override
  public boolean endsRun() {
    return tool != null && tool.endsRun();
  }

  @Override
  public Optional<Duration> timeout() {
    return tool == null ? Optional.empty() : tool.timeout();
  }

  @Override
  public ToolResult call(ToolCall call, ToolContext context) {
    ToolExecutionResultMessage result = results.get(call.id());
    return result == null
        ? ToolResult.error("(The journal has no result of this call: it was not made.)")
        : new ToolResult(result.text(), Boolean.TRUE.equals(result.isError()));
  }
}
