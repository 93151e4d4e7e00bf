package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvLayer;
import dev.qwen4j.inference.internal.kernel.Matrix;

/**
 * The dense Qwen transformers: {@code qwen2} (Qwen2 and Qwen2.5: biases on q, k, v) and {@code
 * qwen3} (RMSNorm over each head of q and k, no biases). Pre-norm decoder blocks of grouped-query
 * attention with RoPE and a SwiGLU feed-forward; a prompt of many tokens and one generated token go
 * the same way. (Qwen2 Technical Report 2024 §2; Qwen3 Technical Report 2025 §2.)
 *
 * <p>Activations are row-major, one row per token; their shapes stand at the buffers.
 */
final class DenseForward implements ForwardPass {
  private final DenseConfig config;
  private final DenseWeights weights;
  private final Kernels kernels;
  private final long extraBytes;
  private final Rope rope;

  private int capacity;
  private int count; // rows of x that hold the last batch
  private float[] x = {}; // [tokens, width]: the residual stream
  private float[] normed = {}; // [tokens, width]
  private float[] q = {}; // [tokens, heads, headDim]
  private float[] k = {}; // [tokens, kvHeads, headDim]
  private float[] v = {}; // [tokens, kvHeads, headDim]
  private float[] attended = {}; // [tokens, heads, headDim]
  private float[] gate = {}; // [tokens, feedForward]
  private float[] up = {}; // [tokens, feedForward]
  private float[] delta = {}; // [tokens, width]: what a block adds to the residual stream

  DenseForward(DenseConfig config, DenseWeights weights, Kernels kernels, long extraBytes) {
    this.config = config;
    this.weights = weights;
    this.kernels = kernels;
    this.extraBytes = extraBytes;
    this.rope = new Rope(config.attention().headDim(), config.attention().ropeBase());
  }

  @Override
  public void forward(SequenceState state, int[] ids, int from, int tokens, Runnable pause) {
    int position = state.position();
    count = 0;
    reserve(tokens);
    rope.at(position, tokens);
    weights.embedding().lookUp(ids, from, tokens, x);
    for (int l = 0; l < weights.layers().size(); l++) {
      DenseWeights.Layer layer = weights.layers().get(l);
      norm(x, tokens, layer.attentionNorm(), normed);
      attend(layer.attention(), state.layer(l), position, tokens, pause);
      kernels.add(x, delta, tokens * width());
      norm(x, tokens, layer.feedForwardNorm(), normed);
      feedForward(layer.feedForward(), tokens, pause);
      kernels.add(x, delta, tokens * width());
    }
    state.advance(tokens);
    count = tokens;
  }

  /** {@code delta = Wo · attention(rope(Wq·normed), rope(Wk·normed), Wv·normed)}. */
  private void attend(
      DenseWeights.Attention w, KvLayer kv, int position, int tokens, Runnable pause) {
    DenseConfig.Attention shape = config.attention();
    int headDim = shape.headDim();
    kernels.multiply(new Matrix[] {w.q(), w.k(), w.v()}, normed, tokens, new float[][] {q, k, v});
    if (w.biases() != null) {
      addToRows(q, tokens, w.biases().q());
      addToRows(k, tokens, w.biases().k());
      addToRows(v, tokens, w.biases().v());
    }
    if (w.headNorms() != null) {
      kernels.rmsNorm(q, tokens * shape.heads(), headDim, w.headNorms().q(), config.epsilon(), q);
      kernels.rmsNorm(k, tokens * shape.kvHeads(), headDim, w.headNorms().k(), config.epsilon(), k);
    }
    rope.rotate(q, tokens, shape.heads());
    rope.rotate(k, tokens, shape.kvHeads());
    kv.write(position, tokens, k, v);
    pause.run();
    float scale = (float) (1 / Math.sqrt(headDim));
    kernels.attention(q, tokens, position, kv, shape.heads(), scale, attended);
    pause.run();
    kernels.multiply(w.output(), attended, tokens, delta);
  }

  /** {@code delta = Wdown · (silu(Wgate·normed) ⊙ Wup·normed)}. */
  private void feedForward(DenseWeights.FeedForward w, int tokens, Runnable pause) {
    pause.run();
    kernels.multiply(new Matrix[] {w.gate(), w.up()}, normed, tokens, new float[][] {gate, up});
    pause.run();
    kernels.swiGlu(gate, up, tokens * config.size().feedForward());
    kernels.multiply(w.down(), gate, tokens, delta);
  }

  @Override
  public void logits(int first, int rows, float[] out) {
    float[] finals = finalStates(first, rows);
    kernels.multiply(weights.output(), finals, rows, out);
  }

  @Override
  public void hidden(int index, float[] out) {
    System.arraycopy(finalStates(index, 1), 0, out, 0, width());
  }

  /** The final norm of some rows of the last batch: [rows, width]. */
  private float[] finalStates(int first, int rows) {
    if (first < 0 || rows < 1 || first + rows > count) {
      throw new IllegalArgumentException(
          "rows %d to %d of a batch of %d".formatted(first, first + rows, count));
    }
    System.arraycopy(x, first * width(), normed, 0, rows * width());
    norm(normed, rows, weights.outputNorm(), normed);
    return normed;
  }

  private void norm(float[] in, int tokens, float[] weight, float[] out) {
    kernels.rmsNorm(in, tokens, width(), weight, config.epsilon(), out);
  }

  private static void addToRows(float[] rows, int tokens, float[] bias) {
    for (int t = 0; t < tokens; t++) {
      int row = t * bias.length;
      for (int i = 0; i < bias.length; i++) {
        rows[row + i] += bias[i];
      }
    }
  }

  private void reserve(int tokens) {
    if (tokens <= capacity) {
      return;
    }
    capacity = tokens;
    DenseConfig.Attention attention = config.attention();
    x = new float[tokens * width()];
    normed = new float[tokens * width()];
    q = new float[tokens * attention.queryWidth()];
    k = new float[tokens * attention.keyWidth()];
    v = new float[tokens * attention.keyWidth()];
    attended = new float[tokens * attention.queryWidth()];
    gate = new float[tokens * config.size().feedForward()];
    up = new float[tokens * config.size().feedForward()];
    delta = new float[tokens * width()];
  }

  @Override
  public int contextLength() {
    return config.contextLength();
  }

  @Override
  public int vocabularySize() {
    return weights.embedding().rows();
  }

  @Override
  public int width() {
    return config.size().width();
  }

  @Override
  public long stateBytesPerPosition() {
    // Keys and values in two bytes each.
    return (long) config.size().layers() * config.attention().keyWidth() * 2 * Short.BYTES;
  }

  @Override
  public long extraBytes() {
    return extraBytes;
  }

  @Override
  public SequenceState start(int maxPositions) {
    DenseConfig.Attention attention = config.attention();
    return new SequenceState(
        config.size().layers(), attention.kvHeads(), attention.headDim(), maxPositions);
  }
}
