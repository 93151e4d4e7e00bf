package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.RewrittenFolder.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Dense layers in mixtures of experts. Where all experts of a layer are the same, and their
 * probabilities have the sum 1, the layer computes what a dense one with their weights does.
 */
class DenseLayersTest {
  private static final int EXPERTS = 8;
  private static final List<String> PARTS = List.of("gate_proj", "up_proj", "down_proj");

  private @TempDir Path temporary;

  @ParameterizedTest
  @ValueSource(strings = {"qwen2moe", "qwen3moe", "qwen3next"})
  void aLayerMayBeListedAsDense(String golden) {
    assertDenseComputesWhatEqualExpertsDo(
        golden, List.of(1), dense -> dense.config().putArray("mlp_only_layers").add(1));
  }

  @Test
  void onlyEveryNthLayerMayHaveExperts() {
    assertDenseComputesWhatEqualExpertsDo(
        "qwen3moe", List.of(0, 2), dense -> dense.config().put("decoder_sparse_step", 2));
  }

  private void assertDenseComputesWhatEqualExpertsDo(
      String golden, List<Integer> layers, Consumer<RewrittenFolder> configuration) {
    RewrittenFolder mixture = RewrittenFolder.of(golden);
    RewrittenFolder dense = RewrittenFolder.of(golden);
    mixture.config().put("norm_topk_prob", true);
    dense.config().put("norm_topk_prob", true);
    configuration.accept(dense);
    for (int layer : layers) {
      String mlp = "model.layers." + layer + ".mlp.";
      for (String part : PARTS) {
        Tensor expert = dense.take(mlp + "experts.0." + part + ".weight");
        Tensor other = dense.take(mlp + "experts.1." + part + ".weight");
        for (int e = 0; e < EXPERTS; e++) {
          mixture.tensors().put(mlp + "experts." + e + "." + part + ".weight", expert);
        }
        dense
            .tensors()
            .put(
                mlp + part + ".weight",
                part.equals("down_proj") ? widened(expert) : joined(expert, other));
      }
      mixture
          .tensors()
          .computeIfPresent(
              mlp + "shared_expert.down_proj.weight",
              (_, down) -> new Tensor(down.type(), down.shape(), new byte[down.data().length]));
      dense
          .tensors()
          .keySet()
          .removeIf(name -> name.matches(mlp + "(gate[.]|experts[.]|shared_).*"));
      for (String part : PARTS) {
        assertThat(dense.tensors()).containsKey(mlp + part + ".weight");
      }
    }
    assertSame(
        dense.writeTo(temporary.resolve("dense")), mixture.writeTo(temporary.resolve("mixture")));
  }

  /** More rows than an expert has: intermediate_size is 160, moe_intermediate_size is 80. */
  private static Tensor joined(Tensor first, Tensor second) {
    byte[] both = Arrays.copyOf(first.data(), first.data().length * 2);
    System.arraycopy(second.data(), 0, both, first.data().length, second.data().length);
    long rows = first.shape().getFirst() * 2;
    return new Tensor(first.type(), List.of(rows, first.shape().getLast()), both);
  }

  /** As many columns of zeros behind each row. */
  private static Tensor widened(Tensor tensor) {
    int rows = Math.toIntExact(tensor.shape().getFirst());
    int rowBytes = tensor.data().length / rows;
    byte[] wide = new byte[tensor.data().length * 2];
    for (int r = 0; r < rows; r++) {
      System.arraycopy(tensor.data(), r * rowBytes, wide, 2 * r * rowBytes, rowBytes);
    }
    return new Tensor(tensor.type(), List.of((long) rows, tensor.shape().getLast() * 2), wide);
  }

  private static void assertSame(Path found, Path expected) {
    try (EngineProbe dense = EngineProbe.load(found, 2);
        EngineProbe mixture = EngineProbe.load(expected, 2)) {
      int[] prompt = Golden.ints(Golden.expected("qwen3moe").get("prompt_tokens"));
      EngineProbe.Logits a = dense.logits(prompt, 8);
      EngineProbe.Logits b = mixture.logits(prompt, 8);
      assertThat(Golden.relativeError(a.first(), b.first())).isLessThan(1e-4);
      assertThat(Golden.relativeError(a.last(), b.last())).isLessThan(1e-4);
      assertThat(a.greedy()).containsExactly(b.greedy());
    }
  }

  @Test
  void aGgufFileSaysSoByTheTensorsOfALayer() {
    RewrittenModel mixture = RewrittenModel.of("qwen3moe");
    RewrittenModel dense =
        RewrittenModel.of("qwen3moe")
            .withoutField("qwen3moe.feed_forward_length")
            .int32("qwen3moe.feed_forward_length", 80);
    for (String part : List.of("gate", "up", "down")) {
      String experts = "blk.1.ffn_" + part + "_exps.weight";
      RewrittenModel.Tensor all = dense.take(experts);
      byte[] one = Arrays.copyOf(all.data(), all.data().length / EXPERTS);
      byte[] equal = new byte[all.data().length];
      for (int e = 0; e < EXPERTS; e++) {
        System.arraycopy(one, 0, equal, e * one.length, one.length);
      }
      mixture.put(experts, new RewrittenModel.Tensor(all.type(), all.shape(), equal));
      dense.put(
          "blk.1.ffn_" + part + ".weight",
          new RewrittenModel.Tensor(all.type(), all.shape().subList(0, 2), one));
    }
    dense.take("blk.1.ffn_gate_inp.weight");
    Path other = temporary.resolve("other");
    assertThat(other.toFile().mkdir()).isTrue();
    assertSame(dense.writeTo(temporary), mixture.writeTo(other));
  }

  @Test
  void aLayerOfBothKindsIsRefused() {
    Path file =
        RewrittenModel.of("qwen3moe")
            .zeros("blk.1.ffn_gate.weight", 64, 160)
            .zeros("blk.1.ffn_up.weight", 64, 160)
            .zeros("blk.1.ffn_down.weight", 160, 64)
            .writeTo(temporary);
    assertThatThrownBy(() -> EngineProbe.load(file, 1).close())
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("tensor blk.1.ffn_down_exps.weight (and 3 more)")
        .hasMessageContaining("is not part of a qwen3moe model");
  }
}
