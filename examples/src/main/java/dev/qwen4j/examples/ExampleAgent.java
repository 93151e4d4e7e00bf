package dev.qwen4j.examples;

import dev.qwen4j.agent.Agent;
import dev.qwen4j.tools.BasicTools;
import dev.qwen4j.tools.CodingTools;
import dev.qwen4j.tools.NoteTools;
import dev.qwen4j.tools.WebTools;
import java.nio.file.Path;

/**
 * The agent of {@code run} and {@code chat}: it looks, calculates and reads, but changes nothing.
 */
final class ExampleAgent {
  static final String NAME = "qwen4j";

  private static final String INSTRUCTIONS =
      """
      You are a careful assistant. Use a tool whenever it makes your answer surer, and never guess \
      what a tool can tell you. Paths are relative to the workspace folder. When you know enough, \
      answer in plain words and say what the tools showed.\
      """;

  /** As in the demo model's training: a test compares it with declarations.json there. */
  private static final String DEMO_INSTRUCTIONS =
      "You are the demo model of qwen4j. Use a tool when it helps, then answer briefly.";

  private ExampleAgent() {}

  /** With the tools that the model can handle. */
  static Agent.Builder of(ModelSource source, OpenModel model, Path workspace) {
    return source instanceof ModelSource.Demo ? demo(model, workspace) : of(model, workspace);
  }

  private static Agent.Builder demo(OpenModel model, Path workspace) {
    return withoutTools(model)
        .instructions(DEMO_INSTRUCTIONS)
        .tools(BasicTools.create(), CodingTools.readOnly(workspace), NoteTools.inMemory());
  }

  /** With its tools. */
  static Agent.Builder of(OpenModel model, Path workspace) {
    return withoutTools(model)
        .instructions(INSTRUCTIONS)
        .tools(BasicTools.create(), CodingTools.readOnly(workspace), WebTools.create());
  }

  /** The bare model. */
  static Agent.Builder withoutTools(OpenModel model) {
    return Agent.builder().name(NAME).model(model.chat()).context(model.context());
  }
}
