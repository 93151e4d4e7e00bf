import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** What the loop itself costs: see bench/loop. */
public final class LoopBench {
  private static final int ROUNDS = 15;
  private static final int SLEEP = 20;

  private LoopBench() {}

  public static void main(String[] args) throws Exception {
    for (int turns : new int[] {10, 50}) {
      double each = median(() -> 1e-3 * time(() -> calling(turns, 0).run("go")) / (turns + 1));
      System.out.printf("turn, in runs of %d: %.1f µs (limit 100)%n", turns, each);
    }
    for (boolean withTools : new boolean[] {false, true}) {
      int chunks = 20_000;
      double each = median(() -> 1e-3 * time(() -> talking(chunks, withTools).run("go")) / chunks);
      System.out.printf(
          "streamed chunk, %s tools: %.2f µs (limit 5)%n", withTools ? "with" : "without", each);
    }
    int runs = 1000;
    int turns = 10;
    double ideal = median(() -> 1e-6 * time(() -> together(runs, () -> sleep(turns))));
    for (int round = 0; round < 5; round++) {
      double took = 1e-6 * time(() -> together(runs, () -> calling(turns, SLEEP).run("go")));
      System.out.printf(
          "%d runs of %d calls of %d ms at once: %.0f ms, %.2f of %d threads that only sleep (%.0f"
              + " ms; limit 1.5); heap after it %d MB, threads %d%n",
          runs, turns, SLEEP, took, took / ideal, runs, ideal, heap(), Thread.activeCount());
    }
  }

  private static double median(Supplier<Double> measure) {
    double[] all = new double[ROUNDS];
    for (int i = 0; i < 2 * ROUNDS; i++) { // The first half warms up.
      all[i % ROUNDS] = measure.get();
    }
    Arrays.sort(all);
    return all[ROUNDS / 2];
  }

  private static long time(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return System.nanoTime() - start;
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

  private static void together(int runs, Runnable run) {
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < runs; i++) {
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

  private static final Limits FAR =
      Limits.DEFAULT.withMaxTurns(10_000).withMaxToolCalls(10_000).withMaxReplyTokens(1_000_000);

  private record Running(Agent agent, int expected) {
    void run(String input) {
      RunResult result = agent.run(input);
      if (!result.answered() || result.turns() != expected) {
        throw new IllegalStateException(result.stopReason() + " after " + result.turns());
      }
    }
  }

  /** An agent that makes so many calls, one a turn, then answers. */
  private static Running calling(int turns, int sleep) {
    var asked = new AtomicInteger();
    var model =
        new ScriptedModel()
            .otherwise(
                request ->
                    asked.incrementAndGet() <= turns
                        ? ScriptedModel.reply().call("note", "{\"n\":" + asked.get() + "}")
                        : ScriptedModel.reply().text("Done."));
    Agent agent = Agent.builder().model(model).tool(new Note(sleep)).limits(FAR).build();
    return new Running(agent, turns + 1);
  }

  /** An agent whose model says so many words. */
  private static Running talking(int chunks, boolean withTools) {
    var words = new String[chunks];
    Arrays.fill(words, "word ");
    var model = new ScriptedModel().enqueue(ScriptedModel.reply().chunks(words));
    Agent.Builder agent = Agent.builder().model(model).limits(FAR);
    return new Running((withTools ? agent.tool(new Note(0)) : agent).build(), 1);
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
