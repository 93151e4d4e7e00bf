package dev.qwen4j.tool;

/**
 * What a tool answers.
 *
 * @param text for the model to read
 * @param isError whether the call failed; the model is told, and may correct it
 */
public record ToolResult(String text, boolean isError) {
  public static ToolResult of(String text) {
    return new ToolResult(text, false);
  }

  /** A failure the model can act on: what was expected, what was found, what to do next. */
  public static ToolResult error(String text) {
    return new ToolResult(text, true);
  }
}
