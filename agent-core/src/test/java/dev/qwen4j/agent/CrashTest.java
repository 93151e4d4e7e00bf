package dev.qwen4j.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.qwen4j.session.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills a run with SIGKILL at random moments. {@code -Dqwen4j.crashes=200} kills more often than a
 * build has time for.
 */
class CrashTest {
  private static final int CRASHES = Integer.getInteger("qwen4j.crashes", 10);

  @TempDir private Path folder;

  @Test
  void whatWasToldIsKeptAndNothingRunsTwiceSilently() throws Exception {
    Path first = Files.createDirectory(folder.resolve("undisturbed"));
    long started = System.nanoTime();
    assertThat(start(first).waitFor()).isZero();
    long whole = System.nanoTime() - started;
    check(first, 0);
    int most = lines(first.resolve("effects")).size();

    var random = new Random(7);
    int inTheMiddle = 0;
    for (int i = 1; i <= CRASHES; i++) {
      Path here = Files.createDirectory(folder.resolve("run" + i));
      Process process = start(here);
      if (i % 5 == 0) { // At any moment at all; the others while it works.
        process.waitFor((long) (random.nextDouble() * whole), TimeUnit.NANOSECONDS);
      } else {
        int effects = random.nextInt(most);
        while (process.isAlive() && lines(here.resolve("effects")).size() < effects) {
          Thread.sleep(1);
        }
        process.waitFor(random.nextInt(10_000), TimeUnit.MICROSECONDS);
      }
      process.destroyForcibly().waitFor();
      inTheMiddle += isInTheMiddle(here) ? 1 : 0;
      check(here, i);
    }
    assertThat(inTheMiddle).as("kills that hit a run").isPositive();
  }

  private static boolean isInTheMiddle(Path here) throws IOException {
    List<String> told = lines(here.resolve("told"));
    return Files.exists(here.resolve("session")) && !told.contains("finished");
  }

  private static void check(Path here, int crash) throws IOException {
    String round = "crash " + crash;
    List<String> told = lines(here.resolve("told"));
    try (Session session = Session.open(here.resolve("session"))) {
      Set<String> kept = new HashSet<>();
      for (ChatMessage message : session.messages()) {
        if (message instanceof ToolExecutionResultMessage result) {
          kept.add("result " + result.id());
        }
      }
      assertThat(kept)
          .as(round)
          .containsAll(told.stream().filter(l -> !l.equals("finished")).toList());
      boolean over =
          !session.messages().isEmpty()
              && session.messages().getLast() instanceof AiMessage last
              && !last.hasToolExecutionRequests();
      assertThat(over || !told.contains("finished")).as(round).isTrue();
      if (!over) {
        assertThat(CrashingRun.go(here, session).text()).as(round).isEqualTo("All done.");
      }
      List<ToolExecutionResultMessage> results =
          session.messages().stream()
              .filter(ToolExecutionResultMessage.class::isInstance)
              .map(ToolExecutionResultMessage.class::cast)
              .toList();
      assertThat(results).as(round).hasSize(3 * CrashingRun.TURNS);
      List<String> effects = lines(here.resolve("effects"));
      assertThat(effects).as(round).doesNotHaveDuplicates();
      Set<String> reported =
          results.stream()
              .map(ToolExecutionResultMessage::text)
              .filter(text -> text.startsWith("wrote "))
              .map(text -> text.substring("wrote ".length()))
              .collect(Collectors.toSet());
      assertThat(effects).as(round).containsAll(reported);
      long interrupted =
          results.stream().filter(result -> result.text().startsWith("Interrupted")).count();
      assertThat(effects.size() - reported.size())
          .as(round + ": effects nobody heard of")
          .isLessThanOrEqualTo((int) interrupted);
    }
  }

  private static List<String> lines(Path file) throws IOException {
    return Files.exists(file) ? Files.readAllLines(file) : List.of();
  }

  private static Process start(Path here) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            CrashingRun.class.getName(),
            here.toString())
        .redirectErrorStream(true)
        .redirectOutput(here.resolve("output").toFile())
        .start();
  }
}
