package dev.qwen4j.mcp;

import io.modelcontextprotocol.json.McpJsonMapper;
import io.modelcontextprotocol.json.TypeRef;
import io.modelcontextprotocol.spec.McpClientTransport;
import io.modelcontextprotocol.spec.McpSchema;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCMessage;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import reactor.core.publisher.Mono;

/**
 * The SDK's client over a {@link ServerProcess}. In place of the SDK's own stdio transport, which
 * stops listening at the first line that is no message, hands the whole environment down, and waits
 * without end when it closes (java-sdk issues 937 and 759).
 */
final class LineTransport implements McpClientTransport {
  private static final String CANCELLED = "notifications/cancelled";

  private final ServerProcess server;
  private final McpJsonMapper json;
  private final Map<Object, Object> idsByToken = new ConcurrentHashMap<>();

  LineTransport(ServerProcess server, McpJsonMapper json) {
    this.server = server;
    this.json = json;
  }

  @Override
  public Mono<Void> connect(Function<Mono<JSONRPCMessage>, Mono<JSONRPCMessage>> handler) {
    return Mono.fromRunnable(() -> server.carry(line -> receive(line, handler)));
  }

  @Override
  public Mono<Void> sendMessage(JSONRPCMessage message) {
    return Mono.fromRunnable(
        () -> {
          if (message instanceof McpSchema.JSONRPCRequest request
              && request.params() instanceof McpSchema.CallToolRequest call) {
            token(call).ifPresent(token -> idsByToken.put(token, request.id()));
          }
          server.send(text(message));
        });
  }

  /** Forgets a call that has its answer. */
  void forget(String token) {
    idsByToken.remove(token);
  }

  /** Tells the server that nobody waits for a call any more. */
  void cancel(String token, String reason) {
    Object id = idsByToken.remove(token);
    if (id != null) {
      var parameters = Map.of("requestId", id, "reason", reason);
      server.send(text(new McpSchema.JSONRPCNotification(CANCELLED, parameters)));
    }
  }

  @Override
  public Mono<Void> closeGracefully() {
    return Mono.fromRunnable(server::close);
  }

  @Override
  public <T> T unmarshalFrom(Object data, TypeRef<T> type) {
    return json.convertValue(data, type);
  }

  private void receive(String line, Function<Mono<JSONRPCMessage>, Mono<JSONRPCMessage>> handler) {
    JSONRPCMessage message;
    try {
      message = McpSchema.deserializeJsonRpcMessage(json, line);
    } catch (IOException | RuntimeException e) {
      // Servers greet people on the channel that is for messages. It is no reason to go deaf.
      server.remember(line);
      return;
    }
    handler
        .apply(Mono.just(message))
        .subscribe(handled -> {}, error -> server.remember("unhandled message: " + error));
  }

  private static Optional<Object> token(McpSchema.CallToolRequest call) {
    return Optional.ofNullable(call.meta()).map(meta -> meta.get("progressToken"));
  }

  private String text(JSONRPCMessage message) {
    try {
      return json.writeValueAsString(message);
    } catch (IOException e) {
      throw new IllegalStateException("a message of ours is not JSON", e);
    }
  }
}
