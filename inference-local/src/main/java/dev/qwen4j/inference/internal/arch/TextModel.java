package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Candidates;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.kernel.Matrix;
import java.util.List;

/**
 * A causal language model: embedding, the layers of its architecture, the last RMSNorm, and the
 * output matrix. Activations are row-major, one row per token.
 */
final class TextModel implements ForwardPass {
  /**
   * What surrounds the layers.
   *
   * @param embedding vocabulary x width
   * @param outputNorm [width]
   * @param output vocabulary x width, for logits; the embedding again where the model ties them
   */
  // Nobody compares weights, and a list would box every number.
  @SuppressWarnings("ArrayRecordComponent")
  record Ends(EmbeddingTable embedding, float[] outputNorm, Matrix output) {
    static Ends read(TensorReader tensors, int width) {
      EmbeddingTable embedding = tensors.embedding("token_embd.weight", width);
      float[] outputNorm = tensors.vector("output_norm.weight", width);
      String output = tensors.has("output.weight") ? "output.weight" : "token_embd.weight";
      return new Ends(embedding, outputNorm, tensors.output(output, embedding.rows(), width));
    }
  }

  /** The decoder layers of a family: what lies between the embedding and the last norm. */
  interface Layers {
    int count();

    /** Called before a batch of so many tokens passes through the layers, from the first on. */
    void begin(List<Span> spans, int tokens);

    /** The weight of the RMSNorm before {@link #mix}: [width]. */
    float[] mixerNorm(int layer);

    /**
     * A layer's first half, in which tokens see those before them; the caller advances the
     * sequences behind the last layer.
     *
     * @param spans whose tokens the rows are, one after the other
     * @param in [tokens, width], normalised
     * @param out [tokens, width]
     * @param pause called a few times; what it throws ends the pass
     */
    void mix(int layer, List<Span> spans, float[] in, float[] out, Runnable pause);

    /** The weight of the RMSNorm before {@link #feedForward}: [width]. */
    float[] feedForwardNorm(int layer);

    /**
     * A layer's second half, in which each token is by itself.
     *
     * @param in [rows, width], normalised; not more rows than the batch has tokens
     * @param out [rows, width]
     * @param pause called a few times; what it throws ends the pass
     */
    void feedForward(int layer, float[] in, int rows, float[] out, Runnable pause);

    /** An empty sequence that can grow to {@code maxPositions}. */
    SequenceState start(int maxPositions, KvType type);

    /** Bytes of state that grow with every position. */
    long stateBytesPerPosition(KvType type);

    /** Bytes of state that do not grow. */
    default long snapshotBytes() {
      return 0;
    }
  }

  private final TrunkConfig trunk;
  private final Ends ends;
  private final Layers layers;
  private final Kernels kernels;
  private final long extraBytes;

  private int count; // rows of x that hold the last batch
  private float[] x = {}; // [tokens, width]: the residual stream
  private float[] normed = {}; // [tokens, width]
  private float[] delta = {}; // [tokens, width]: what half a layer adds to the residual stream
  private float[] ended = {}; // [rows, width]: behind the last norm

  TextModel(TrunkConfig trunk, Ends ends, Layers layers, Kernels kernels, long extraBytes) {
    this.trunk = trunk;
    this.ends = ends;
    this.layers = layers;
    this.kernels = kernels;
    this.extraBytes = extraBytes;
  }

  @Override
  public void forward(List<Span> spans, Runnable pause) {
    count = 0;
    int tokens = Span.tokens(spans);
    if (x.length < tokens * width()) {
      x = new float[tokens * width()];
      normed = new float[tokens * width()];
      delta = new float[tokens * width()];
    }
    int row = 0;
    for (Span span : spans) {
      ends.embedding().lookUp(span.ids(), span.from(), span.count(), x, row);
      row += span.count();
    }
    layers.begin(spans, tokens);
    for (int l = 0; l < layers.count(); l++) {
      kernels.rmsNorm(x, tokens, width(), layers.mixerNorm(l), trunk.epsilon(), normed);
      layers.mix(l, spans, normed, delta, pause);
      kernels.add(x, delta, tokens * width());
      // No other token needs the last one: finish() computes it for the rows that are read.
      if (l < layers.count() - 1) {
        addFeedForward(l, x, tokens, pause);
      }
    }
    spans.forEach(span -> span.state().advance(span.count()));
    count = tokens;
  }

  /** Adds a layer's second half to {@code rows} rows of a residual stream. */
  private void addFeedForward(int layer, float[] stream, int rows, Runnable pause) {
    kernels.rmsNorm(stream, rows, width(), layers.feedForwardNorm(layer), trunk.epsilon(), normed);
    layers.feedForward(layer, normed, rows, delta, pause);
    kernels.add(stream, delta, rows * width());
  }

  @Override
  public void logits(int first, int rows, Candidates candidates, float[] out) {
    finish(first, rows);
    kernels.logits(ends.output(), ended, rows, candidates, out);
  }

  @Override
  public void hidden(int index, float[] out) {
    finish(index, 1);
    System.arraycopy(ended, 0, out, 0, width());
  }

  /** {@code ended} = the last layer's end and the last norm of some rows: [rows, width]. */
  private void finish(int first, int rows) {
    if (first < 0 || rows < 1 || first + rows > count) {
      throw new IllegalArgumentException(
          "rows %d to %d of a batch of %d".formatted(first, first + rows, count));
    }
    if (ended.length < rows * width()) {
      ended = new float[rows * width()];
    }
    System.arraycopy(x, first * width(), ended, 0, rows * width());
    addFeedForward(layers.count() - 1, ended, rows, () -> {});
    kernels.rmsNorm(ended, rows, width(), ends.outputNorm(), trunk.epsilon(), ended);
  }

  @Override
  public int contextLength() {
    return trunk.contextLength();
  }

  @Override
  public int vocabularySize() {
    return ends.embedding().rows();
  }

  @Override
  public int width() {
    return trunk.width();
  }

  @Override
  public long stateBytesPerPosition(KvType type) {
    return layers.stateBytesPerPosition(type);
  }

  @Override
  public long snapshotBytes() {
    return layers.snapshotBytes();
  }

  @Override
  public long extraBytes() {
    return extraBytes;
  }

  @Override
  public SequenceState start(int maxPositions, KvType type) {
    return layers.start(maxPositions, type);
  }
}
