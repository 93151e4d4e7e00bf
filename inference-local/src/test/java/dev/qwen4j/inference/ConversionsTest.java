package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.RewrittenModel.Tensor;
import dev.qwen4j.inference.internal.kernel.ScalarKernels;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What converters write differently for one and the same model, and what they may add. */
class ConversionsTest {
  private @TempDir Path folder;

  private void assertSameAs(String golden, RewrittenModel model) {
    try (EngineProbe probe =
        EngineProbe.load(model.writeTo(folder), new ScalarKernels("a test asks"))) {
      int[] prompt = Golden.ints(Golden.expected(golden).get("prompt_tokens"));
      float[] expected = Golden.floats(Golden.expected(golden).get("last_logits"));
      float[] found = probe.logits(prompt, 0).last();
      for (int i = 0; i < expected.length; i++) {
        assertThat(Math.abs(found[i] - expected[i])).isLessThan(4e-3f);
      }
    }
  }

  private static byte[] rows(byte[] data, int rowBytes, int... rows) {
    byte[] out = new byte[rows.length * rowBytes];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(data, rows[i] * rowBytes, out, i * rowBytes, rowBytes);
    }
    return out;
  }

  private static byte[] joined(byte[]... parts) {
    int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
    byte[] out = new byte[length];
    int at = 0;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, out, at, part.length);
      at += part.length;
    }
    return out;
  }

  private static int[] range(int from, int count) {
    int[] out = new int[count];
    Arrays.setAll(out, i -> from + i);
    return out;
  }

  @Test
  void earlyConversionsOfQwen3NextHaveOneProjectionForAllThatADeltaLayerReads() {
    RewrittenModel model = RewrittenModel.of("qwen3next");
    int rowBytes = 64 * Float.BYTES;
    for (int layer : new int[] {0, 2}) {
      byte[] qkv = model.take("blk." + layer + ".attn_qkv.weight").data();
      byte[] gate = model.take("blk." + layer + ".attn_gate.weight").data();
      byte[] fused = {};
      for (int h = 0; h < 2; h++) {
        fused =
            joined(
                fused,
                rows(qkv, rowBytes, range(h * 32, 32)),
                rows(qkv, rowBytes, range(64 + h * 32, 32)),
                rows(qkv, rowBytes, range(128 + h * 64, 64)),
                rows(gate, rowBytes, range(h * 64, 64)));
      }
      model.put("blk." + layer + ".ssm_in.weight", new Tensor(0, List.of(64L, 384L), fused));
    }
    assertSameAs("qwen3next", model);
  }

  @Test
  void gateAndUpOfAllExpertsMayBeOneTensor() {
    RewrittenModel model = RewrittenModel.of("qwen35moe");
    int expertBytes = 64 * 80 * Float.BYTES;
    for (int layer = 0; layer < 4; layer++) {
      byte[] gates = model.take("blk." + layer + ".ffn_gate_exps.weight").data();
      byte[] ups = model.take("blk." + layer + ".ffn_up_exps.weight").data();
      byte[] fused = {};
      for (int e = 0; e < 8; e++) {
        fused = joined(fused, rows(gates, expertBytes, e), rows(ups, expertBytes, e));
      }
      model.put(
          "blk." + layer + ".ffn_gate_up_exps.weight",
          new Tensor(0, List.of(64L, 160L, 8L), fused));
    }
    assertSameAs("qwen35moe", model);
  }

  @Test
  void layersThatPredictFurtherTokensAndTensorsThatSeeImagesAreSkipped() {
    assertSameAs(
        "qwen35",
        RewrittenModel.of("qwen35")
            .withoutField("qwen35.block_count")
            .int32("qwen35.block_count", 5)
            .int32("qwen35.nextn_predict_layers", 1)
            .zeros("blk.4.attn_norm.weight", 64)
            .zeros("blk.4.attn_q.weight", 64, 256)
            .zeros("blk.4.nextn.eh_proj.weight", 128, 64)
            .zeros("v.blk.0.attn_qkv.weight", 64, 192));
  }

  @Test
  void withoutAListOfRecurrentLayersEveryNthAttends() {
    assertSameAs(
        "qwen35", RewrittenModel.of("qwen35").withoutField("qwen35.attention.recurrent_layers"));
  }

  @Test
  void theSharedExpertsGateMayBeAVector() {
    RewrittenModel model = RewrittenModel.of("qwen2moe");
    for (int layer = 0; layer < 3; layer++) {
      String name = "blk." + layer + ".ffn_gate_inp_shexp.weight";
      model.put(name, new Tensor(0, List.of(128L), model.take(name).data()));
    }
    assertSameAs("qwen2moe", model);
  }

  @Test
  void scalingThatTheEngineDoesNotKnowIsRefusedByName() {
    assertBad(
        RewrittenModel.of("qwen3")
            .text("qwen3.rope.scaling.type", "longrope")
            .float32("qwen3.rope.scaling.factor", 4),
        "metadata qwen3.rope.scaling.type: RoPE scaling 'longrope'");
  }

  @Test
  void shapesThatContradictEachOtherAreNamed() {
    assertBad(
        RewrittenModel.of("qwen3moe")
            .withoutField("qwen3moe.expert_used_count")
            .int32("qwen3moe.expert_used_count", 9),
        "metadata qwen3moe.expert_used_count: 9 of 8 experts");
    assertBad(
        RewrittenModel.of("qwen3moe")
            .withoutField("qwen3moe.expert_count")
            .int32("qwen3moe.expert_count", 16),
        "has shape 64 x 80 x 8, its metadata says 64 x 80 x 16");
    assertBad(
        RewrittenModel.of("qwen35")
            .withoutField("qwen35.ssm.group_count")
            .int32("qwen35.ssm.group_count", 3),
        "metadata qwen35.ssm.group_count: 4 value heads over 3 key heads");
    assertBad(
        RewrittenModel.of("qwen35")
            .withoutField("qwen35.ssm.state_size")
            .int32("qwen35.ssm.state_size", 16),
        "tensor blk.0.attn_qkv.weight has shape 64 x 256, its metadata says 64 x 192");
    assertBad(
        RewrittenModel.of("qwen35")
            .withoutField("qwen35.rope.dimension_count")
            .int32("qwen35.rope.dimension_count", 34),
        "metadata qwen35.rope.dimension_count: 34 rotated of 32 dimensions");
    assertBad(
        RewrittenModel.of("qwen35")
            .withoutField("qwen35.block_count")
            .int32("qwen35.block_count", 5),
        "metadata qwen35.attention.recurrent_layers: 4 flags for 5 layers");
    assertBad(
        RewrittenModel.of("qwen35moe").int32("qwen35moe.nextn_predict_layers", 4),
        "metadata qwen35moe.nextn_predict_layers: 4 prediction layers among 4");
  }

  private void assertBad(RewrittenModel model, String problem) {
    Path file = model.writeTo(folder);
    assertThatThrownBy(() -> EngineProbe.load(file, 1).close())
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining(problem);
  }
}
