package dev.qwen4j.examples;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.session.Question;
import java.io.PrintStream;
import org.jspecify.annotations.Nullable;

/**
 * A run for programs: one JSON object per event and line, each line flushed, the {@code result}
 * object always last. Fields are only ever added, and readers ignore types they do not know.
 */
final class JsonView implements RunView {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final PrintStream out;
  private final Runnable onClosed;
  private boolean finished;
  private volatile boolean outputClosed;

  /**
   * @param onClosed run once when nobody reads the output any more
   */
  JsonView(PrintStream out, Runnable onClosed) {
    this.out = out;
    this.onClosed = onClosed;
  }

  @Override
  public boolean outputClosed() {
    return outputClosed;
  }

  @Override
  public synchronized void onEvent(AgentEvent event) {
    switch (event) {
      case AgentEvent.RunStarted started when started.isNested() ->
          print(typed("agent_started", started).put("input", started.input()));
      case AgentEvent.RunStarted started -> {}
      case AgentEvent.TurnStarted turn ->
          print(typed("turn_started", turn).put("turn", turn.turn()));
      case AgentEvent.TextDelta text -> print(typed("text", text).put("delta", text.delta()));
      case AgentEvent.ThinkingDelta text ->
          print(typed("thinking", text).put("delta", text.delta()));
      case AgentEvent.ToolCallStarted call -> {
        ObjectNode line = typed("tool_call", call).put("id", call.id()).put("name", call.name());
        line.set("arguments", arguments(call.arguments()));
        print(line);
      }
      case AgentEvent.ToolCallFinished call ->
          print(
              typed("tool_result", call)
                  .put("id", call.id())
                  .put("name", call.name())
                  .put("is_error", call.isError())
                  .put("content", call.content())
                  .put("ms", call.time().toMillis()));
      case AgentEvent.QuestionAsked asked ->
          print(question(typed("question", asked), asked.question()));
      case AgentEvent.TurnFinished turn -> {
        ObjectNode line = typed("turn_finished", turn).put("turn", turn.turn());
        line.set("usage", usage(turn.usage()));
        print(line.put("ms", turn.time().toMillis()));
      }
      case AgentEvent.Notice notice -> print(typed("notice", notice).put("text", notice.text()));
      case AgentEvent.Handoff handoff ->
          print(
              typed("handoff", handoff)
                  .put("to", handoff.to())
                  .put("reason", handoff.reason())
                  .put("message", handoff.message()));
      case AgentEvent.RunFinished run when run.isNested() ->
          print(
              typed("agent_finished", run)
                  .put("text", run.result().text())
                  .put("answered", run.result().answered())
                  .put("stop_reason", run.result().stopReason().id()));
      case AgentEvent.RunFinished run -> {
        print(result(run.result()));
        finished = true;
      }
    }
  }

  private static ObjectNode result(RunResult result) {
    ObjectNode line =
        typed("result")
            .put("text", result.text())
            .put("answered", result.answered())
            .put("stop_reason", result.stopReason().id())
            .put("error", result.failure() == null ? null : OneLine.of(result.failure()))
            .put("turns", result.turns());
    line.set("usage", usage(result.usage()));
    if (!result.questions().isEmpty()) {
      question(line.putObject("question"), result.questions().getFirst());
      ArrayNode all = line.putArray("questions");
      result.questions().forEach(each -> question(all.addObject(), each));
    }
    int unmeasured = result.spent().unmeasuredTurns();
    return unmeasured == 0 ? line : line.put("unmeasured_turns", unmeasured);
  }

  private static ObjectNode question(ObjectNode line, Question question) {
    line.put("id", question.call()).put("name", question.tool());
    line.set("arguments", arguments(question.arguments()));
    return line.put("text", question.text());
  }

  /** Null when nobody knows, which is not the same as nothing. */
  private static @Nullable ObjectNode usage(@Nullable TokenUsage usage) {
    return usage == null
        ? null
        : JSON.createObjectNode()
            .put("input_tokens", orZero(usage.inputTokenCount()))
            .put("output_tokens", orZero(usage.outputTokenCount()));
  }

  private static int orZero(@Nullable Integer count) {
    return count == null ? 0 : count;
  }

  /** The arguments as the object they should be, or as the text that the model wrote instead. */
  private static JsonNode arguments(String written) {
    if (written.isBlank()) {
      return JSON.createObjectNode();
    }
    try {
      return JSON.readTree(written) instanceof ObjectNode object
          ? object
          : TextNode.valueOf(written);
    } catch (JsonProcessingException e) {
      return TextNode.valueOf(written);
    }
  }

  /** With the path of the agent where it is not the one that was asked. */
  private static ObjectNode typed(String type, AgentEvent event) {
    return event.isNested() ? typed(type).put("agent", event.agent()) : typed(type);
  }

  private static ObjectNode typed(String type) {
    return JSON.createObjectNode().put("type", type);
  }

  private void print(ObjectNode line) {
    if (finished || outputClosed) {
      return;
    }
    out.print(line + "\n");
    if (out.checkError()) {
      outputClosed = true;
      onClosed.run();
    }
  }
}
