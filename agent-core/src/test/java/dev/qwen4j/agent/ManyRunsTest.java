package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.ToolResult;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A thousand runs at once, as {@code bench/loop} measures them. */
class ManyRunsTest {
  private static final int RUNS = 1000;
  private static final int CALLS = 3;
  private static final long A_FEW_MEGABYTES = 24 << 20;

  @TempDir private Path folder;

  @Test
  void aThousandRunsWithSlowToolsAllEndAndLeaveNeitherThreadsNorMemory() throws Exception {
    runAll();
    long before = heap();
    for (int round = 0; round < 3; round++) {
      runAll();
    }
    assertNoThreadsAreLeft();
    long after = heap();
    for (int i = 0; i < 200 && after > before + A_FEW_MEGABYTES; i++) {
      Thread.sleep(50);
      after = heap();
    }
    assertThat(after - before).as("bytes of 3,000 runs").isLessThan(A_FEW_MEGABYTES);
  }

  private static void runAll() throws Exception {
    var model =
        new ScriptedModel()
            .otherwise(
                request -> {
                  int said = request.messages().size();
                  String task = ((UserMessage) request.messages().getFirst()).singleText();
                  return said < 1 + 2 * CALLS
                      ? reply().call("slow", "{\"x\":\"" + task + "-" + said + "\"}")
                      : reply().text("done " + task);
                });
    var slow =
        TestTool.looking(
            "slow",
            (call, context) -> {
              Thread.sleep(20);
              return ToolResult.of("x".repeat(1000) + call.arguments().string("x"));
            });
    Agent agent = Agent.builder().model(model).tool(slow).build();
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> runs =
          IntStream.range(0, RUNS)
              .mapToObj(i -> executor.submit(() -> agent.run("task" + i).text()))
              .toList();
      for (int i = 0; i < RUNS; i++) {
        assertThat(runs.get(i).get()).isEqualTo("done task" + i);
      }
    }
    assertThat(slow.calls).hasSize(RUNS * CALLS);
  }

  private static long heap() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  private void assertNoThreadsAreLeft() throws Exception {
    for (int i = 0; i < 600 && threads().contains("qwen4j-"); i++) {
      Thread.sleep(50);
    }
    assertThat(threads()).doesNotContain("qwen4j-");
  }

  /** Virtual threads show up nowhere else but in a thread dump. */
  private String threads() throws Exception {
    Path dump = Files.createTempDirectory(folder, "threads").resolve("dump");
    ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
        .dumpThreads(dump.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
    return Files.readString(dump);
  }
}
