package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * The weights of one attention layer. Matrices are named rows x columns: output width x input
 * width.
 *
 * @param q queryRows x width; per head its query, and then its gate where there is one
 * @param k keyWidth x width
 * @param v keyWidth x width
 * @param output width x queryWidth
 * @param biases of q, k and v, where the file has them
 * @param headNorms of q and k, where the architecture has them
 */
record AttentionWeights(
    Matrix q,
    Matrix k,
    Matrix v,
    Matrix output,
    @Nullable Biases biases,
    @Nullable HeadNorms headNorms) {

  /** Added after the projections: [queryRows], [keyWidth], [keyWidth]. */
  // Nobody compares weights, and a list would box every number.
  @SuppressWarnings("ArrayRecordComponent")
  record Biases(float[] q, float[] k, float[] v) {}

  /** RMSNorm weights shared by all heads: [headDim], [headDim]. */
  // As above.
  @SuppressWarnings("ArrayRecordComponent")
  record HeadNorms(float[] q, float[] k) {}

  /** Reads the layer whose tensors' names begin with {@code layer}. */
  static AttentionWeights read(
      TensorReader tensors, String layer, int width, AttentionConfig config) {
    return config.kind() == AttentionConfig.Kind.FUSED
        ? readFused(tensors, layer, width, config)
        : readApart(tensors, layer, width, config);
  }

  private static AttentionWeights readApart(
      TensorReader tensors, String layer, int width, AttentionConfig config) {
    boolean biased =
        config.kind() == AttentionConfig.Kind.BIASED || tensors.has(layer + "attn_q.bias");
    boolean normed = config.kind() != AttentionConfig.Kind.BIASED;
    return new AttentionWeights(
        tensors.matrix(layer + "attn_q.weight", config.queryRows(), width),
        tensors.matrix(layer + "attn_k.weight", config.keyWidth(), width),
        tensors.matrix(layer + "attn_v.weight", config.keyWidth(), width),
        tensors.matrix(layer + "attn_output.weight", width, config.queryWidth()),
        biased
            ? new Biases(
                tensors.vector(layer + "attn_q.bias", config.queryRows()),
                tensors.vector(layer + "attn_k.bias", config.keyWidth()),
                tensors.vector(layer + "attn_v.bias", config.keyWidth()))
            : null,
        normed
            ? new HeadNorms(
                tensors.vector(layer + "attn_q_norm.weight", config.headDim()),
                tensors.vector(layer + "attn_k_norm.weight", config.headDim()))
            : null);
  }

  /** One matrix and one bias whose rows are those of q, then k, then v. */
  private static AttentionWeights readFused(
      TensorReader tensors, String layer, int width, AttentionConfig config) {
    int[] rows = {config.queryRows(), config.keyWidth(), config.keyWidth()};
    Matrix[] parts = tensors.stacked(layer + "attn_qkv.weight", rows, width);
    float[][] biases = tensors.stackedVector(layer + "attn_qkv.bias", rows);
    return new AttentionWeights(
        parts[0],
        parts[1],
        parts[2],
        tensors.matrix(layer + "attn_output.weight", width, config.queryWidth()),
        new Biases(biases[0], biases[1], biases[2]),
        null);
  }
}
