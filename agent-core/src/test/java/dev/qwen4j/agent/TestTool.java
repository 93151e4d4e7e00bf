package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** A tool with one text argument, {@code x}, that does what a test says and remembers its calls. */
final class TestTool implements Tool {
  interface Body {
    ToolResult run(ToolCall call, ToolContext context) throws Exception;
  }

  private final ToolSpecification specification;
  private final boolean changesState;
  private final Body body;
  private Optional<Duration> timeout = Optional.empty();
  final List<String> calls = new CopyOnWriteArrayList<>();

  private TestTool(String name, boolean changesState, Body body) {
    this.specification =
        ToolSpecification.builder()
            .name(name)
            .description("A tool of a test")
            .parameters(
                JsonObjectSchema.builder().addStringProperty("x").addIntegerProperty("n").build())
            .build();
    this.changesState = changesState;
    this.body = body;
  }

  static TestTool looking(String name, Body body) {
    return new TestTool(name, false, body);
  }

  static TestTool changing(String name, Body body) {
    return new TestTool(name, true, body);
  }

  /** Answers with its argument in upper case. */
  static TestTool upper() {
    return looking(
        "upper",
        (call, context) -> ToolResult.of(call.arguments().string("x").toUpperCase(Locale.ROOT)));
  }

  TestTool timingOutAfter(Duration time) {
    timeout = Optional.of(time);
    return this;
  }

  @Override
  public Optional<Duration> timeout() {
    return timeout;
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
  public ToolResult call(ToolCall call, ToolContext context) throws Exception {
    calls.add(call.arguments().json());
    return body.run(call, context);
  }
}
