package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.Matrix;

/** SwiGLU: {@code out = Wdown · (silu(Wgate·in) ⊙ Wup·in)}. (Shazeer 2020.) */
final class FeedForwardBlock {
  private final int inner;
  private final Kernels kernels;
  private int capacity;
  private float[] gate = {}; // [tokens, inner]
  private float[] up = {}; // [tokens, inner]
  // Of the layer in progress.
  private final Matrix[] projections = new Matrix[2];
  private final float[][] results = new float[2][];

  /** A block of the width {@code inner} between its projections. */
  FeedForwardBlock(int inner, Kernels kernels) {
    this.inner = inner;
    this.kernels = kernels;
  }

  /**
   * One layer, or one expert of it.
   *
   * @param in [tokens, width], normalised
   * @param out [tokens, width]
   */
  void run(FeedForward.Dense w, float[] in, int tokens, float[] out, Runnable pause) {
    pause.run();
    if (tokens > capacity) {
      capacity = tokens;
      gate = new float[tokens * inner];
      up = new float[tokens * inner];
    }
    projections[0] = w.gate();
    projections[1] = w.up();
    results[0] = gate;
    results[1] = up;
    kernels.multiply(projections, in, tokens, results);
    pause.run();
    kernels.swiGlu(gate, up, tokens * inner);
    kernels.multiply(w.down(), gate, tokens, out);
  }
}
