package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvLayer;
import dev.qwen4j.inference.internal.kernel.KvSpan;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.kernel.Matrix;
import java.util.ArrayList;
import java.util.List;

/**
 * Causal grouped-query attention with RoPE, in the variants of all Qwen families: {@code out = Wo ·
 * (attention(rope(norm(Wq·x + bq)), rope(norm(Wk·x + bk)), Wv·x + bv) ⊙ sigmoid(gate))}, where
 * biases, head norms and gate are there or not. Buffers are shared by all layers.
 */
final class AttentionBlock {
  private final AttentionConfig config;
  private final float epsilon;
  private final Kernels kernels;
  private final Rope rope;
  private final float scale;

  // Of the layer in progress.
  private final Matrix[] projections = new Matrix[3];
  private final float[][] results = new float[3][];
  private final List<KvSpan> kvSpans = new ArrayList<>();
  private int capacity;
  private float[] projected = {}; // [tokens, heads, 2 · headDim]: query and gate of each head
  private float[] q = {}; // [tokens, heads, headDim]
  private float[] gate = {}; // [tokens, heads, headDim]
  private float[] k = {}; // [tokens, kvHeads, headDim]
  private float[] v = {}; // [tokens, kvHeads, headDim]
  private float[] attended = {}; // [tokens, heads, headDim]

  AttentionBlock(AttentionConfig config, float epsilon, Kernels kernels) {
    this.config = config;
    this.epsilon = epsilon;
    this.kernels = kernels;
    this.rope = new Rope(config.rope());
    this.scale = (float) (1 / Math.sqrt(config.headDim()));
  }

  /** What a layer remembers: bytes of keys and values of one position. */
  long stateBytesPerPosition(KvType type) {
    return 2L * config.kvHeads() * type.bytes(config.headDim());
  }

  KvLayer start(int maxPositions, KvType type) {
    return new KvLayer(type, config.kvHeads(), config.headDim(), maxPositions);
  }

  /** Makes ready for a batch: what all layers have in common. */
  void begin(List<Span> spans, int tokens) {
    rope.at(spans, tokens);
    if (tokens <= capacity) {
      return;
    }
    capacity = tokens;
    k = new float[tokens * config.keyWidth()];
    v = new float[tokens * config.keyWidth()];
    q = new float[tokens * config.queryWidth()];
    attended = new float[tokens * config.queryWidth()];
    if (gated()) {
      projected = new float[tokens * config.queryRows()];
      gate = new float[tokens * config.queryWidth()];
    }
  }

  /**
   * One layer.
   *
   * @param layer its number, which finds its keys and values
   * @param in [tokens, width], normalised
   * @param out [tokens, width]
   */
  void run(
      AttentionWeights w, List<Span> spans, int layer, float[] in, float[] out, Runnable pause) {
    pause.run();
    int tokens = Span.tokens(spans);
    int headDim = config.headDim();
    float[] queries = gated() ? projected : q;
    project(w, in, tokens, queries);
    if (w.biases() != null) {
      kernels.addToRows(queries, tokens, w.biases().q());
      kernels.addToRows(k, tokens, w.biases().k());
      kernels.addToRows(v, tokens, w.biases().v());
    }
    if (gated()) {
      separateGates(tokens);
    }
    if (w.headNorms() != null) {
      kernels.rmsNorm(q, tokens * config.heads(), headDim, w.headNorms().q(), epsilon, q);
      kernels.rmsNorm(k, tokens * config.kvHeads(), headDim, w.headNorms().k(), epsilon, k);
    }
    kernels.rotate(q, tokens, config.heads(), headDim, rope.turns());
    kernels.rotate(k, tokens, config.kvHeads(), headDim, rope.turns());
    kvSpans.clear();
    for (Span span : spans) {
      SequenceState state = span.state();
      kvSpans.add(new KvSpan(state.attention(layer), state.position(), span.count()));
    }
    kernels.write(kvSpans, k, v);
    pause.run();
    kernels.attention(q, kvSpans, config.heads(), scale, attended);
    if (gated()) {
      kernels.sigmoidGate(attended, gate, tokens * config.queryWidth());
    }
    pause.run();
    kernels.multiply(w.output(), attended, tokens, out);
  }

  private void project(AttentionWeights w, float[] in, int tokens, float[] queries) {
    projections[0] = w.q();
    projections[1] = w.k();
    projections[2] = w.v();
    results[0] = queries;
    results[1] = k;
    results[2] = v;
    kernels.multiply(projections, in, tokens, results);
  }

  private boolean gated() {
    return config.kind() == AttentionConfig.Kind.GATED;
  }

  /** Head by head, {@code projected} has the query and then the gate. */
  private void separateGates(int tokens) {
    int headDim = config.headDim();
    for (int h = 0; h < tokens * config.heads(); h++) {
      System.arraycopy(projected, 2 * h * headDim, q, h * headDim, headDim);
      System.arraycopy(projected, (2 * h + 1) * headDim, gate, h * headDim, headDim);
    }
  }
}
