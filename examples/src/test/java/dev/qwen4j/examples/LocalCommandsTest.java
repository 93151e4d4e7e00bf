package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
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
            "run", "--no-tools", "--json", "--max-tokens", "60", "--seed", "1", "-m", model, "Hi");

    // Random weights write nonsense, and may not come to an end.
    assertThat(outcome.exitCode()).as(outcome.err()).isIn(0, 3);
    assertThat(outcome.lines("text")).isNotEmpty();
    assertThat(outcome.result().path("text").asText()).isNotEmpty();
  }

  @Test
  void runAndBenchTakeSmallerWeightsAndASmallerCache() throws IOException {
    String model = TinyModel.in(folder).toString();
    Map<String, String> environment = Map.of("QWEN4J_CACHE", folder.toString());

    Outcome run =
        Outcome.of(
            "",
            environment,
            ("run --no-tools --json --max-tokens 60 --seed 1 --quantize q8_0 --kv-cache q8_0"
                    + " --context 1024 Hi -m "
                    + model)
                .split(" "));
    Outcome bench =
        Outcome.of(
            "",
            environment,
            ("bench --pp 8 --tg 2 --repeats 1 --json --quantize q4_0 --kv-cache q8_0 -m " + model)
                .split(" "));

    assertThat(run.exitCode()).as(run.err()).isIn(0, 3);
    assertThat(run.lines("text")).isNotEmpty();
    assertThat(bench.exitCode()).as(bench.err()).isZero();
    assertThat(bench.lines().getFirst().path("tg2@0").path("median").asDouble()).isPositive();
    try (Stream<Path> copies = Files.list(folder.resolve("quantized"))) {
      assertThat(copies.map(copy -> String.valueOf(copy.getFileName())).sorted())
          .satisfiesExactly(
              four -> assertThat(four).contains(".Q4_0-"),
              eight -> assertThat(eight).contains(".Q8_0-"));
    }
  }

  @Test
  void aContextLongerThanTheModelsIsOneLine() throws IOException {
    String model = TinyModel.in(folder).toString();

    Outcome outcome = Outcome.of("run", "--context", "5000", "-m", model, "Hi");

    assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(outcome.err()).contains("5000", "4096");
  }

  @Test
  void modelsListsTheCacheAndWhatEachModelCanDo() throws IOException {
    Map<String, String> environment = Map.of("QWEN4J_CACHE", folder.toString());
    assertThat(Outcome.of("", environment, "models").err()).contains("qwen4j pull hf:");
    Path repository = Files.createDirectories(folder.resolve("hf/Qwen/Tiny-GGUF"));
    TinyModel.in(repository);

    Outcome human = Outcome.of("", environment, "models");
    Outcome json = Outcome.of("", environment, "models", "--json");

    assertThat(human.exitCode()).isZero();
    assertThat(human.out())
        .contains("hf:Qwen/Tiny-GGUF", repository.toString(), "qwen3 F32, context 4096: chat");
    JsonNode model = json.lines().getFirst();
    assertThat(model.path("bytes").asLong()).isEqualTo(Files.size(repository.resolve("tiny.gguf")));
    assertThat(model.path("family").asText()).isEqualTo("qwen3");
    assertThat(model.path("type").asText()).isEqualTo("F32");
    assertThat(model.path("context").asInt()).isEqualTo(4096);
    assertThat(model.path("runs").asBoolean()).isTrue();
    assertThat(model.path("can").get(0).asText()).isEqualTo("chat");
  }

  @Test
  void modelsListsADamagedFileWithTheReason() throws IOException {
    Map<String, String> environment = Map.of("QWEN4J_CACHE", folder.toString());
    TinyModel.truncated(Files.createDirectories(folder.resolve("hf/Qwen/Tiny-GGUF")));

    Outcome human = Outcome.of("", environment, "models");
    Outcome json = Outcome.of("", environment, "models", "--json");

    assertThat(human.exitCode()).isZero();
    assertThat(human.out()).contains("cannot be read", "truncated.gguf");
    assertThat(json.lines().getFirst().path("runs").asBoolean(true)).isFalse();
    assertThat(json.lines().getFirst().path("reason").asText()).isNotEmpty();
  }

  @Test
  void inspectShowsMetadataTensorsMemoryAndThatItRuns() throws IOException {
    Path model = TinyModel.in(folder);

    Outcome human = Outcome.of("inspect", "--tensors", model.toString());
    Outcome json = Outcome.of("inspect", "--json", model.toString());

    assertThat(human.exitCode()).as(human.err()).isZero();
    assertThat(human.out())
        .contains(
            "qwen3.embedding_length = 64", "tokens = 512 x string", "output_norm.weight", "runs")
        .doesNotContain("\u001b");
    assertThat(json.exitCode()).isZero();
    assertThat(json.lines()).hasSize(1);
    JsonNode info = json.lines().getFirst();
    assertThat(info.path("metadata").path("qwen3.block_count").asText()).isEqualTo("3");
    assertThat(info.path("tensors").get(0).path("name").asText()).isNotEmpty();
    assertThat(info.path("tensors").get(0).path("shape").isArray()).isTrue();
    // Three layers, keys and values, two heads of 32 halves.
    long perToken = 3 * 2 * 2 * 32 * 2;
    assertThat(info.path("kv_bytes_per_token").asLong()).isEqualTo(perToken);
    long weights = 0;
    for (JsonNode tensor : info.path("tensors")) {
      weights += tensor.path("bytes").asLong();
    }
    assertThat(info.path("memory_bytes").path("4096").asLong())
        .isEqualTo(weights + 4096 * perToken);
  }

  @Test
  void inspectSaysWhyAModelWillNotRun() throws IOException {
    Path model = TinyModel.changed(folder, "qwen3", "llama");

    Outcome human = Outcome.of("inspect", model.toString());
    Outcome json = Outcome.of("inspect", "--json", model.toString());

    assertThat(human.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(human.err()).contains("will not run", "llama");
    assertThat(json.exitCode()).isEqualTo(1);
    assertThat(json.lines().getFirst().path("runs").asBoolean(true)).isFalse();
    assertThat(json.lines().getFirst().path("reason").asText()).contains("llama");
  }

  @Test
  void inspectOfAFileThatCannotBeReadIsOneLine() throws IOException {
    Outcome outcome = Outcome.of("inspect", TinyModel.truncated(folder).toString());

    assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(outcome.err()).contains("truncated.gguf");
    assertThat(outcome.out()).isEmpty();
  }
}
