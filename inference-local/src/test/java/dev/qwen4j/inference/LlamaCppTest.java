package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.qwen4j.inference.internal.engine.LoadedModel;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.ScalarKernels;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The numbers of llama.cpp for what the other golden models do not have: head counts, head sizes
 * and widths that are no powers of two nor multiples of a vector, and positions scaled by YaRN.
 */
class LlamaCppTest {
  private @TempDir Path folder;

  private static <T> Stream<Arguments> withBothKernels(List<T> cases) {
    return cases.stream()
        .flatMap(one -> Stream.of(false, true).map(scalar -> Arguments.of(one, scalar)));
  }

  static Stream<Arguments> shapes() {
    return withBothKernels(
        List.of("odd-qwen", "odd-qwen2moe", "odd-qwen3", "odd-qwen3next", "odd-qwen35moe"));
  }

  static Stream<Arguments> scaled() {
    return withBothKernels(Golden.lines("/golden/yarn.jsonl"));
  }

  private static Kernels kernels(boolean scalar) {
    return scalar ? new ScalarKernels("a test asks") : KernelChoice.create(2);
  }

  private static void assertSame(Path file, int[] prompt, JsonNode expected, boolean scalar) {
    try (EngineProbe probe = EngineProbe.load(file, kernels(scalar))) {
      EngineProbe.Logits found = probe.logits(prompt, 24);
      float[] last = Golden.floats(expected.get("last_logits"));
      assertThat(Golden.relativeError(found.last(), last)).isLessThan(1e-4);
      assertThat(found.greedy()).containsExactly(Golden.ints(expected.get("greedy_next_24")));
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void headsAndWidthsMayHaveAnySize(String model, boolean scalar) {
    JsonNode expected = Golden.expected(model);
    int[] prompt = Golden.ints(expected.get("prompt_tokens"));
    assertSame(Golden.model(model), prompt, expected, scalar);
  }

  @ParameterizedTest
  @MethodSource("scaled")
  void yarnTurnsTheHeadsAsTheFileSays(JsonNode expected, boolean scalar) {
    String model = expected.get("model").asText();
    String scaling = model + ".rope.scaling.";
    int original = expected.get("original_context_length").intValue();
    float factor = expected.get("factor").floatValue();
    Path file =
        RewrittenModel.of(model)
            .text(scaling + "type", "yarn")
            .float32(scaling + "factor", factor)
            .float32(scaling + "attn_factor", expected.get("attn_factor").floatValue())
            .int32(scaling + "original_context_length", original)
            .writeTo(folder);
    int[] prompt = Golden.ints(Golden.expected(model).get("prompt_tokens"));
    assertSame(file, prompt, expected, scalar);
    try (LoadedModel loaded = LoadedModel.open(file, kernels(scalar))) {
      // The models were trained for 4096 positions; YaRN may say more.
      assertThat(loaded.pass().contextLength())
          .isEqualTo(Math.max(4096, (int) (original * factor)));
    }
  }
}
