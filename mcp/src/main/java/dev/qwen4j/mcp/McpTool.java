package dev.qwen4j.mcp;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;

/** One tool of a server, under the name the model knows it by. */
final class McpTool implements Tool {
  private final ServerConnection server;
  private final String nameThere;
  private final ToolSpecification specification;
  private final boolean changesState;
  private final CallLimits limits;

  /**
   * Bounds of a call.
   *
   * @param timeout how long an answer may take
   * @param maxCharacters how much of an answer the model is shown
   */
  record CallLimits(Duration timeout, int maxCharacters) {}

  McpTool(
      ServerConnection server,
      String nameThere,
      ToolSpecification specification,
      boolean changesState,
      CallLimits limits) {
    this.server = server;
    this.nameThere = nameThere;
    this.specification = specification;
    this.changesState = changesState;
    this.limits = limits;
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
  public ToolResult call(ToolCall call, ToolContext context) throws InterruptedException {
    Duration left = Duration.between(Instant.now(), context.deadline());
    Duration timeout = left.compareTo(limits.timeout) < 0 ? left : limits.timeout;
    var stop = new CompletableFuture<Void>();
    var registration = context.cancellation().onCancel(() -> stop.complete(null));
    try {
      var result = server.call(nameThere, call.arguments().toMap(), timeout, stop);
      return ResultText.of(result, limits.maxCharacters);
    } catch (TimeoutException e) {
      return ToolResult.error(
          name() + " did not answer within " + timeout.toMillis() / 1000.0 + " seconds.");
    } catch (CancellationException e) {
      return ToolResult.error(name() + " was cancelled.");
    } catch (McpServerException e) {
      return ToolResult.error(String.valueOf(e.getMessage()));
    } finally {
      registration.close();
    }
  }
}
