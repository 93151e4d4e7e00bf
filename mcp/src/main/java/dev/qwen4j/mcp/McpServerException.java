package dev.qwen4j.mcp;

import org.jspecify.annotations.Nullable;

/**
 * An MCP server did not start or did not keep to the protocol. The message is one line: the
 * command, what happened, and the last lines the server wrote to its error output.
 */
public final class McpServerException extends RuntimeException {
  McpServerException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
