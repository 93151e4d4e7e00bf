package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ctrl-C at any moment between the opening of a real checkpoint and its first words. */
@EnabledIfEnvironmentVariable(named = "QWEN4J_TEST_MODEL", matches = ".+")
class LoadInterruptIT {
  @TempDir private Path cache;

  @ParameterizedTest
  @ValueSource(ints = {0, 50, 200, 500, 1000, 2000})
  void ctrlCEndsWithTheResult(int millisAfterOpening) throws Exception {
    Path model = Path.of(System.getenv("QWEN4J_TEST_MODEL")).toRealPath();
    try (ChildProcess run =
        ChildProcess.qwen4j(
            Map.of("QWEN4J_CACHE", cache.toString()),
            "run",
            "--json",
            "--no-tools",
            "-m",
            model.toString(),
            "Write a very long story.")) {
      run.awaitMapped(model);
      Thread.sleep(millisAfterOpening);
      run.signal("INT");
      Outcome outcome = run.outcome();

      assertThat(outcome.exitCode()).isEqualTo(130);
      assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("cancelled");
      assertThat(outcome.hasOneClearLine().err()).contains("interrupted");
    }
  }
}
