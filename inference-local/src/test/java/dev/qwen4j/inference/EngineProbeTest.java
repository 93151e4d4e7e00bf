package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.ScalarKernels;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class EngineProbeTest {
  static Stream<Arguments> modelsAndKernels() {
    return Golden.MODELS.stream()
        .flatMap(
            model ->
                Stream.of("scalar", "this machine's").map(kernel -> Arguments.of(model, kernel)));
  }

  private static EngineProbe probe(String model, String kernels) {
    return EngineProbe.load(Golden.model(model), kernels(kernels));
  }

  private static Kernels kernels(String name) {
    return name.equals("scalar") ? new ScalarKernels("a test asks") : KernelChoice.create(2);
  }

  @ParameterizedTest
  @MethodSource("modelsAndKernels")
  void theNumbersAreThoseOfTransformers(String model, String kernels) {
    try (EngineProbe probe = probe(model, kernels)) {
      Golden.assertAsExpected(model, probe);
    }
  }

  @ParameterizedTest
  @MethodSource("modelsAndKernels")
  void aScoreIsTheLogitsOfEachPosition(String model, String kernels) {
    int[] prompt = Golden.ints(Golden.expected(model).get("prompt_tokens"));
    try (EngineProbe probe = probe(model, kernels)) {
      EngineProbe.Score score = probe.score(prompt);
      assertThat(score.top1()).hasSize(prompt.length);
      assertThat(score.nll()).hasSize(prompt.length - 1);
      for (int length : List.of(1, 15, 16, 17, prompt.length - 1)) {
        float[] logits = probe.logits(Arrays.copyOf(prompt, length), 1).last();
        double sum = 0;
        for (float logit : logits) {
          sum += Math.exp(logit);
        }
        assertThat(score.nll()[length - 1])
            .isCloseTo(Math.log(sum) - logits[prompt[length]], within(1e-3));
      }
    }
  }

  @Test
  void aPromptLongerThanABatchIsReadLikeAShortOne() {
    JsonNode expected = Golden.expected("qwen3");
    int[] prompt = new int[700];
    int[] piece = Golden.ints(expected.get("prompt_tokens"));
    for (int i = 0; i < prompt.length; i++) {
      prompt[i] = piece[i % piece.length];
    }
    try (EngineProbe probe = probe("qwen3", "this machine's")) {
      EngineProbe.Logits found = probe.logits(prompt, 3);
      EngineProbe.Score inSixteens = probe.score(prompt);
      assertThat(found.greedy()[0]).isEqualTo(inSixteens.top1()[699]);
      assertThat(
              Golden.relativeError(found.first(), probe.logits(Arrays.copyOf(prompt, 1), 0).last()))
          .isLessThan(1e-4);
    }
  }

  @Test
  void timesAreMeasured() {
    try (EngineProbe probe = probe("qwen2", "this machine's")) {
      assertThat(probe.loadSeconds()).isPositive();
      assertThat(probe.prefillSeconds(20, 0)).isPositive();
      assertThat(probe.prefillSeconds(20, 600)).isPositive();
      assertThat(probe.decodeSeconds(4, 10)).isPositive();
      assertThat(probe.decodeSeconds(4, 0)).isPositive();
    }
    assertThat(EngineProbe.memoryBytesPerSecond(2, 2)).hasSize(2).doesNotContain(0);
  }

  @Test
  void timesBehindAContextThatIsTooLongAreRefused() {
    try (EngineProbe probe = probe("qwen2", "this machine's")) {
      assertThat(probe.contextLength()).isEqualTo(4096);
      for (ThrowingCallable call :
          List.<ThrowingCallable>of(
              () -> probe.prefillSeconds(97, 4000),
              () -> probe.decodeSeconds(96, 4000),
              () -> probe.readTo(4097),
              () -> probe.secondTurn(4000, 96))) {
        assertThatThrownBy(call)
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("4097 tokens, the model's context is 4096");
      }
    }
  }

  /** Attention can go back to anywhere, recurrent layers only to checkpoints. */
  @ParameterizedTest
  @ValueSource(strings = {"qwen3", "qwen3next"})
  void aSecondTurnReadsOnlyWhatIsNew(String model) {
    try (EngineProbe probe = probe(model, "this machine's")) {
      for (int turn = 0; turn < 3; turn++) {
        EngineProbe.SecondTurn second = probe.secondTurn(150, 30);
        assertThat(second.seconds()).isPositive();
        assertThat(second.reused()).isBetween(150 - 8, 150);
      }
      assertThat(probe.prefillSeconds(20, 0)).isPositive();
    }
  }

  @Test
  void bytesOfATokenAreWeightsAndWhatItsDepthKeeps() {
    try (EngineProbe probe = probe("qwen2", "this machine's")) {
      assertThat(probe.bytesPerToken(0)).isBetween(1_500_000L, 1_600_000L);
      assertThat(probe.bytesPerToken(11) - probe.bytesPerToken(10))
          .isEqualTo(probe.bytesPerToken(1) - probe.bytesPerToken(0))
          .isPositive();
    }
  }

  @Test
  void aTokenReadsOnlyTheExpertsItIsSentTo() {
    try (EngineProbe probe = probe("qwen3moe", "this machine's")) {
      // 3 layers of 3 matrices of 64 x 80 floats for 2 of 8 experts.
      long all = 1_900_000L;
      long idle = 3L * 3 * 6 * 64 * 80 * Float.BYTES;
      assertThat(probe.bytesPerToken(0)).isBetween(all - idle - 50_000, all - idle + 50_000);
    }
  }

  @Test
  void whatEachTypeRunsOnIsTold() {
    try (EngineProbe probe = probe("qwen2", "this machine's")) {
      EngineProbe.KernelsInUse kernels = probe.kernels();
      assertThat(kernels.description()).contains("kernels", "2 threads");
      assertThat(kernels.vectorBits()).isIn(128, 256, 512);
      assertThat(kernels.reason()).contains("bits");
      assertThat(kernels.weights()).extracting(EngineProbe.WeightsInUse::type).contains("F32");
      assertThat(kernels.weights().getFirst().way()).isEqualTo("mapped rows, as in the file");
      assertThat(kernels.weights().getFirst().bytes()).isBetween(1_400_000L, 1_600_000L);
    }
    try (EngineProbe probe = probe("qwen2", "scalar")) {
      assertThat(probe.kernels().vectorBits()).isZero();
      assertThat(probe.kernels().reason()).isEqualTo("a test asks");
      assertThat(probe.kernels().weights().getFirst().way()).startsWith("generic");
    }
  }

  @Test
  void idsOutsideTheVocabularyAreRefused() {
    try (EngineProbe probe = probe("qwen2", "this machine's")) {
      assertThatThrownBy(() -> probe.logits(new int[] {512}, 1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("token id 512, expected 0 to 511");
      assertThatThrownBy(() -> probe.score(new int[] {-1}))
          .hasMessage("token id -1, expected 0 to 511");
      assertThatThrownBy(() -> probe.logits(new int[0], 1))
          .hasMessage("expected at least 1 token ids");
      assertThatThrownBy(() -> probe.logits(new int[4000], 97))
          .hasMessage("4097 tokens, the model's context is 4096");
    }
  }

  @Test
  void blocksAreDequantisedByTheNameOfTheirType() {
    byte[] block = new byte[34];
    block[1] = 0x3C; // 1.0 in half precision, little-endian
    block[2] = -3;
    block[33] = 127;
    assertThat(EngineProbe.dequantize("Q8_0", block)).hasSize(32).contains(-3f).contains(127f);
    assertThatThrownBy(() -> EngineProbe.dequantize("Q8_0", new byte[33]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("expected whole Q8_0 blocks of 34 bytes, found 33 bytes");
    assertThatThrownBy(() -> EngineProbe.dequantize("Q9", block))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("type: expected one of [F32, F16,")
        .hasMessageEndingWith("found Q9");
  }
}
