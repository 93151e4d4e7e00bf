package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The Qwen transformers that are recurrent in most layers: {@code qwen3next}, {@code qwen35} and
 * {@code qwen35moe}. Three of four layers (the file says which) are a gated DeltaNet, the others
 * gated attention with RoPE on a part of each head; the feed-forward is dense (qwen35, and layers
 * of others that say so) or a mixture of experts whose probabilities are scaled to a sum of 1, with
 * a shared expert. Norms come as the file has them, with the 1 that these families add already in
 * the weights. (Qwen3-Next 2025; Qwen3.5 2026.) Reads text: the layers that predict further tokens
 * and the part that sees images are left out.
 */
final class HybridForward implements TextModel.Layers {
  private static final String RECURRENT = "attention.recurrent_layers";

  private final Config config;
  private final List<Layer> layers;
  private final Kernels kernels;
  private final AttentionBlock attention;
  private final DeltaBlock deltaNet;
  private final @Nullable ExpertsBlock experts;

  /**
   * The shape of the layers.
   *
   * @param recurrent per layer, whether it is a gated DeltaNet
   * @param inner width between the gated projections of dense layers, 0 where there are none
   * @param experts of the other layers, or null for a dense model
   */
  private record Config(
      AttentionConfig attention,
      DeltaConfig delta,
      List<Boolean> recurrent,
      int inner,
      @Nullable ExpertsConfig experts) {
    static Config read(ConfigReader in, TrunkConfig trunk, TensorReader tensors) {
      boolean dense = in.architecture().equals("qwen35");
      return new Config(
          AttentionConfig.read(in, trunk.width(), AttentionConfig.Kind.GATED),
          DeltaConfig.read(in),
          readRecurrent(in, trunk.layers()),
          dense
              ? in.width("feed_forward_length")
              : FeedForward.denseInner(in, tensors, trunk.layers()),
          dense ? null : ExpertsConfig.read(in, true, true));
    }

    /** The file lists the layers, or says that every n-th attends. */
    private static List<Boolean> readRecurrent(ConfigReader in, int layers) {
      if (in.has(RECURRENT)) {
        List<Boolean> flags = in.flags(RECURRENT);
        in.expect(
            flags.size() >= layers, RECURRENT, flags.size() + " flags for " + layers + " layers");
        return List.copyOf(flags.subList(0, layers));
      }
      int interval = in.count("full_attention_interval", 4);
      return IntStream.range(0, layers).mapToObj(l -> (l + 1) % interval != 0).toList();
    }
  }

  /**
   * The weights of a layer, which has one of two ways to see the tokens before.
   *
   * @param mixerNorm [width]
   * @param feedForwardNorm [width]
   */
  // Nobody compares weights, and a list would box every number.
  @SuppressWarnings("ArrayRecordComponent")
  private record Layer(
      float[] mixerNorm, Mixer mixer, float[] feedForwardNorm, FeedForward feedForward) {}

  private sealed interface Mixer {
    record Attending(AttentionWeights weights) implements Mixer {}

    record Recurrent(DeltaWeights weights) implements Mixer {}
  }

  private HybridForward(TrunkConfig trunk, Config config, List<Layer> layers, Kernels kernels) {
    this.config = config;
    this.layers = layers;
    this.kernels = kernels;
    this.attention = new AttentionBlock(config.attention(), trunk.epsilon(), kernels);
    this.deltaNet = new DeltaBlock(config.delta(), trunk.epsilon(), kernels);
    this.experts =
        config.experts() == null
            ? null
            : new ExpertsBlock(config.experts(), trunk.width(), kernels);
  }

  static HybridForward read(ConfigReader in, TrunkConfig trunk, TensorReader tensors) {
    Config config = Config.read(in, trunk, tensors);
    List<Layer> layers = new ArrayList<>();
    for (int l = 0; l < trunk.layers(); l++) {
      layers.add(readLayer(tensors, l, trunk.width(), config));
    }
    return new HybridForward(trunk, config, layers, tensors.kernels());
  }

  private static Layer readLayer(TensorReader tensors, int l, int width, Config config) {
    String layer = "blk." + l + ".";
    return new Layer(
        tensors.vector(layer + "attn_norm.weight", width),
        config.recurrent().get(l)
            ? new Mixer.Recurrent(DeltaWeights.read(tensors, layer, width, config.delta()))
            : new Mixer.Attending(AttentionWeights.read(tensors, layer, width, config.attention())),
        tensors.vector(layer + "post_attention_norm.weight", width),
        config.experts() == null
            ? FeedForward.Dense.read(tensors, layer, ".weight", width, config.inner())
            : FeedForward.read(tensors, layer, width, config.inner(), config.experts()));
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
    return layers.get(l).mixerNorm();
  }

  @Override
  public void mix(int l, List<Span> spans, float[] in, float[] out, Runnable pause) {
    switch (layers.get(l).mixer()) {
      case Mixer.Attending(AttentionWeights w) -> attention.run(w, spans, l, in, out, pause);
      case Mixer.Recurrent(DeltaWeights w) -> deltaNet.run(w, spans, l, in, out, pause);
    }
  }

  @Override
  public float[] feedForwardNorm(int l) {
    return layers.get(l).feedForwardNorm();
  }

  @Override
  public void feedForward(int l, float[] in, int rows, float[] out, Runnable pause) {
    switch (layers.get(l).feedForward()) {
      case FeedForward.Dense w -> w.run(kernels, in, rows, out, pause);
      case FeedForward.Experts w ->
          Objects.requireNonNull(experts, "experts").run(w, in, rows, out, pause);
    }
  }

  @Override
  public SequenceState start(int maxPositions, KvType type) {
    List<SequenceState.Layer> states = new ArrayList<>();
    for (boolean recurrent : config.recurrent()) {
      states.add(
          recurrent
              ? deltaNet.start()
              : new SequenceState.Attention(attention.start(maxPositions, type)));
    }
    return new SequenceState(states, maxPositions);
  }

  @Override
  public long stateBytesPerPosition(KvType type) {
    long attending = config.recurrent().stream().filter(recurrent -> !recurrent).count();
    return attending * attention.stateBytesPerPosition(type);
  }

  @Override
  public long snapshotBytes() {
    long remembering = config.recurrent().stream().filter(recurrent -> recurrent).count();
    return remembering * deltaNet.snapshotBytes();
  }
}
