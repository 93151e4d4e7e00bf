package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.arch.Span;
import dev.qwen4j.inference.internal.engine.LoadedModel;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.kernel.ScalarKernels;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** However a text is cut into batches, and wherever reading stops, the numbers are the same. */
class BatchesTest {
  static Stream<String> models() {
    return Golden.MODELS.stream();
  }

  static Stream<Arguments> modelsAndBatches() {
    return Golden.MODELS.stream()
        .flatMap(model -> Stream.of(1, 2, 7, 23, 36, 37).map(size -> Arguments.of(model, size)));
  }

  private static LoadedModel open(String model) {
    return LoadedModel.open(Golden.model(model), KernelChoice.create(2));
  }

  private static int[] prompt(String model) {
    return Golden.ints(Golden.expected(model).get("prompt_tokens"));
  }

  private static float[] read(ForwardPass pass, SequenceState state, int[] ids, int from, int to) {
    pass.forward(state, ids, from, to - from, () -> {});
    float[] logits = new float[pass.vocabularySize()];
    pass.logits(to - from - 1, 1, logits);
    return logits;
  }

  private static float[] read(ForwardPass pass, int[] ids) {
    return read(pass, pass.start(ids.length, KvType.F32), ids, 0, ids.length);
  }

  private static void assertClose(float[] found, float[] expected) {
    assertThat(Golden.relativeError(found, expected)).isLessThan(1e-3);
  }

  /**
   * What a draft is checked with are, to the bit, the numbers of a reply without one. While methods
   * are being compiled, sums across lanes may change their order, which is over soon.
   */
  @ParameterizedTest
  @MethodSource("models")
  void aFewTokensAtOnceHaveTheNumbersOfOneByOne(String name) {
    try (LoadedModel model = open(name)) {
      int[] prompt = prompt(name);
      SequenceState state = model.pass().start(64, KvType.F16);
      if (state.rewindsToCheckpointsOnly()) {
        return; // has no drafts
      }
      read(model.pass(), state, prompt, 0, 20);
      boolean same = false;
      for (int round = 0; round < 50 && !same; round++) {
        float[] alone = fourAlone(model.pass(), state, prompt);
        same = Arrays.equals(alone, fourTogether(model.pass(), state, prompt));
      }
      assertThat(same).isTrue();
    }
  }

  /** Logits after each of the four tokens from the twentieth on, [4, vocabulary]. */
  private static float[] fourAlone(ForwardPass pass, SequenceState state, int[] prompt) {
    int vocabulary = pass.vocabularySize();
    float[] out = new float[4 * vocabulary];
    for (int t = 0; t < 4; t++) {
      float[] one = read(pass, state, prompt, 20 + t, 21 + t);
      System.arraycopy(one, 0, out, t * vocabulary, vocabulary);
    }
    state.rewind(20);
    return out;
  }

  private static float[] fourTogether(ForwardPass pass, SequenceState state, int[] prompt) {
    float[] out = new float[4 * pass.vocabularySize()];
    pass.forward(state, prompt, 20, 4, () -> {});
    pass.logits(0, 4, out);
    state.rewind(20);
    return out;
  }

  @ParameterizedTest
  @MethodSource("modelsAndBatches")
  void everyBatchSizeGivesTheNumbersOfTransformers(String model, int size) {
    int[] ids = prompt(model);
    try (LoadedModel loaded = open(model)) {
      SequenceState state = loaded.pass().start(ids.length, KvType.F32);
      float[] logits = {};
      for (int at = 0; at < ids.length; at += size) {
        logits = read(loaded.pass(), state, ids, at, Math.min(ids.length, at + size));
      }
      assertClose(logits, Golden.floats(Golden.expected(model).get("last_logits")));
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void sequencesSideBySideGiveTheNumbersTheyGiveAlone(String model) {
    int[] ids = prompt(model);
    try (LoadedModel loaded = open(model)) {
      ForwardPass pass = loaded.pass();
      List<SequenceState> states =
          Stream.of(1, 2, 3).map(i -> pass.start(ids.length, KvType.F32)).toList();
      // The first reads all, the second its end, the third its beginning.
      read(pass, states.get(1), ids, 0, 20);
      pass.forward(
          List.of(
              new Span(states.get(0), ids, 0, ids.length),
              new Span(states.get(1), ids, 20, ids.length - 20),
              new Span(states.get(2), ids, 0, 11)),
          () -> {});
      float[] expected = Golden.floats(Golden.expected(model).get("last_logits"));
      float[] logits = new float[pass.vocabularySize()];
      pass.logits(ids.length - 1, 1, logits);
      assertClose(logits, expected);
      pass.logits(2 * ids.length - 21, 1, logits);
      assertClose(logits, expected);
      assertClose(read(pass, states.get(2), ids, 11, ids.length), expected);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void sequencesThatAreWrittenTokenByTokenSideBySideGiveTheNumbersTheyGiveAlone(String model) {
    int[] ids = prompt(model);
    int most = ids.length;
    try (LoadedModel loaded = open(model)) {
      ForwardPass pass = loaded.pass();
      SequenceState first = pass.start(most, KvType.F32);
      SequenceState second = pass.start(most, KvType.F32);
      read(pass, first, ids, 0, most - 9);
      read(pass, second, ids, 0, 4);
      for (int i = 0; i < 9; i++) {
        pass.forward(
            List.of(new Span(first, ids, most - 9 + i, 1), new Span(second, ids, 4 + i, 1)),
            () -> {});
      }
      float[] logits = new float[pass.vocabularySize()];
      pass.logits(0, 1, logits);
      assertClose(logits, Golden.floats(Golden.expected(model).get("last_logits")));
      pass.logits(1, 1, logits);
      assertClose(logits, read(pass, Arrays.copyOf(ids, 13)));
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void longPromptsAreReadByVectorsAsByTheScalarDefinition(String model) {
    int[] ids = new int[203];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = (i * 7919 + i * i) % 512;
    }
    try (LoadedModel loaded = open(model);
        LoadedModel scalar =
            LoadedModel.open(Golden.model(model), new ScalarKernels("the oracle"))) {
      float[] expected = read(scalar.pass(), ids);
      assertClose(read(loaded.pass(), ids), expected);
      SequenceState state = loaded.pass().start(ids.length, KvType.F32);
      read(loaded.pass(), state, ids, 0, 130);
      for (int at = 130; at < ids.length - 1; at++) {
        read(loaded.pass(), state, ids, at, at + 1);
      }
      assertClose(read(loaded.pass(), state, ids, ids.length - 1, ids.length), expected);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void aPassThatIsCancelledLeavesTheSequenceAsItWas(String model) {
    int[] ids = prompt(model);
    try (LoadedModel loaded = open(model)) {
      ForwardPass pass = loaded.pass();
      SequenceState state = pass.start(ids.length, KvType.F32);
      read(pass, state, ids, 0, 20);
      for (int pauses : List.of(0, 1, 2, 4, 5)) {
        int[] left = {pauses};
        Runnable pause =
            () -> {
              if (left[0]-- == 0) {
                throw new CancellationException("enough");
              }
            };
        int[] others = {5, 4, 3, 2, 1};
        assertThatThrownBy(() -> pass.forward(state, others, 0, 1 + pauses % 5, pause))
            .isInstanceOf(CancellationException.class);
      }
      assertThat(state.position()).isEqualTo(20);
      assertClose(
          read(pass, state, ids, 20, ids.length),
          Golden.floats(Golden.expected(model).get("last_logits")));
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void aSequenceGoesBackToWhereItSaysAndReadsOnFromThere(String model) {
    int[] ids = prompt(model);
    float[] expected = Golden.floats(Golden.expected(model).get("last_logits"));
    try (LoadedModel loaded = open(model)) {
      ForwardPass pass = loaded.pass();
      SequenceState state = pass.start(2 * ids.length, KvType.F32);
      read(pass, state, ids, 0, 12);
      state.checkpoint();
      read(pass, state, new int[] {1, 2, 3, 4, 5}, 0, 5);
      int back = state.rewind(14);
      assertThat(back).isEqualTo(state.rewindsToCheckpointsOnly() ? 12 : 14);
      back = state.rewind(12);
      assertThat(back).isEqualTo(12);
      assertClose(read(pass, state, ids, back, ids.length), expected);
      back = state.rewind(ids.length - 1);
      assertThat(back).isEqualTo(state.rewindsToCheckpointsOnly() ? 12 : ids.length - 1);
      assertClose(read(pass, state, ids, back, ids.length), expected);
      back = state.rewind(11);
      assertThat(back).isEqualTo(state.rewindsToCheckpointsOnly() ? 0 : 11);
      assertClose(read(pass, state, ids, back, ids.length), expected);
    }
  }

  @Test
  void onlyRecurrentModelsNeedCheckpoints() {
    for (String model : Golden.MODELS) {
      try (LoadedModel loaded = open(model)) {
        assertThat(loaded.pass().start(1, KvType.F16).rewindsToCheckpointsOnly())
            .isEqualTo(List.of("qwen3next", "qwen35", "qwen35moe").contains(model));
      }
    }
  }

  @Test
  void theShortestAndTheLatestCheckpointsAreKept() {
    int[] ids = prompt("qwen35");
    try (LoadedModel loaded = open("qwen35")) {
      SequenceState state = loaded.pass().start(ids.length, KvType.F32);
      for (int at = 0; at < 12; at += 2) {
        read(loaded.pass(), state, ids, at, at + 2);
        state.checkpoint();
      }
      read(loaded.pass(), state, ids, 12, 13);
      assertThat(state.rewind(12)).isEqualTo(12);
      assertThat(state.rewind(11)).isEqualTo(10);
      assertThat(state.rewind(9)).isEqualTo(2);
      assertThat(state.rewind(1)).isZero();
      assertThatThrownBy(() -> state.rewind(1)).isInstanceOf(IllegalArgumentException.class);
      float[] logits = read(loaded.pass(), state, ids, 0, ids.length);
      assertClose(logits, Golden.floats(Golden.expected("qwen35").get("last_logits")));
      assertThat(Arrays.stream(ids).count()).isEqualTo(state.position());
    }
  }
}
