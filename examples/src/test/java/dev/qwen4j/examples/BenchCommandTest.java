package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code qwen4j bench} on a model that runs in milliseconds. */
class BenchCommandTest {
  private static final String LITTLE = "bench --pp 8 --tg 2 --repeats 1 --threads 1 --json ";

  @TempDir private Path folder;

  private static Outcome bench(String line) {
    Outcome outcome = Outcome.of(line.split(" "));
    assertThat(outcome.exitCode()).as(outcome.err()).isZero();
    return outcome;
  }

  private static void isSpread(JsonNode rates) {
    double min = rates.path("min").asDouble();
    double max = rates.path("max").asDouble();
    assertThat(min).isPositive();
    assertThat(rates.path("median").asDouble()).isBetween(min, max);
  }

  @Test
  void ratesMemoryAndBandwidthAreMeasured() throws IOException {
    Path model = TinyModel.in(folder);

    Outcome outcome =
        bench("bench --pp 16 --tg 4 --depth 8 --threads 1 --repeats 3 --json --model " + model);

    assertThat(outcome.lines()).hasSize(1);
    JsonNode line = outcome.lines().getFirst();
    assertThat(line.path("model").asText()).isEqualTo(model.toString());
    Stream.of("pp16", "pp16@8", "tg4@8", "memory_gb_s").forEach(name -> isSpread(line.path(name)));
    assertThat(line.has("tg4@0")).isFalse();
    JsonNode generation = line.path("tg4@8");
    assertThat(generation.path("read_gb_s").asDouble()).isPositive();
    assertThat(generation.path("of_memory").isNumber()).isTrue();
    assertThat(line.path("read_gb_s")).isEqualTo(generation.path("read_gb_s"));
    assertThat(line.path("load_s").isNumber()).isTrue();
    assertThat(line.has("peak_rss_mb")).isTrue();
    assertThat(line.path("first_token").path("cold_s").asDouble()).isPositive();
    isSpread(line.path("first_token").path("warm_s"));
    assertThat(line.has("second_turn")).isFalse();
  }

  @Test
  void theKernelsAreNamedForEachTypeOfWeights() throws IOException {
    Path model = TinyModel.in(folder);

    JsonNode kernels = bench(LITTLE + model).lines().getFirst().path("kernels");

    assertThat(kernels.path("description").asText()).contains("kernels");
    assertThat(kernels.path("vector_bits").asInt()).isIn(128, 256, 512);
    assertThat(kernels.path("threads").asInt()).isEqualTo(1);
    assertThat(kernels.path("why").asText()).contains("the JVM prefers");
    assertThat(kernels.path("unread_mb").isNumber()).isTrue();
    JsonNode floats = kernels.path("weights").path("F32");
    assertThat(floats.path("matrices").asInt()).isPositive();
    assertThat(floats.path("mb").asDouble()).isPositive();
    assertThat(floats.path("way").asText()).isEqualTo("mapped rows, as in the file");
  }

  @Test
  void severalModelsAreMeasuredOneAfterTheOther() throws IOException {
    Path one = TinyModel.in(folder);
    Path other = TinyModel.in(Files.createDirectory(folder.resolve("other")));

    List<JsonNode> lines = bench(LITTLE + one + " " + other).lines();
    List<JsonNode> alike = bench(LITTLE + other + " -m " + one).lines();

    assertThat(lines)
        .extracting(line -> line.path("model").asText())
        .containsExactly(one.toString(), other.toString());
    assertThat(alike)
        .extracting(line -> line.path("model").asText())
        .containsExactly(one.toString(), other.toString());
    for (JsonNode line : lines) {
      isSpread(line.path("pp8"));
      isSpread(line.path("tg2@0"));
      isSpread(line.path("first_token").path("warm_s"));
    }
    // Only the first finds nothing compiled.
    assertThat(lines.getFirst().path("first_token").path("cold_s").isNumber()).isTrue();
    assertThat(lines.getLast().path("first_token").path("cold_s").isNull()).isTrue();
  }

  @Test
  void severalDepthsAreMeasuredInOneRun() throws IOException {
    Path model = TinyModel.in(folder);

    JsonNode line = bench(LITTLE + "--depth 0,8,600 " + model).lines().getFirst();

    Stream.of("pp8", "pp8@8", "pp8@600", "tg2@0", "tg2@8", "tg2@600")
        .forEach(name -> isSpread(line.path(name)));
    assertThat(line.path("read_gb_s")).isEqualTo(line.path("tg2@0").path("read_gb_s"));
  }

  @Test
  void withoutDepthsThereAreTwoAsFarAsTheContextGoes() throws IOException {
    Path model = TinyModel.in(folder);

    assertThat(bench(LITTLE + model).lines().getFirst().has("tg2@1024")).isTrue();
    JsonNode whole = bench("bench --pp 0 --tg 3100 --repeats 1 --json " + model).lines().getFirst();
    isSpread(whole.path("tg3100@0"));
    assertThat(whole.has("tg3100@1024")).isFalse();
    assertThat(whole.path("pp0").isNull()).isTrue();
  }

  @Test
  void theSecondTurnOfAConversationIsMeasured() throws IOException {
    Path model = TinyModel.in(folder);

    JsonNode turn =
        bench(LITTLE + "--depth 0 --history 150 " + model).lines().getFirst().path("second_turn");

    assertThat(turn.path("history").asInt()).isEqualTo(150);
    assertThat(turn.path("new").asInt()).isEqualTo(100);
    assertThat(turn.path("reused").asInt()).isEqualTo(150);
    isSpread(turn.path("seconds"));
  }

  @Test
  void repliesWrittenSideBySideAreMeasuredTogether() throws IOException {
    Path model = TinyModel.in(folder);

    isSpread(bench(LITTLE + "--depth 0 --replies 3 " + model).lines().getFirst().path("tg2x3"));
  }

  @Test
  void aPersonGetsATable() throws IOException {
    Path model = TinyModel.in(folder);

    Outcome outcome =
        bench("bench --pp 8 --tg 2 --repeats 2 --depth 0,9 --history 50 --threads 1 " + model);

    assertThat(outcome.err()).isEmpty();
    assertThat(outcome.out().lines()).first().isEqualTo(model.toString());
    assertThat(outcome.out())
        .contains("kernels ", "the JVM prefers ", "F32 ", "mapped rows, as in the file (")
        .contains("first token ", " s cold, ", " warm", "pp8 ", "pp8@9 ", "tg2@9 ")
        .contains("% of the memory's speed", "50 tokens known, 100 read", "GB/s (")
        .contains("peak memory ");
  }

  @Test
  void moreThanTheContextIsOneLineBeforeAnythingIsMeasured() throws IOException {
    Path model = TinyModel.in(folder);

    for (String much : List.of("--depth 4090", "--pp 4097", "--tg 4096", "--history 4000")) {
      Outcome outcome = Outcome.of(("bench --json " + much + " " + model).split(" "));
      assertThat(outcome.hasOneClearLine().exitCode()).as(much).isEqualTo(1);
      assertThat(outcome.err()).contains("tiny.gguf", "the model's context is 4096", "--depth");
      assertThat(outcome.out()).isEmpty();
    }
  }

  @Test
  void aModelThatCannotRunIsOneLineBeforeAnotherIsMeasured() throws IOException {
    Path model = TinyModel.in(folder);

    for (Path bad :
        List.of(
            folder.resolve("nowhere.gguf"),
            TinyModel.truncated(folder),
            TinyModel.changed(folder, "qwen3", "qwenX"))) {
      Outcome outcome = Outcome.of((LITTLE + model + " " + bad).split(" "));
      assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(1);
      assertThat(outcome.err()).contains(String.valueOf(bad.getFileName()));
      assertThat(outcome.out()).isEmpty();
    }
  }

  @Test
  void inTurnALineIsWaitedForBeforeEachMeasurement() throws IOException {
    Path model = TinyModel.in(folder);
    String[] line = (LITTLE + "--depth 0 --paced " + model).split(" ");
    // A warm-up and a measurement of prompt and generation each, and the rest.
    int turns = 5;

    Outcome whole = Outcome.of("\n".repeat(turns), Map.of(), line);
    Outcome cut = Outcome.of("\n".repeat(turns - 1), Map.of(), line);

    assertThat(whole.exitCode()).as(whole.err()).isZero();
    assertThat(whole.lines()).hasSize(1 + turns);
    assertThat(whole.lines().subList(0, turns)).allMatch(done -> done.has("done"));
    isSpread(whole.lines().getLast().path("pp8"));
    assertThat(cut.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(cut.err()).contains("--paced", "stdin has ended");
  }

  @ParameterizedTest
  @CsvSource({
    "-XX:MaxVectorSize=16, 128, the JVM prefers 128 bits, MaxVectorSize=16 by the environment",
    "-XX:MaxVectorSize=8, 0, vectors have fewer than 128 bits, MaxVectorSize=8 by the environment"
  })
  void otherVectorsAreSaidToBeAndWhy(String option, int bits, String why, String because)
      throws IOException, InterruptedException {
    Path model = TinyModel.in(folder);
    // Those of this variable come after those of the command line.
    Map<String, String> told = Map.of("_JAVA_OPTIONS", "-XX:TieredStopAtLevel=4 " + option);

    String line = "bench --pp 2 --tg 1 --depth 0 --repeats 1 --threads 1 --json " + model;
    try (ChildProcess process = ChildProcess.qwen4j(told, line.split(" "))) {
      Outcome outcome = process.outcome();
      assertThat(outcome.exitCode()).as(outcome.err()).isZero();
      JsonNode result = outcome.lines().getFirst();
      JsonNode kernels = result.path("kernels");
      assertThat(kernels.path("vector_bits").asInt()).isEqualTo(bits);
      assertThat(kernels.path("why").asText()).startsWith(why).contains(because);
      isSpread(result.path("tg1@0"));
    }
  }
}
