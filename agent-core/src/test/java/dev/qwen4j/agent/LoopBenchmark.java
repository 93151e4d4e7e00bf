package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What the loop costs besides the model and the tools, both of which take no time here or sleep:
 * see {@code bench/loop}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 1, jvmArgsAppend = "-Xmx1g")
@Warmup(iterations = 5, time = 2)
@Measurement(iterations = 10, time = 1)
public class LoopBenchmark {
  private static final int CALLS = 10;
  private static final int TURNS = CALLS + 1;
  private static final int CHUNKS = 20_000;
  private static final int RUNS = 1000;
  private static final long SLEEP = 20;
  private static final Limits FAR =
      Limits.DEFAULT.withMaxTurns(10_000).withMaxToolCalls(10_000).withMaxReplyTokens(1_000_000);

  private final Agent calling = calling(0);
  private final Agent callingSlowly = calling(SLEEP);
  private final Agent talking = talking(false);
  private final Agent talkingWithTools = talking(true);

  /** A turn with a call, in one run after another. */
  @Benchmark
  @OperationsPerInvocation(TURNS)
  public RunResult turn() {
    return checked(calling.run("go"), TURNS);
  }

  /** A turn with a call, in a thousand runs at once. */
  @Benchmark
  @OperationsPerInvocation(RUNS * TURNS)
  public List<RunResult> turnAmongMany() throws Exception {
    return together(() -> checked(calling.run("go"), TURNS));
  }

  /** A streamed piece of text. */
  @Benchmark
  @OperationsPerInvocation(CHUNKS)
  public RunResult chunk() {
    return checked(talking.run("go"), 1);
  }

  /** A streamed piece of text that might be the beginning of a call. */
  @Benchmark
  @OperationsPerInvocation(CHUNKS)
  public RunResult chunkWithTools() {
    return checked(talkingWithTools.run("go"), 1);
  }

  /** A thousand runs at once, of ten calls of 20 ms each. */
  @Benchmark
  @OutputTimeUnit(TimeUnit.MILLISECONDS)
  public List<RunResult> thousandRuns() throws Exception {
    return together(() -> checked(callingSlowly.run("go"), TURNS));
  }

  /** The ideal of that: as many threads that only sleep. */
  @Benchmark
  @OutputTimeUnit(TimeUnit.MILLISECONDS)
  public List<Integer> thousandSleepers() throws Exception {
    return together(
        () -> {
          for (int i = 0; i < CALLS; i++) {
            Thread.sleep(SLEEP);
          }
          return CALLS;
        });
  }

  private static <T> List<T> together(Callable<T> work) throws Exception {
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<T>> all = new ArrayList<>();
      for (int i = 0; i < RUNS; i++) {
        all.add(executor.submit(work));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> each : all) {
        results.add(each.get());
      }
      return results;
    }
  }

  private static RunResult checked(RunResult result, int turns) {
    if (!result.answered() || result.turns() != turns) {
      throw new IllegalStateException(result.stopReason() + " after " + result.turns());
    }
    return result;
  }

  /** Makes its calls, one a turn, then answers. */
  private static Agent calling(long sleep) {
    StreamingChatModel model =
        new StreamingChatModel() {
          @Override
          public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
            int said = request.messages().size();
            if (said < 1 + 2 * CALLS) {
              complete(handler, AiMessage.from(call(said)));
            } else {
              handler.onPartialResponse("Done.");
              complete(handler, AiMessage.from("Done."));
            }
          }
        };
    return Agent.builder().model(model).tool(new Note(sleep)).limits(FAR).build();
  }

  private static ToolExecutionRequest call(int number) {
    return ToolExecutionRequest.builder()
        .id("call_" + number)
        .name("note")
        .arguments("{\"n\":" + number + "}")
        .build();
  }

  /** Says many words. */
  private static Agent talking(boolean withTools) {
    AiMessage all = AiMessage.from("word ".repeat(CHUNKS));
    StreamingChatModel model =
        new StreamingChatModel() {
          @Override
          public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
            for (int i = 0; i < CHUNKS; i++) {
              handler.onPartialResponse("word ");
            }
            complete(handler, all);
          }
        };
    Agent.Builder agent = Agent.builder().model(model).limits(FAR);
    return (withTools ? agent.tool(new Note(0)) : agent).build();
  }

  private static void complete(StreamingChatResponseHandler handler, AiMessage message) {
    handler.onCompleteResponse(
        ChatResponse.builder().aiMessage(message).tokenUsage(new TokenUsage(10, 5)).build());
  }

  /** Takes its time and says something new. */
  private record Note(long sleep) implements Tool {
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
