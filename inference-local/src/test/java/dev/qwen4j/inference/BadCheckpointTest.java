package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints that are whole GGUF files but no model that this engine can run. */
class BadCheckpointTest {
  private @TempDir Path folder;

  @Test
  void anUnknownArchitectureIsNamedBesideTheKnownOnes() {
    assertBad(
        PatchedModel.of("qwen2").text("qwen2", "llama"),
        "architecture 'llama', this engine runs qwen, qwen2, ");
  }

  @Test
  void aMissingTensorIsNamed() {
    assertBad(
        PatchedModel.of("qwen2").text("blk.1.attn_k.bias", "blk.1.attn_k.bogs"),
        "tensor blk.1.attn_k.bias is missing");
  }

  @Test
  void aTensorThatTheArchitectureDoesNotKnowIsNamed() {
    assertBad(
        PatchedModel.of("qwen2-untied").text("output.weight", "outpux.weight"),
        "tensor outpux.weight is not part of a qwen2 model");
  }

  @Test
  void aShapeThatContradictsTheMetadataIsNamed() {
    assertBad(
        PatchedModel.of("qwen3").int32("qwen3.feed_forward_length", 192),
        "tensor blk.0.ffn_gate.weight has shape 64 x 160, its metadata says 64 x 192");
    assertBad(
        PatchedModel.of("qwen3").int32("qwen3.embedding_length", 32),
        "tensor token_embd.weight has shape 64 x 512, expected 32 x the vocabulary");
  }

  @Test
  void missingMetadataIsNamed() {
    assertBad(
        PatchedModel.of("qwen3").text("qwen3.block_count", "qwen3.blockxcount"),
        "metadata qwen3.block_count is missing, expected an integer");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1})
  void aCountBelowOneIsRefused(int count) {
    assertBad(
        PatchedModel.of("qwen3").int32("qwen3.block_count", count), "metadata qwen3.block_count");
  }

  @Test
  void shapesThatTheForwardPassDoesNotRunAreRefused() {
    assertBad(
        PatchedModel.of("qwen3").int32("qwen3.attention.head_count_kv", 3),
        "4 heads over 3 KV heads");
    assertBad(
        PatchedModel.of("qwen3").int32("qwen3.attention.value_length", 16),
        "values of 16 beside keys of 32");
    assertBad(
        PatchedModel.of("qwen3").int32("qwen3.attention.key_length", 31), "heads of width 31");
    assertBad(
        PatchedModel.of("qwen3").float32("qwen3.rope.freq_base", Float.NaN),
        "metadata qwen3.rope.freq_base is NaN, expected more than 1.0");
    assertBad(
        PatchedModel.of("qwen3").float32("qwen3.attention.layer_norm_rms_epsilon", -1),
        "metadata qwen3.attention.layer_norm_rms_epsilon is -1.0, expected more than 0.0");
  }

  @Test
  void moreLayersThanTensorsNameTheFirstMissingOne() {
    assertBad(
        PatchedModel.of("qwen3").int32("qwen3.block_count", 4),
        "tensor blk.3.attn_norm.weight is missing");
  }

  private void assertBad(PatchedModel model, String problem) {
    Path file = model.writeTo(folder);
    assertThatThrownBy(() -> EngineProbe.load(file, 1).close())
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining(problem)
        .hasMessageMatching("[^\\n\\r]*");
  }
}
