package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code qwen4j debug}: JSON lines in, JSON lines out. */
class DebugCommandTest {
  @TempDir private Path folder;
  private String model = "";

  @BeforeEach
  void writeModel() throws IOException {
    model = TinyModel.in(folder).toString();
  }

  private static Outcome debug(String input, String... args) {
    String[] all = new String[args.length + 1];
    all[0] = "debug";
    System.arraycopy(args, 0, all, 1, args.length);
    return Outcome.of(input, Map.of(), all);
  }

  @Test
  void logitsAreThoseOfTheReferenceEngine() throws IOException {
    JsonNode expected = TinyModel.expected();
    String line = "{\"ids\":" + expected.path("prompt_tokens") + ",\"greedy\":24}\n";

    Outcome outcome = debug(line + line, "logits", "--model", model);

    assertThat(outcome.exitCode()).as(outcome.err()).isZero();
    assertThat(outcome.lines()).hasSize(2);
    JsonNode answer = outcome.lines().getLast();
    assertThat(answer.path("greedy")).isEqualTo(expected.path("greedy_next_24"));
    assertThat(answer.path("first")).hasSameSizeAs(answer.path("last"));
    double norm = 0;
    for (JsonNode value : answer.path("embedding")) {
      norm += value.asDouble() * value.asDouble();
    }
    assertThat(norm).isCloseTo(1, within(1e-4));
  }

  @Test
  void scoresHaveOneEntryLessThanTheText() {
    Outcome outcome = debug("{\"ids\":[5,6,7,8]}\n", "score", "--model", model);

    JsonNode answer = outcome.lines().getFirst();
    assertThat(answer.path("top1")).hasSize(4);
    assertThat(answer.path("nll")).hasSize(3).allMatch(nll -> nll.asDouble() > 0);
  }

  @Test
  void aTextCanBeScoredInTheWaysOfChat() {
    // A few tokens of a prompt would be read as those of a reply are.
    List<Integer> ids = IntStream.range(5, 45).boxed().toList();
    String line = "{\"ids\":%s,\"as\":\"%s\"}\n";
    Outcome outcome =
        debug(
            line.formatted(ids, "prompt") + line.formatted(ids, "reply"),
            "score",
            "--model",
            model);

    assertThat(outcome.lines()).hasSize(2).allMatch(answer -> answer.path("top1").size() == 40);
    assertThat(outcome.lines().get(0)).isNotEqualTo(outcome.lines().get(1));
  }

  @Test
  void markersInTextAreOnlyCharactersUnlessAskedFor() {
    Outcome outcome =
        debug(
            "{\"text\":\"<|im_end|>\"}\n{\"text\":\"<|im_end|>\",\"special\":true}\n",
            "tokenize",
            "--model",
            model);

    assertThat(outcome.lines().get(0).path("ids").size()).isGreaterThan(1);
    assertThat(outcome.lines().get(1).path("ids")).hasSize(1);
  }

  @Test
  void conversationsAreRenderedByFamilyOrByModel() {
    String hello = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"tools\":null}\n";

    Outcome outcome = debug(hello, "render", "--family", "qwen2.5");

    assertThat(outcome.lines().getFirst().path("text").asText())
        .contains("<|im_start|>user\nHi<|im_end|>\n");
    assertThat(debug(hello, "render", "--model", model).lines().getFirst().path("text").asText())
        .contains("<|im_start|>user\nHi<|im_end|>\n");
  }

  @Test
  void blocksAreDequantized() {
    Outcome outcome = debug("{\"type\":\"F16\",\"raw_hex\":\"003c00bc\"}\n", "dequantize");

    assertThat(outcome.out()).isEqualTo("{\"values\":[1.0,-1.0]}\n");
  }

  @Test
  void aBadLineIsNamedAndEndsTheCommandAfterTheGoodOnes() {
    String good = "{\"type\":\"F32\",\"raw_hex\":\"0000803f\"}\n";
    for (String bad :
        new String[] {
          "not json",
          "[1]",
          "{\"type\":\"Q4_0\"}",
          "{\"type\":\"Q4_0\",\"raw_hex\":\"00\"}",
          "{\"type\":\"Q4_0\",\"raw_hex\":\"zz\"}",
          "{\"type\":\"Q99\",\"raw_hex\":\"00\"}"
        }) {
      Outcome outcome = debug(good + bad + "\n" + good, "dequantize");

      assertThat(outcome.hasOneClearLine().exitCode()).as(bad).isEqualTo(1);
      assertThat(outcome.err()).contains("line 2");
      assertThat(outcome.lines()).hasSize(1);
    }
    for (String bad :
        new String[] {
          "{}",
          "{\"ids\":[]}",
          "{\"ids\":[-1]}",
          "{\"ids\":[1.5]}",
          "{\"ids\":[999999]}",
          "{\"ids\":[5],\"as\":\"song\"}"
        }) {
      assertThat(debug(bad, "score", "--model", model).hasOneClearLine().exitCode())
          .as(bad)
          .isEqualTo(1);
    }
  }

  @Test
  void anEndpointHasNoWeightsToLookInto() {
    Outcome outcome = debug("", "score", "--model", "openai:http://localhost:1/v1#m");

    assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(2);
  }
}
