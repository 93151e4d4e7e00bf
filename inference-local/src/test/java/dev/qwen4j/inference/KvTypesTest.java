package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.engine.LoadedModel;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What rounding the keys and values costs: little, and the less the finer the type. */
class KvTypesTest {
  /** In the first mixtures of experts a rounding may send a token to another expert. */
  static Stream<Arguments> modelsAndBounds() {
    return Golden.MODELS.stream()
        .flatMap(
            model ->
                Stream.of(
                    Arguments.of(model, KvType.F16, 2e-3),
                    Arguments.of(model, KvType.Q8_0, model.matches("qwen[23]moe") ? 0.15 : 0.04)));
  }

  /** Logits at every position of the prompt and of a continuation that is the same for all. */
  private static float[] logits(String model, KvType type, int[] ids) {
    try (LoadedModel loaded = LoadedModel.open(Golden.model(model), 2)) {
      ForwardPass pass = loaded.pass();
      SequenceState state = pass.start(ids.length, type);
      int vocabulary = pass.vocabularySize();
      float[] all = new float[ids.length * vocabulary];
      int prompt = ids.length - 24;
      pass.forward(state, ids, 0, prompt, () -> {});
      pass.logits(0, prompt, all);
      float[] one = new float[vocabulary];
      for (int at = prompt; at < ids.length; at++) {
        pass.forward(state, ids, at, 1, () -> {});
        pass.logits(0, 1, one);
        System.arraycopy(one, 0, all, at * vocabulary, vocabulary);
      }
      return all;
    }
  }

  private static int top(float[] logits, int row, int vocabulary) {
    int best = 0;
    for (int i = 1; i < vocabulary; i++) {
      if (logits[row * vocabulary + i] > logits[row * vocabulary + best]) {
        best = i;
      }
    }
    return best;
  }

  /** The root of the mean squared difference, over that of the values. */
  private static double error(float[] found, float[] expected) {
    double differences = 0;
    double values = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = found[i] - expected[i];
      differences += difference * difference;
      values += (double) expected[i] * expected[i];
    }
    return Math.sqrt(differences / values);
  }

  @ParameterizedTest
  @MethodSource("modelsAndBounds")
  void logitsStayWithinTheirBoundAndChoicesMostlyTheSame(String model, KvType type, double bound) {
    int[] prompt = Golden.ints(Golden.expected(model).get("prompt_tokens"));
    int[] continuation = Golden.ints(Golden.expected(model).get("greedy_next_24"));
    int[] ids = new int[prompt.length + continuation.length];
    System.arraycopy(prompt, 0, ids, 0, prompt.length);
    System.arraycopy(continuation, 0, ids, prompt.length, continuation.length);
    float[] exact = logits(model, KvType.F32, ids);
    float[] rounded = logits(model, type, ids);
    assertThat(error(rounded, exact)).isBetween(1e-9, bound);
    int vocabulary = exact.length / ids.length;
    int same = 0;
    for (int row = 0; row < ids.length; row++) {
      same += top(exact, row, vocabulary) == top(rounded, row, vocabulary) ? 1 : 0;
    }
    assertThat(same).isGreaterThanOrEqualTo(type == KvType.F16 ? ids.length - 1 : ids.length - 6);
  }

  @Test
  void bytesMakeRoomForAlmostTwiceTheContext() {
    try (LoadedModel loaded = LoadedModel.open(Golden.model("qwen3"), 1)) {
      ForwardPass pass = loaded.pass();
      assertThat(pass.stateBytesPerPosition(KvType.Q8_0) * 185)
          .isLessThan(pass.stateBytesPerPosition(KvType.F16) * 100);
    }
  }

  @Test
  void aModelChatsOnBytes() {
    Path file = Golden.model("qwen2");
    LoadOptions options = LoadOptions.standard().withThreads(2);
    assertThat(options.kvCache()).isEqualTo(LoadOptions.KvCache.F16);
    try (LocalModel model = LocalModel.load(file, options.withKvCache(LoadOptions.KvCache.Q8_0))) {
      assertThat(model.description()).contains("context 4096 in Q8_0");
      assertThat(model.chatModel().chat("Hello")).isNotNull();
    }
  }
}
