package dev.qwen4j.inference.internal.kernel;

import java.util.Arrays;

/** Causal convolution of each channel by itself, and SiLU: workers share the tokens. */
final class VectorConvolution {
  /** Elements of output in a piece of work, about. */
  private static final int CHUNK = 8 * 1024;

  private final WorkerPool pool;
  private final WorkerPool.Chunk someTokens = this::runTokens;

  // The call in progress.
  private float[] x = new float[0];
  private float[] weight = new float[0];
  private float[] history = new float[0];
  private float[] out = new float[0];
  private int tokens;
  private int taps;
  private int channels;
  private int tokensPerChunk;

  VectorConvolution(WorkerPool pool) {
    this.pool = pool;
  }

  void run(float[] x, int tokens, float[] weight, int taps, float[] history, float[] out) {
    this.x = x;
    this.weight = weight;
    this.history = history;
    this.out = out;
    this.tokens = tokens;
    this.taps = taps;
    this.channels = weight.length / taps;
    this.tokensPerChunk = Math.max(1, CHUNK / channels);
    pool.run(Math.ceilDiv(tokens, tokensPerChunk), someTokens);
  }

  private void runTokens(int worker, int chunk) {
    int to = Math.min(tokens, (chunk + 1) * tokensPerChunk);
    for (int t = chunk * tokensPerChunk; t < to; t++) {
      int at = t * channels;
      Arrays.fill(out, at, at + channels, 0);
      for (int j = 0; j < taps; j++) {
        int from = t - taps + 1 + j;
        boolean past = from < 0;
        float[] source = past ? history : x;
        int sourceAt = (past ? from + taps - 1 : from) * channels;
        Elementwise.addProducts(weight, j * channels, source, sourceAt, out, at, channels);
      }
      Elementwise.silu(out, at, at + channels);
    }
  }
}
