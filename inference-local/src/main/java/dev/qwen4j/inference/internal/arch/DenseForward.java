package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.util.ArrayList;
import java.util.List;

/**
 * The dense Qwen transformers: {@code qwen} (2023: biases on q, k, v, which are one matrix), {@code
 * qwen2} (Qwen1.5 to Qwen2.5: biases on q, k, v) and {@code qwen3} (RMSNorm over each head of q and
 * k, no biases). Pre-norm decoder blocks of grouped-query attention with RoPE and a SwiGLU
 * feed-forward; a prompt of many tokens and one generated token go the same way. (Qwen Technical
 * Report 2023 §2; Qwen2 2024 §2; Qwen3 2025 §2.)
 */
final class DenseForward implements TextModel.Layers {
  private final List<Layer> layers;
  private final Kernels kernels;
  private final AttentionBlock attention;

  /**
   * The weights of a layer.
   *
   * @param attentionNorm [width]
   * @param feedForwardNorm [width]
   */
  // Nobody compares weights, and a list would box every number.
  @SuppressWarnings("ArrayRecordComponent")
  private record Layer(
      float[] attentionNorm,
      AttentionWeights attention,
      float[] feedForwardNorm,
      FeedForward.Dense feedForward) {}

  private DenseForward(
      TrunkConfig trunk, AttentionConfig attention, List<Layer> layers, Kernels kernels) {
    this.layers = layers;
    this.kernels = kernels;
    this.attention = new AttentionBlock(attention, trunk.epsilon(), kernels);
  }

  static DenseForward read(ConfigReader in, TrunkConfig trunk, TensorReader tensors) {
    int width = trunk.width();
    AttentionConfig.Kind kind =
        switch (in.architecture()) {
          case "qwen" -> AttentionConfig.Kind.FUSED;
          case "qwen2" -> AttentionConfig.Kind.BIASED;
          default -> AttentionConfig.Kind.NORMED;
        };
    AttentionConfig attention = AttentionConfig.read(in, width, kind);
    int inner = readInner(in);
    List<Layer> layers = new ArrayList<>();
    for (int l = 0; l < trunk.layers(); l++) {
      String layer = "blk." + l + ".";
      layers.add(
          new Layer(
              tensors.vector(layer + "attn_norm.weight", width),
              AttentionWeights.read(tensors, layer, width, attention),
              tensors.vector(layer + "ffn_norm.weight", width),
              FeedForward.Dense.read(tensors, layer, ".weight", width, inner)));
    }
    return new DenseForward(trunk, attention, layers, tensors.kernels());
  }

  /** The first generation states the rows of the gate and the up projection together. */
  private static int readInner(ConfigReader in) {
    int stated = in.width("feed_forward_length");
    if (!in.architecture().equals("qwen")) {
      return stated;
    }
    in.expect(stated % 2 == 0, "feed_forward_length", "a feed-forward of half of " + stated);
    return stated / 2;
  }

  @Override
  public int count() {
    return layers.size();
  }

  @Override
  public void begin(List<Span> spans, int tokens) {
    attention.begin(spans, tokens);
  }

  @Override
  public float[] mixerNorm(int l) {
    return layers.get(l).attentionNorm();
  }

  @Override
  public void mix(int l, List<Span> spans, float[] in, float[] out, Runnable pause) {
    attention.run(layers.get(l).attention(), spans, l, in, out, pause);
  }

  @Override
  public float[] feedForwardNorm(int l) {
    return layers.get(l).feedForwardNorm();
  }

  @Override
  public void feedForward(int l, float[] in, int rows, float[] out, Runnable pause) {
    layers.get(l).feedForward().run(kernels, in, rows, out, pause);
  }

  @Override
  public SequenceState start(int maxPositions, KvType type) {
    return SequenceState.ofAttention(layers.size(), attention, maxPositions, type);
  }

  @Override
  public long stateBytesPerPosition(KvType type) {
    return layers.size() * attention.stateBytesPerPosition(type);
  }
}
