package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.Matrix;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The weights of a layer's second half. */
sealed interface FeedForward {
  /**
   * A layer of a mixture, whose layers may be dense one by one: the tensors say which.
   *
   * @param inner width between the projections of a dense one
   */
  static FeedForward read(
      TensorReader tensors, String layer, int width, int inner, ExpertsConfig experts) {
    return isDense(tensors, layer)
        ? Dense.read(tensors, layer, ".weight", width, inner)
        : Experts.read(tensors, layer, width, experts);
  }

  /** Width between the projections of the dense layers in a mixture, 0 where there are none. */
  static int denseInner(ConfigReader in, TensorReader tensors, int layers) {
    return IntStream.range(0, layers).anyMatch(l -> isDense(tensors, "blk." + l + "."))
        ? in.width("feed_forward_length")
        : 0;
  }

  private static boolean isDense(TensorReader tensors, String layer) {
    return tensors.has(layer + "ffn_gate.weight");
  }

  /**
   * SwiGLU: {@link Kernels#feedForward}.
   *
   * @param gate inner x width
   * @param up inner x width
   * @param down width x inner
   */
  record Dense(Matrix gate, Matrix up, Matrix down) implements FeedForward {
    static Dense read(TensorReader tensors, String layer, String suffix, int width, int inner) {
      return new Dense(
          tensors.matrix(layer + "ffn_gate" + suffix, inner, width),
          tensors.matrix(layer + "ffn_up" + suffix, inner, width),
          tensors.matrix(layer + "ffn_down" + suffix, width, inner));
    }

    /**
     * One layer, or one expert of it.
     *
     * @param in [tokens, width], normalised
     * @param out [tokens, width]
     */
    void run(Kernels kernels, float[] in, int tokens, float[] out, Runnable pause) {
      pause.run();
      kernels.feedForward(gate, up, down, in, tokens, out, pause);
    }
  }

  /**
   * A mixture of experts.
   *
   * @param router experts x width
   * @param shared what every token passes through besides, where there is one
   */
  record Experts(Matrix router, List<Dense> experts, @Nullable Shared shared)
      implements FeedForward {
    static Experts read(TensorReader tensors, String layer, int width, ExpertsConfig config) {
      int inner = config.inner();
      List<Matrix> gates = new ArrayList<>();
      List<Matrix> ups = new ArrayList<>();
      if (tensors.has(layer + "ffn_gate_up_exps.weight")) {
        String fused = layer + "ffn_gate_up_exps.weight";
        for (Matrix[] pair :
            tensors.experts(fused, config.count(), new int[] {inner, inner}, width)) {
          gates.add(pair[0]);
          ups.add(pair[1]);
        }
      } else {
        gates = tensors.experts(layer + "ffn_gate_exps.weight", config.count(), inner, width);
        ups = tensors.experts(layer + "ffn_up_exps.weight", config.count(), inner, width);
      }
      List<Matrix> downs =
          tensors.experts(layer + "ffn_down_exps.weight", config.count(), width, inner);
      List<Dense> experts = new ArrayList<>();
      for (int e = 0; e < config.count(); e++) {
        experts.add(new Dense(gates.get(e), ups.get(e), downs.get(e)));
      }
      return new Experts(
          tensors.matrix(layer + "ffn_gate_inp.weight", config.count(), width),
          experts,
          config.sharedInner() == 0 ? null : Shared.read(tensors, layer, width, config));
    }
  }

  /**
   * The shared expert, weighted by {@code sigmoid(gate·x)}.
   *
   * @param gate 1 x width
   */
  record Shared(Dense dense, Matrix gate) {
    static Shared read(TensorReader tensors, String layer, int width, ExpertsConfig config) {
      return new Shared(
          Dense.read(tensors, layer, "_shexp.weight", width, config.sharedInner()),
          tensors.matrix(layer + "ffn_gate_inp_shexp.weight", 1, width));
    }
  }
}
