package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands on a model that runs in this JVM. */
class LocalCommandsTest {
  @TempDir private Path folder;

  @Test
  void runStreamsWhatTheModelWrites() throws IOException {
    String model = TinyModel.in(folder).toString();

    Outcome outcome =
        Outcome.of(
            "run", "--no-tools", "--json", "--max-time", "2", "--seed", "1", "-m", model, "Hi");

    // Random weights write nonsense, and may not come to an end.
    assertThat(outcome.exitCode()).as(outcome.err()).isIn(0, 3);
    assertThat(outcome.lines("text")).isNotEmpty();
    assertThat(outcome.result().path("text").asText()).isNotEmpty();
  }

  @Test
  void benchMeasuresRatesMemoryAndBandwidth() throws IOException {
    String model = TinyModel.in(folder).toString();

    Outcome outcome =
        Outcome.of(
            "bench",
            "--model",
            model,
            "--pp",
            "16",
            "--tg",
            "4",
            "--depth",
            "8",
            "--threads",
            "1",
            "--repeats",
            "3",
            "--json");

    assertThat(outcome.exitCode()).as(outcome.err()).isZero();
    assertThat(outcome.lines()).hasSize(1);
    JsonNode line = outcome.lines().getFirst();
    for (String rate : new String[] {"pp16", "tg4@8"}) {
      double min = line.path(rate).path("min").asDouble();
      double median = line.path(rate).path("median").asDouble();
      double max = line.path(rate).path("max").asDouble();
      assertThat(min).isPositive();
      assertThat(median).isBetween(min, max);
    }
    assertThat(line.path("load_s").isNumber()).isTrue();
    assertThat(line.has("peak_rss_mb")).isTrue();
    assertThat(line.path("read_gb_s").isNumber()).isTrue();
  }

  @Test
  void modelsListsTheCache() throws IOException {
    Map<String, String> environment = Map.of("QWEN4J_CACHE", folder.toString());
    assertThat(Outcome.of("", environment, "models").err()).contains("--model hf:");
    Path repository = Files.createDirectories(folder.resolve("hf/Qwen/Tiny-GGUF"));
    TinyModel.in(repository);

    Outcome human = Outcome.of("", environment, "models");
    Outcome json = Outcome.of("", environment, "models", "--json");

    assertThat(human.exitCode()).isZero();
    assertThat(human.out()).contains("hf:Qwen/Tiny-GGUF", repository.toString());
    assertThat(json.lines().getFirst().path("bytes").asLong())
        .isEqualTo(Files.size(repository.resolve("tiny.gguf")));
  }
}
