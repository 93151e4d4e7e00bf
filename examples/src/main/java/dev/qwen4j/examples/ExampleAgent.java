package dev.qwen4j.examples;

import dev.qwen4j.agent.Agent;
import dev.qwen4j.tools.BasicTools;
import dev.qwen4j.tools.CodingTools;
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

  private ExampleAgent() {}

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
