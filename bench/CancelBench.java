import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.Hook;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.model.HostedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;

/** How soon a cancelled run comes back: see bench/cancel. */
public final class CancelBench {
  private static final int ROUNDS = 40;
  private static final String HEAD =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
  private static final String HALF =
      HEAD + "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"So far\"}}]}\n\n";
  private static final String BUSY =
      "HTTP/1.1 429 Busy\r\nRetry-After: 50\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

  private CancelBench() {}

  public static void main(String[] args) throws Exception {
    report("a model that ignores interruption", ignoring(Agent.builder().model(silent())));
    report(
        "a tool that ignores interruption",
        ignoring(Agent.builder().model(calling()).tool(deaf())));
    report(
        "a tool that waits for a child process",
        ignoring(Agent.builder().model(calling()).tool(child())));
    report(
        "a hook that ignores interruption",
        ignoring(Agent.builder().model(calling()).hook(Hook.onInput(CancelBench::unheard))));
    report("an endpoint before its answer", hosted(""));
    report("an endpoint in the middle of its answer", hosted(HALF));
    report("the wait before a retry", hosted(BUSY));
  }

  private static void report(String what, Callable<Double> once) throws Exception {
    double[] millis = new double[ROUNDS];
    for (int i = -10; i < ROUNDS; i++) { // Until it is compiled.
      double took = once.call();
      if (i >= 0) {
        millis[i] = took;
      }
    }
    Arrays.sort(millis);
    System.out.printf(
        "%-42s median %5.1f ms, longest of %d %5.1f ms (limit 200)%n",
        what, millis[ROUNDS / 2], ROUNDS, millis[ROUNDS - 1]);
  }

  private static Callable<Double> ignoring(Agent.Builder builder) {
    Agent agent = builder.build();
    return () -> cancelled(agent);
  }

  private static Callable<Double> hosted(String answer) {
    return () -> {
      try (var server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
        Thread.ofVirtual().start(() -> serve(server, answer));
        try (var model =
            HostedModel.builder()
                .baseUrl("http://127.0.0.1:" + server.getLocalPort() + "/v1")
                .modelName("m")
                .retryWaits(Duration.ofSeconds(1), Duration.ofSeconds(60))
                .build()) {
          return cancelled(Agent.builder().model(model.streamingChatModel()).build());
        }
      }
    };
  }

  private static void serve(ServerSocket server, String answer) {
    try {
      List<Socket> kept = new ArrayList<>();
      while (true) {
        Socket socket = server.accept();
        kept.add(socket);
        OutputStream out = socket.getOutputStream();
        out.write(answer.getBytes(StandardCharsets.UTF_8));
        out.flush();
      }
    } catch (IOException closed) {
      // The round is over.
    }
  }

  /** Milliseconds from the cancellation, when all is hanging, to the end of the run. */
  private static double cancelled(Agent agent) throws Exception {
    var cancellation = new Cancellation();
    var run =
        new FutureTask<RunResult>(
            () -> agent.run(List.of(UserMessage.from("go")), event -> {}, cancellation));
    Thread.ofVirtual().start(run);
    Thread.sleep(60);
    long asked = System.nanoTime();
    cancellation.cancel();
    StopReason reason = run.get().stopReason();
    if (reason != StopReason.CANCELLED) {
      throw new IllegalStateException("ended by " + reason);
    }
    return 1e-6 * (System.nanoTime() - asked);
  }

  private static void hang() {
    long end = System.nanoTime() + Duration.ofSeconds(2).toNanos();
    while (end - System.nanoTime() > 0) {
      try {
        new CountDownLatch(1)
            .await(end - System.nanoTime(), java.util.concurrent.TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        // That is what it is for.
      }
    }
  }

  private static Hook.Verdict<String> unheard(String input) {
    hang();
    return Hook.Verdict.pass();
  }

  private static StreamingChatModel silent() {
    return new StreamingChatModel() {
      @Override
      public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        hang();
      }
    };
  }

  private static StreamingChatModel calling() {
    return new StreamingChatModel() {
      @Override
      public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        var call = ToolExecutionRequest.builder().id("1").name("slow").arguments("{}").build();
        handler.onCompleteResponse(ChatResponse.builder().aiMessage(AiMessage.from(call)).build());
      }
    };
  }

  private static Tool deaf() {
    return tool(
        () -> {
          hang();
          return ToolResult.of("late");
        });
  }

  private static Tool child() {
    return tool(
        () -> {
          Process process = new ProcessBuilder("sleep", "5").start();
          try {
            process.waitFor();
          } finally {
            process.destroyForcibly();
          }
          return ToolResult.of("late");
        });
  }

  private static Tool tool(Callable<ToolResult> work) {
    return new Tool() {
      @Override
      public ToolSpecification specification() {
        return ToolSpecification.builder().name("slow").description("Takes long").build();
      }

      @Override
      public boolean changesState() {
        return false;
      }

      @Override
      public ToolResult call(ToolCall call, ToolContext context) throws Exception {
        return work.call();
      }
    };
  }
}
