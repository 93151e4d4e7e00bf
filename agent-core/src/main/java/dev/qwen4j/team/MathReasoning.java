package dev.qwen4j.team;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.dialect.TextCallingModel;
import dev.qwen4j.tool.Tool;
import java.util.Optional;

/**
 * Tool-integrated reasoning, which Qwen2.5-Math was trained on: the model reasons in words, writes
 * {@code ```python} blocks where it has to compute, reads what they print as {@code ```output}, and
 * puts its answer into {@code \boxed{}}. The programs run in a tool that the caller gives.
 */
public final class MathReasoning {
  private static final String BOXED = "\\boxed{";

  private MathReasoning() {}

  /**
   * An agent that reasons so.
   *
   * @param python runs a program and returns what it prints; takes the one argument {@code code}
   */
  public static Agent.Builder agent(StreamingChatModel model, Tool python) {
    var parameters = python.specification().parameters();
    if (parameters == null || !parameters.properties().containsKey("code")) {
      throw new IllegalArgumentException(
          "The tool '"
              + python.name()
              + "' takes no 'code', so it cannot run the model's programs.");
    }
    return Agent.builder()
        .model(TextCallingModel.pythonBlocks(model))
        .instructions(
            "Please integrate natural language reasoning with programs to solve the problem above,"
                + " and put your final answer within \\boxed{}.")
        .tool(python);
  }

  /** What is in the last {@code \boxed{…}} of a text, which may hold braces itself. */
  public static Optional<String> boxed(String text) {
    int start = text.lastIndexOf(BOXED);
    if (start < 0) {
      return Optional.empty();
    }
    int depth = 1;
    for (int i = start + BOXED.length(); i < text.length(); i++) {
      depth += text.charAt(i) == '{' ? 1 : text.charAt(i) == '}' ? -1 : 0;
      if (depth == 0) {
        return Optional.of(text.substring(start + BOXED.length(), i).strip());
      }
    }
    return Optional.empty();
  }
}
