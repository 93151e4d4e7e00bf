package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Matrix;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a dense Qwen transformer. Matrices are named rows x columns: output width x input
 * width.
 *
 * @param outputNorm [width]
 * @param output vocabulary x width; the embedding again where the model ties them
 */
// Nobody compares weights, and a list would box every number.
@SuppressWarnings("ArrayRecordComponent")
record DenseWeights(
    EmbeddingTable embedding, List<Layer> layers, float[] outputNorm, Matrix output) {
  /**
   * @param attentionNorm [width]
   * @param feedForwardNorm [width]
   */
  record Layer(
      float[] attentionNorm,
      Attention attention,
      float[] feedForwardNorm,
      FeedForward feedForward) {}

  /**
   * @param q queryWidth x width
   * @param k keyWidth x width
   * @param v keyWidth x width
   * @param output width x queryWidth
   * @param biases of q, k and v, where the architecture has them
   * @param headNorms of q and k, where the architecture has them
   */
  record Attention(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix output,
      @Nullable Biases biases,
      @Nullable HeadNorms headNorms) {}

  /** Added after the projections: [queryWidth], [keyWidth], [keyWidth]. */
  record Biases(float[] q, float[] k, float[] v) {}

  /** RMSNorm weights shared by all heads: [headDim], [headDim]. */
  record HeadNorms(float[] q, float[] k) {}

  /**
   * @param gate feedForward x width
   * @param up feedForward x width
   * @param down width x feedForward
   */
  record FeedForward(Matrix gate, Matrix up, Matrix down) {}

  static DenseWeights read(TensorReader tensors, DenseConfig config) {
    int width = config.size().width();
    EmbeddingTable embedding = tensors.embedding("token_embd.weight", width);
    List<Layer> layers = new ArrayList<>();
    for (int l = 0; l < config.size().layers(); l++) {
      layers.add(readLayer(tensors, config, "blk." + l + "."));
    }
    float[] outputNorm = tensors.vector("output_norm.weight", width);
    String output = tensors.has("output.weight") ? "output.weight" : "token_embd.weight";
    Matrix head = tensors.matrix(output, embedding.rows(), width);
    return new DenseWeights(embedding, layers, outputNorm, head);
  }

  private static Layer readLayer(TensorReader tensors, DenseConfig config, String layer) {
    int width = config.size().width();
    int inner = config.size().feedForward();
    return new Layer(
        tensors.vector(layer + "attn_norm.weight", width),
        readAttention(tensors, config, layer),
        tensors.vector(layer + "ffn_norm.weight", width),
        new FeedForward(
            tensors.matrix(layer + "ffn_gate.weight", inner, width),
            tensors.matrix(layer + "ffn_up.weight", inner, width),
            tensors.matrix(layer + "ffn_down.weight", width, inner)));
  }

  private static Attention readAttention(TensorReader tensors, DenseConfig config, String layer) {
    int width = config.size().width();
    DenseConfig.Attention shape = config.attention();
    return new Attention(
        tensors.matrix(layer + "attn_q.weight", shape.queryWidth(), width),
        tensors.matrix(layer + "attn_k.weight", shape.keyWidth(), width),
        tensors.matrix(layer + "attn_v.weight", shape.keyWidth(), width),
        tensors.matrix(layer + "attn_output.weight", width, shape.queryWidth()),
        shape.biases()
            ? new Biases(
                tensors.vector(layer + "attn_q.bias", shape.queryWidth()),
                tensors.vector(layer + "attn_k.bias", shape.keyWidth()),
                tensors.vector(layer + "attn_v.bias", shape.keyWidth()))
            : null,
        shape.headNorms()
            ? new HeadNorms(
                tensors.vector(layer + "attn_q_norm.weight", shape.headDim()),
                tensors.vector(layer + "attn_k_norm.weight", shape.headDim()))
            : null);
  }
}
