package dev.qwen4j.mcp;

import io.modelcontextprotocol.client.McpAsyncClient;
import io.modelcontextprotocol.client.McpClient;
import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.spec.McpError;
import io.modelcontextprotocol.spec.McpSchema;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A conversation with one server. Every wait ends: with the answer, with the server, at a deadline,
 * or by interruption, whichever comes first.
 */
final class ServerConnection implements AutoCloseable {
  private static final Duration LONGEST = Duration.ofDays(1);
  private static final int MAX_PAGES = 1_000;

  private final ServerProcess server;
  private final LineTransport transport;
  private final McpAsyncClient client;

  /**
   * Shakes hands with the server.
   *
   * @throws McpServerException if it ends, answers with an error, or not in time
   */
  ServerConnection(ServerProcess server, Duration startTimeout) {
    this.server = server;
    this.transport = new LineTransport(server, McpJsonDefaults.getMapper());
    this.client =
        McpClient.async(transport)
            .clientInfo(McpSchema.Implementation.builder("qwen4j", "0.1").build())
            // Waiting is our business: see await.
            .requestTimeout(LONGEST)
            .initializationTimeout(LONGEST)
            .build();
    try {
      start(client.initialize(), startTimeout);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** The server's tools, all pages; none if it has no tools to offer. */
  List<McpSchema.Tool> tools(Duration timeout) {
    if (client.getServerCapabilities() == null || client.getServerCapabilities().tools() == null) {
      return List.of();
    }
    List<McpSchema.Tool> tools = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    @Nullable String cursor = null;
    do {
      McpSchema.ListToolsResult page = start(list(cursor), timeout);
      tools.addAll(page.tools());
      cursor = page.nextCursor();
      if (cursor != null && (!seen.add(cursor) || seen.size() > MAX_PAGES)) {
        throw new McpServerException(
            "The MCP server '" + server + "' lists its tools without end (cursor " + cursor + ")",
            null);
      }
    } while (cursor != null && !cursor.isEmpty());
    return tools;
  }

  /**
   * Calls a tool.
   *
   * @throws McpServerException if the server ends meanwhile or answers with a protocol error
   * @throws TimeoutException if there is no answer in time
   * @throws CancellationException if {@code stop} was done first
   */
  McpSchema.CallToolResult call(
      String tool, Map<String, Object> arguments, Duration timeout, CompletableFuture<?> stop)
      throws InterruptedException, TimeoutException {
    String token = UUID.randomUUID().toString();
    var request =
        McpSchema.CallToolRequest.builder(tool)
            .arguments(arguments)
            .meta(Map.of("progressToken", token))
            .build();
    boolean answered = false;
    try {
      McpSchema.CallToolResult result = await(client.callTool(request), timeout, stop);
      answered = true;
      return result;
    } finally {
      if (answered) {
        transport.forget(token);
      } else {
        transport.cancel(token, "nobody waits for it any more");
      }
    }
  }

  /** Ends the server. Calls that still wait are given up. */
  @Override
  public void close() {
    server.close();
    client.close();
  }

  @SuppressWarnings("NullAway") // null is the SDK's word for the first page
  private Mono<McpSchema.ListToolsResult> list(@Nullable String cursor) {
    return client.listTools(cursor);
  }

  private <T> T start(Mono<T> asked, Duration timeout) {
    try {
      return await(asked, timeout, new CompletableFuture<>());
    } catch (TimeoutException e) {
      throw new McpServerException(
          "The MCP server '"
              + server
              + "' did not answer within "
              + timeout.toSeconds()
              + " seconds"
              + server.lastWords(),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new McpServerException(
          "Interrupted while the MCP server '" + server + "' was starting", e);
    }
  }

  private <T> T await(Mono<T> asked, Duration timeout, CompletableFuture<?> stop)
      throws InterruptedException, TimeoutException {
    CompletableFuture<T> answer = asked.toFuture();
    CompletableFuture<?> first = CompletableFuture.anyOf(answer, server.gone(), stop);
    try {
      first.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new McpServerException(
          "The MCP server '" + server + "' answered with an error: " + reason(e), e);
    } finally {
      if (!answer.isDone()) {
        answer.cancel(true);
      }
    }
    if (answer.isDone() && !answer.isCancelled()) {
      return Objects.requireNonNull(answer.join(), "an answer without content");
    }
    if (stop.isDone()) {
      throw new CancellationException("the call was cancelled");
    }
    throw new McpServerException("The MCP server '" + server + "' " + server.gone().join(), null);
  }

  private static String reason(ExecutionException e) {
    Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
    while (!(cause instanceof McpError) && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return String.valueOf(cause.getMessage());
  }
}
