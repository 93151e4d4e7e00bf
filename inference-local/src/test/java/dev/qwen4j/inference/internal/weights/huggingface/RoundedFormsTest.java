package dev.qwen4j.inference.internal.weights.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.qwen4j.inference.Golden;
import dev.qwen4j.inference.internal.arch.Architectures;
import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Large folders' weights are rounded to halves: here small ones' are, which suffer most. */
class RoundedFormsTest {
  @ParameterizedTest
  @ValueSource(strings = {"qwen3-mlx-int4", "qwen2-gptq-int8"})
  void logitsHoldWhenWeightsAreRoundedToHalves(String form) {
    JsonNode expected = Golden.expected(form);
    int[] ids = Golden.ints(expected.get("prompt_tokens"));
    try (Checkpoint folder = HuggingFaceFolder.open(Golden.folder(form), 2, 0);
        Kernels kernels = KernelChoice.create(2)) {
      kernels.exact(true); // The rounding of activations is another matter.
      assertThat(folder.tensor("blk.0.ffn_up.weight").map(TensorInfo::type))
          .isNotEqualTo(Optional.of(TensorType.F32));
      ForwardPass pass = Architectures.load(folder, kernels);
      SequenceState state = pass.start(ids.length, KvType.F32);
      pass.forward(state, ids, 0, ids.length, () -> {});
      float[] logits = new float[pass.vocabularySize()];
      pass.logits(ids.length - 1, 1, logits);
      assertThat(Golden.relativeError(logits, Golden.floats(expected.get("last_logits"))))
          .isLessThan(1e-3);
    }
  }
}
