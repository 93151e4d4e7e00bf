import com.sun.management.OperatingSystemMXBean;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/** What the loop itself costs: see bench/loop. */
public final class LoopBench {
  private static final int ROUNDS = 15;
  private static final int SLEEP = 20;
  private static final int RUNS = 1000;
  private static final int CALLS = 10;
  private static final Limits FAR =
      Limits.DEFAULT.withMaxTurns(10_000).withMaxToolCalls(10_000).withMaxReplyTokens(1_000_000);

  private LoopBench() {}

  public static void main(String[] args) throws Exception {
    Agent quick = calling(CALLS, 0);
    for (int i = 0; i < 20; i++) { // Until it is compiled.
      together(() -> check(quick.run("go"), CALLS + 1));
    }
    double each =
        median(() -> 1e-3 * processorTime(() -> together(() -> check(quick.run("go"), CALLS + 1)))
            / (RUNS * (CALLS + 1)));
    System.out.printf("turn with a call, processor time: %.1f µs (limit 100)%n", each);
    double alone =
        median(() -> 1e-3 * time(() -> repeat(100, () -> check(quick.run("go"), CALLS + 1)))
            / (100 * (CALLS + 1)));
    System.out.printf("turn with a call, one run after another: %.1f µs%n", alone);
    for (boolean withTools : new boolean[] {false, true}) {
      int chunks = 20_000;
      Agent talking = talking(chunks, withTools);
      double chunk = median(() -> 1e-3 * time(() -> check(talking.run("go"), 1)) / chunks);
      System.out.printf(
          "streamed chunk, %s tools: %.2f µs (limit 5)%n", withTools ? "with" : "without", chunk);
    }
    Agent slow = calling(CALLS, SLEEP);
    double ideal = median(() -> 1e-6 * time(() -> together(() -> sleep(CALLS))));
    for (int round = 0; round < 6; round++) {
      double took = 1e-6 * time(() -> together(() -> check(slow.run("go"), CALLS + 1)));
      System.out.printf(
          "%d runs of %d calls of %d ms at once: %.0f ms, %.2f of %d threads that only sleep (%.0f"
              + " ms; limit 1.5); heap after it %d MB, platform threads %d%n",
          RUNS, CALLS, SLEEP, took, took / ideal, RUNS, ideal, heap(), Thread.activeCount());
    }
  }

  private static double median(Supplier<Double> measure) {
    double[] all = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      all[i] = measure.get();
    }
    Arrays.sort(all);
    return all[ROUNDS / 2];
  }

  private static long time(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return System.nanoTime() - start;
  }

  private static long processorTime(Runnable work) {
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long start = system.getProcessCpuTime();
    work.run();
    return system.getProcessCpuTime() - start;
  }

  private static void repeat(int times, Runnable work) {
    for (int i = 0; i < times; i++) {
      work.run();
    }
  }

  private static void sleep(int times) {
    try {
      for (int i = 0; i < times; i++) {
        Thread.sleep(SLEEP);
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void together(Runnable run) {
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < RUNS; i++) {
        all.add(executor.submit(run));
      }
      for (Future<?> each : all) {
        each.get();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static long heap() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    return (Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory()) >> 20;
  }

  private static void check(RunResult result, int turns) {
    if (!result.answered() || result.turns() != turns) {
      throw new IllegalStateException(result.stopReason() + " after " + result.turns());
    }
  }

  /** Makes so many calls, one a turn, then answers. */
  private static Agent calling(int calls, int sleep) {
    StreamingChatModel model =
        new StreamingChatModel() {
          @Override
          public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
            int said = request.messages().size();
            boolean isCall = said < 1 + 2 * calls;
            AiMessage reply =
                isCall
                    ? AiMessage.from(
                        ToolExecutionRequest.builder()
                            .id("call_" + said)
                            .name("note")
                            .arguments("{\"n\":" + said + "}")
                            .build())
                    : AiMessage.from("Done.");
            if (!isCall) {
              handler.onPartialResponse("Done.");
            }
            handler.onCompleteResponse(response(reply));
          }
        };
    return Agent.builder().model(model).tool(new Note(sleep)).limits(FAR).build();
  }

  /** Says so many words. */
  private static Agent talking(int chunks, boolean withTools) {
    AiMessage all = AiMessage.from("word ".repeat(chunks));
    StreamingChatModel model =
        new StreamingChatModel() {
          @Override
          public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
            for (int i = 0; i < chunks; i++) {
              handler.onPartialResponse("word ");
            }
            handler.onCompleteResponse(response(all));
          }
        };
    Agent.Builder agent = Agent.builder().model(model).limits(FAR);
    return (withTools ? agent.tool(new Note(0)) : agent).build();
  }

  private static ChatResponse response(AiMessage message) {
    return ChatResponse.builder().aiMessage(message).tokenUsage(new TokenUsage(10, 5)).build();
  }

  /** Takes its time and says something new. */
  private record Note(int sleep) implements Tool {
    private static final ToolSpecification SPECIFICATION =
        ToolSpecification.builder()
            .name("note")
            .description("Notes a number")
            .parameters(JsonObjectSchema.builder().addIntegerProperty("n").required("n").build())
            .build();

    @Override
    public ToolSpecification specification() {
      return SPECIFICATION;
    }

    @Override
    public boolean changesState() {
      return false;
    }

    @Override
    public ToolResult call(ToolCall call, ToolContext context) throws InterruptedException {
      if (sleep > 0) {
        Thread.sleep(sleep);
      }
      return ToolResult.of("noted " + call.arguments().integer("n", 0));
    }
  }
}
