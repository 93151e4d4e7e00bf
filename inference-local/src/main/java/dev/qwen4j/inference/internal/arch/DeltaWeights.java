package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.DeltaShape;
import dev.qwen4j.inference.internal.kernel.Matrix;

/**
 * The weights of a gated DeltaNet layer. Matrices are named rows x columns: output width x input
 * width.
 *
 * @param projection what a token is projected to
 * @param convolution [taps, channels]
 * @param decay A: [valueHeads], negative
 * @param step added to alpha: [valueHeads]
 * @param norm RMSNorm weights shared by all heads: [valueDim]
 * @param output width x valueWidth
 */
// Nobody compares weights, and a list would box every number.
@SuppressWarnings("ArrayRecordComponent")
record DeltaWeights(
    Projection projection,
    float[] convolution,
    float[] decay,
    float[] step,
    float[] norm,
    Matrix output) {

  /**
   * @param qkv channels x width: all query heads, then all key heads, then all value heads
   * @param gate valueWidth x width
   * @param beta valueHeads x width
   * @param alpha valueHeads x width
   */
  record Projection(Matrix qkv, Matrix gate, Matrix beta, Matrix alpha) {}

  static DeltaWeights read(TensorReader tensors, String layer, int width, DeltaConfig config) {
    DeltaShape heads = config.heads();
    return new DeltaWeights(
        readProjection(tensors, layer, width, config),
        transposed(
            tensors.matrixValues(layer + "ssm_conv1d.weight", config.channels(), config.taps()),
            config.channels(),
            config.taps()),
        tensors.vector(layer + "ssm_a", heads.valueHeads()),
        tensors.vector(layer + "ssm_dt.bias", heads.valueHeads()),
        tensors.vector(layer + "ssm_norm.weight", heads.valueDim()),
        tensors.matrix(layer + "ssm_out.weight", width, heads.valueWidth()));
  }

  private static Projection readProjection(
      TensorReader tensors, String layer, int width, DeltaConfig config) {
    DeltaShape heads = config.heads();
    int values = heads.valueHeads();
    Matrix qkv;
    Matrix gate;
    String fused = layer + "ssm_in.weight";
    if (tensors.has(fused)) {
      int all = config.channels() + heads.valueWidth();
      qkv = tensors.gathered(fused, all, fusedRows(heads, false), width);
      gate = tensors.gathered(fused, all, fusedRows(heads, true), width);
    } else {
      qkv = tensors.matrix(layer + "attn_qkv.weight", config.channels(), width);
      gate = tensors.matrix(layer + "attn_gate.weight", heads.valueWidth(), width);
    }
    String pair = layer + "ssm_ba.weight";
    if (tensors.has(pair)) {
      return new Projection(
          qkv,
          gate,
          tensors.gathered(pair, 2 * values, pairRows(heads, 0), width),
          tensors.gathered(pair, 2 * values, pairRows(heads, 1), width));
    }
    return new Projection(
        qkv,
        gate,
        tensors.matrix(layer + "ssm_beta.weight", values, width),
        tensors.matrix(layer + "ssm_alpha.weight", values, width));
  }

  /** Qwen3-Next's order: for each key head, the betas of its value heads and then their alphas. */
  private static int[] pairRows(DeltaShape heads, int second) {
    int group = heads.valueHeads() / heads.keyHeads();
    int[] rows = new int[heads.valueHeads()];
    for (int h = 0; h < rows.length; h++) {
      rows[h] = (h / group * 2 + second) * group + h % group;
    }
    return rows;
  }

  /**
   * The order of Qwen3-Next's early conversions: for each key head its query, its key, the values
   * of its value heads and their gates.
   *
   * @return the rows of all gates, or of all queries, keys and values
   */
  private static int[] fusedRows(DeltaShape heads, boolean gates) {
    int group = heads.valueWidth() / heads.keyHeads();
    int key = heads.keyDim();
    int stride = 2 * key + 2 * group;
    int[] starts = gates ? new int[] {2 * key + group} : new int[] {0, key, 2 * key};
    int[] lengths = gates ? new int[] {group} : new int[] {key, key, group};
    int[] rows = new int[gates ? heads.valueWidth() : 2 * heads.keyWidth() + heads.valueWidth()];
    int at = 0;
    for (int part = 0; part < starts.length; part++) {
      for (int h = 0; h < heads.keyHeads(); h++) {
        for (int i = 0; i < lengths[part]; i++) {
          rows[at++] = h * stride + starts[part] + i;
        }
      }
    }
    return rows;
  }

  private static float[] transposed(float[] matrix, int rows, int cols) {
    float[] out = new float[matrix.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        out[c * rows + r] = matrix[r * cols + c];
      }
    }
    return out;
  }
}
