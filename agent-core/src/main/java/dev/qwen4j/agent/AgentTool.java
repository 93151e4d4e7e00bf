package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * An agent that works for another one. It is told its task and nothing else, and only its answer
 * comes back.
 */
final class AgentTool implements Tool {
  private final Agent agent;
  private final ToolSpecification specification;
  private final boolean changesState;

  AgentTool(Agent agent) {
    if (!agent.name().matches("[A-Za-z0-9_-]{1,64}")) {
      throw new IllegalArgumentException(
          "An agent that is a tool needs a name of letters, digits, _ and -, but was '%s': call"
                  .formatted(agent.name())
              + " .name(…).");
    }
    this.agent = agent;
    this.changesState = agent.tools().stream().anyMatch(Tool::changesState);
    String description =
        agent.description().isBlank()
            ? "Asks the agent " + agent.name() + "."
            : agent.description();
    this.specification =
        ToolSpecification.builder()
            .name(agent.name())
            .description(description)
            .parameters(
                JsonObjectSchema.builder()
                    .addStringProperty(
                        "task",
                        "What to do, with everything that is needed for it: nothing else of this"
                            + " conversation is known there")
                    .required("task")
                    .build())
            .build();
  }

  @Override
  public ToolSpecification specification() {
    return specification;
  }

  @Override
  public boolean changesState() {
    return changesState;
  }

  @Override
  public boolean runsInParallel() {
    return true;
  }

  @Override
  public Optional<Duration> timeout() {
    return Optional.of(agent.limits().maxTime());
  }

  /** Within a run that shares everything with it. */
  RunResult call(ToolCall call, RunScope scope) {
    return agent.run(List.of(UserMessage.from(call.arguments().string("task"))), scope);
  }

  /** By itself, for whoever calls tools without a loop of ours. */
  @Override
  public ToolResult call(ToolCall call, ToolContext context) {
    Deadline deadline = Deadline.in(Duration.between(Instant.now(), context.deadline()));
    var scope =
        RunScope.alone(event -> {}, context.cancellation(), null, List.of())
            .forRun(agent, context.cancellation())
            .forCall(call.id(), context.cancellation(), event -> {}, deadline, 1);
    return result(call(call, scope));
  }

  /** What the calling model reads. */
  ToolResult result(RunResult result) {
    if (result.answered()) {
      return ToolResult.of(result.text());
    }
    String why =
        result
            .error()
            .map(error -> "failed: " + error)
            .orElseGet(() -> "came to no answer (" + result.stopReason().id() + ").");
    String found = result.text().isBlank() ? "" : " What it has: " + result.text();
    return ToolResult.error("The agent " + agent.name() + " " + why + found);
  }
}
