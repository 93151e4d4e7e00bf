package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.util.ArrayList;
import java.util.List;

/**
 * The Qwen transformers whose feed-forward is a mixture of experts: {@code qwen2moe} (attention of
 * Qwen2; the chosen experts' probabilities as they are; a shared expert with a gate) and {@code
 * qwen3moe} (attention of Qwen3; probabilities scaled to a sum of 1; no shared expert). Some layers
 * may be dense. (Qwen1.5-MoE 2024; Qwen3 Technical Report 2025 §2.)
 */
final class MoeForward implements TextModel.Layers {
  private final List<Layer> layers;
  private final Kernels kernels;
  private final AttentionBlock attention;
  private final ExpertsBlock experts;

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
      FeedForward feedForward) {}

  private MoeForward(
      TrunkConfig trunk,
      AttentionConfig attention,
      ExpertsConfig experts,
      List<Layer> layers,
      Kernels kernels) {
    this.layers = layers;
    this.kernels = kernels;
    this.attention = new AttentionBlock(attention, trunk.epsilon(), kernels);
    this.experts = new ExpertsBlock(experts, trunk.width(), kernels);
  }

  static MoeForward read(ConfigReader in, TrunkConfig trunk, TensorReader tensors) {
    int width = trunk.width();
    boolean second = in.architecture().equals("qwen2moe");
    AttentionConfig attention =
        AttentionConfig.read(
            in, width, second ? AttentionConfig.Kind.BIASED : AttentionConfig.Kind.NORMED);
    ExpertsConfig experts = ExpertsConfig.read(in, second, !second);
    int inner = FeedForward.denseInner(in, tensors, trunk.layers());
    List<Layer> layers = new ArrayList<>();
    for (int l = 0; l < trunk.layers(); l++) {
      String layer = "blk." + l + ".";
      layers.add(
          new Layer(
              tensors.vector(layer + "attn_norm.weight", width),
              AttentionWeights.read(tensors, layer, width, attention),
              tensors.vector(layer + "ffn_norm.weight", width),
              FeedForward.read(tensors, layer, width, inner, experts)));
    }
    return new MoeForward(trunk, attention, experts, layers, tensors.kernels());
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
    switch (layers.get(l).feedForward()) {
      case FeedForward.Dense w -> w.run(kernels, in, rows, out, pause);
      case FeedForward.Experts w -> experts.run(w, in, rows, out, pause);
    }
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
