package dev.qwen4j.tools;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;

/** A tool that only looks: it answers with text, and a {@link Refusal} becomes an error result. */
interface ReadingTool extends Tool {
  /** The answer for the model. */
  String answer(ToolArguments arguments, ToolContext context)
      throws Refusal, IOException, InterruptedException;

  @Override
  default ToolResult call(ToolCall call, ToolContext context) throws InterruptedException {
    try {
      return ToolResult.of(answer(call.arguments(), context));
    } catch (Refusal | IllegalArgumentException e) {
      return ToolResult.error(String.valueOf(e.getMessage()));
    } catch (AccessDeniedException e) {
      return ToolResult.error("Permission denied: " + e.getFile());
    } catch (FileSystemException e) {
      String reason = e.getReason();
      return ToolResult.error(
          e.getFile() + ": " + (reason == null ? e.getClass().getSimpleName() : reason));
    } catch (IOException e) {
      return ToolResult.error(name() + " failed: " + e.getMessage());
    }
  }

  @Override
  default boolean changesState() {
    return false;
  }
}
