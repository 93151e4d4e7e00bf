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
  private float[] mixed = {}; // [tokens, channels]
  private float[] convolved = {}; // [tokens, channels]
  private float[] gate = {}; // [tokens, valueHeads, valueDim]
  private float[] answer = {}; // [tokens, valueHeads, valueDim]
  private float[] alpha = {}; // [tokens, valueHeads]
  private DeltaInputs inputs;

  DeltaBlock(DeltaConfig config, float epsilon, Kernels kernels) {
    this.config = config;
    this.heads = config.heads();
    this.epsilon = epsilon;
    this.kernels = kernels;
    this.inputs = DeltaInputs.of(heads, 0);
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
   * One layer, sequence by sequence.
   *
   * @param layer its number, which finds its state
   */
  void run(DeltaWeights w, List<Span> spans, int layer, float[] in, float[] out, Runnable pause) {
    if (spans.size() == 1) {
      Span span = spans.getFirst();
      run(w, span.state().recurrent(layer), in, span.count(), out, pause);
      return;
    }
    int width = w.output().rows();
    int from = 0;
    for (Span span : spans) {
      int to = from + span.count() * width;
      float[] rows = new float[to - from];
      float[] own = Arrays.copyOfRange(in, from, to);
      run(w, span.state().recurrent(layer), own, span.count(), rows, pause);
      System.arraycopy(rows, 0, out, from, rows.length);
      from = to;
    }
  }

  /**
   * One sequence; the state after it lies in the state's next memory and history.
   *
   * @param in [tokens, width], normalised
   * @param out [tokens, width]
   */
  private void run(
      DeltaWeights w, DeltaState state, float[] in, int tokens, float[] out, Runnable pause) {
    pause.run();
    reserve(tokens);
    DeltaWeights.Projection p = w.projection();
    kernels.multiply(
        new Matrix[] {p.qkv(), p.gate(), p.beta(), p.alpha()},
        in,
        tokens,
        new float[][] {mixed, gate, inputs.beta(), alpha});
    kernels.convolve(mixed, tokens, w.convolution(), config.taps(), state.history(), convolved);
    remember(state, tokens);
    separate(tokens);
    float eps = LENGTH_EPSILON / heads.keyDim();
    int keyRows = tokens * heads.keyHeads();
    kernels.rmsNorm(inputs.q(), keyRows, heads.keyDim(), queryScale, eps, inputs.q());
    kernels.rmsNorm(inputs.k(), keyRows, heads.keyDim(), keyScale, eps, inputs.k());
    openGates(w, tokens);
    pause.run();
    kernels.gatedDelta(inputs, tokens, state.memory(), state.nextMemory(), answer);
    pause.run();
    int valueRows = tokens * heads.valueHeads();
    kernels.rmsNorm(answer, valueRows, heads.valueDim(), w.norm(), epsilon, answer);
    kernels.swiGlu(gate, answer, tokens * heads.valueWidth());
    kernels.multiply(w.output(), gate, tokens, out);
  }

  /** The next history: the last taps − 1 rows of the old one and {@code mixed}. */
  private void remember(DeltaState state, int tokens) {
    int channels = config.channels();
    int rows = config.taps() - 1;
    int kept = Math.max(0, rows - tokens);
    int added = rows - kept;
    float[] next = state.nextHistory();
    System.arraycopy(state.history(), (rows - kept) * channels, next, 0, kept * channels);
    System.arraycopy(mixed, (tokens - added) * channels, next, kept * channels, added * channels);
  }

  /** Each row of {@code convolved} has all queries, then all keys, then all values. */
  private void separate(int tokens) {
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
    float[] beta = inputs.beta();
    float[] decay = inputs.decay();
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
    if (tokens <= capacity) {
      return;
    }
    capacity = tokens;
    mixed = new float[tokens * config.channels()];
    convolved = new float[tokens * config.channels()];
    gate = new float[tokens * heads.valueWidth()];
    answer = new float[tokens * heads.valueWidth()];
    alpha = new float[tokens * heads.valueHeads()];
    inputs = DeltaInputs.of(heads, tokens);
  }
}
