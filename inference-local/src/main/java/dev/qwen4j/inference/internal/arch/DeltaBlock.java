package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.DeltaInputs;
import dev.qwen4j.inference.internal.kernel.DeltaShape;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.Matrix;
import java.util.Arrays;
import java.util.List;

/**
 * Gated DeltaNet: linear attention whose memory forgets by a gate and is corrected by the delta
 * rule. Queries, keys and values pass a short causal convolution; queries and keys are scaled to
 * length 1; the memory's answer is normalised per head and gated: {@code out = Wo · (norm(o) ⊙
 * silu(Wz·x))}. (Yang, Kautz and Hatamizadeh 2024; Qwen3-Next 2025.) Buffers are shared by all
 * layers.
 */
final class DeltaBlock {
  /** Of the scaling of queries and keys to length 1, in transformers. */
  private static final float LENGTH_EPSILON = 1e-6f;

  private final DeltaConfig config;
  private final DeltaShape heads;
  private final float epsilon;
  private final Kernels kernels;
  // RMSNorm with these weights scales to length 1, and queries by 1/√keyDim besides: [keyDim].
  private final float[] queryScale;
  private final float[] keyScale;

  private int capacity;
  private float[] gate = {}; // [tokens, valueHeads, valueDim]
  private float[] alpha = {}; // [tokens, valueHeads]
  private final Rows batch;
  private final Rows own; // of one sequence among several
  // Of the layer in progress.
  private final Matrix[] projections = new Matrix[4];
  private final float[][] results = new float[4][];

  /** What passes through the memory of a sequence. */
  private static final class Rows {
    final DeltaConfig config;
    int capacity;
    float[] mixed = {}; // [tokens, channels]
    float[] convolved = {}; // [tokens, channels]
    float[] answer = {}; // [tokens, valueHeads, valueDim]
    DeltaInputs inputs;

    Rows(DeltaConfig config) {
      this.config = config;
      this.inputs = DeltaInputs.of(config.heads(), 0);
    }

    void reserve(int tokens) {
      if (tokens > capacity) {
        capacity = tokens;
        mixed = new float[tokens * config.channels()];
        convolved = new float[tokens * config.channels()];
        answer = new float[tokens * config.heads().valueWidth()];
        inputs = DeltaInputs.of(config.heads(), tokens);
      }
    }
  }

  DeltaBlock(DeltaConfig config, float epsilon, Kernels kernels) {
    this.config = config;
    this.heads = config.heads();
    this.epsilon = epsilon;
    this.kernels = kernels;
    this.batch = new Rows(config);
    this.own = new Rows(config);
    this.queryScale = new float[heads.keyDim()];
    this.keyScale = new float[heads.keyDim()];
    Arrays.fill(queryScale, (float) (1.0 / heads.keyDim()));
    Arrays.fill(keyScale, (float) (1 / Math.sqrt(heads.keyDim())));
  }

  DeltaState start() {
    return new DeltaState(memorySize(), historySize());
  }

  private int memorySize() {
    return heads.valueHeads() * heads.keyDim() * heads.valueDim();
  }

  private int historySize() {
    return (config.taps() - 1) * config.channels();
  }

  /** Bytes of a {@link DeltaState.Snapshot}. */
  long snapshotBytes() {
    return (long) (memorySize() + historySize()) * Float.BYTES;
  }

  /**
   * One layer. All sequences are multiplied with the weights together, and pass through their own
   * memories one by one; what is after them lies in the states' next memories and histories.
   *
   * @param layer its number, which finds the states
   * @param in [tokens, width], normalised
   * @param out [tokens, width]
   */
  void run(DeltaWeights w, List<Span> spans, int layer, float[] in, float[] out, Runnable pause) {
    pause.run();
    int tokens = Span.tokens(spans);
    reserve(tokens);
    project(w.projection(), in, tokens);
    openGates(w, tokens);
    if (spans.size() == 1) {
      answer(w, spans.getFirst().state().recurrent(layer), batch, tokens, pause);
    } else {
      answerApart(w, spans, layer, pause);
    }
    pause.run();
    int valueRows = tokens * heads.valueHeads();
    kernels.rmsNorm(batch.answer, valueRows, heads.valueDim(), w.norm(), epsilon, batch.answer);
    kernels.swiGlu(gate, batch.answer, tokens * heads.valueWidth());
    kernels.multiply(w.output(), gate, tokens, out);
  }

  private void project(DeltaWeights.Projection w, float[] in, int tokens) {
    projections[0] = w.qkv();
    projections[1] = w.gate();
    projections[2] = w.beta();
    projections[3] = w.alpha();
    results[0] = batch.mixed;
    results[1] = gate;
    results[2] = batch.inputs.beta();
    results[3] = alpha;
    kernels.multiply(projections, in, tokens, results);
  }

  /** Each sequence sees itself only. */
  private void answerApart(DeltaWeights w, List<Span> spans, int layer, Runnable pause) {
    int from = 0;
    for (Span span : spans) {
      int count = span.count();
      own.reserve(count);
      copy(batch.mixed, from, own.mixed, 0, count, config.channels());
      copy(batch.inputs.beta(), from, own.inputs.beta(), 0, count, heads.valueHeads());
      copy(batch.inputs.decay(), from, own.inputs.decay(), 0, count, heads.valueHeads());
      answer(w, span.state().recurrent(layer), own, count, pause);
      copy(own.answer, 0, batch.answer, from, count, heads.valueWidth());
      from += count;
    }
  }

  private static void copy(float[] rows, int from, float[] to, int at, int count, int width) {
    System.arraycopy(rows, from * width, to, at * width, count * width);
  }

  /** What the memory of one sequence answers to rows that are mixed, and whose gates are open. */
  private void answer(DeltaWeights w, DeltaState state, Rows rows, int tokens, Runnable pause) {
    float[] weights = w.convolution();
    kernels.convolve(rows.mixed, tokens, weights, config.taps(), state.history(), rows.convolved);
    remember(state, rows.mixed, tokens);
    DeltaInputs inputs = rows.inputs;
    separate(rows.convolved, tokens, inputs);
    float eps = LENGTH_EPSILON / heads.keyDim();
    int keyRows = tokens * heads.keyHeads();
    kernels.rmsNorm(inputs.q(), keyRows, heads.keyDim(), queryScale, eps, inputs.q());
    kernels.rmsNorm(inputs.k(), keyRows, heads.keyDim(), keyScale, eps, inputs.k());
    pause.run();
    kernels.gatedDelta(inputs, tokens, state.memory(), state.nextMemory(), rows.answer);
  }

  /** The next history: the last taps − 1 rows of the old one and {@code mixed}. */
  private void remember(DeltaState state, float[] mixed, int tokens) {
    int channels = config.channels();
    int rows = config.taps() - 1;
    int kept = Math.max(0, rows - tokens);
    int added = rows - kept;
    copy(state.history(), rows - kept, state.nextHistory(), 0, kept, channels);
    copy(mixed, tokens - added, state.nextHistory(), kept, added, channels);
  }

  /** Each row of {@code convolved} has all queries, then all keys, then all values. */
  private void separate(float[] convolved, int tokens, DeltaInputs inputs) {
    int keys = heads.keyWidth();
    int values = heads.valueWidth();
    for (int t = 0; t < tokens; t++) {
      int row = t * config.channels();
      System.arraycopy(convolved, row, inputs.q(), t * keys, keys);
      System.arraycopy(convolved, row + keys, inputs.k(), t * keys, keys);
      System.arraycopy(convolved, row + 2 * keys, inputs.v(), t * values, values);
    }
  }

  /** {@code beta = sigmoid(beta)}, {@code decay = A · softplus(alpha + step)}. */
  private void openGates(DeltaWeights w, int tokens) {
    float[] beta = batch.inputs.beta();
    float[] decay = batch.inputs.decay();
    for (int t = 0; t < tokens; t++) {
      for (int h = 0; h < heads.valueHeads(); h++) {
        int at = t * heads.valueHeads() + h;
        beta[at] = (float) (1 / (1 + Math.exp(-beta[at])));
        double a = alpha[at] + w.step()[h];
        double softplus = a > 20 ? a : Math.log1p(Math.exp(a));
        decay[at] = (float) (w.decay()[h] * softplus);
      }
    }
  }

  private void reserve(int tokens) {
    batch.reserve(tokens);
    if (tokens > capacity) {
      capacity = tokens;
      gate = new float[tokens * heads.valueWidth()];
      alpha = new float[tokens * heads.valueHeads()];
    }
  }
}
