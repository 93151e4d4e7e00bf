package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.Matrix;
import java.util.Arrays;

/**
 * A mixture of experts: {@code out = Σ p_e · expert_e(in)} over the most probable experts of each
 * token, where p is the softmax over all of them, plus {@code sigmoid(g·in) · shared(in)} where
 * there is a shared expert. (Qwen1.5-MoE 2024; Qwen3 Technical Report 2025 §2.)
 *
 * <p>Many tokens are grouped by expert, so that each expert's matrices are read once; one token's
 * experts are multiplied together, so that the threads get one large piece of work.
 */
final class ExpertsBlock {
  /** What llama.cpp keeps the sum of the chosen probabilities above: the smallest normal half. */
  private static final float LEAST_SUM = 0x1p-14f;

  private final ExpertsConfig config;
  private final int width;
  private final Kernels kernels;

  private int capacity;
  private float[] scores = {}; // [tokens, experts]: the router's logits, then probabilities
  private int[] chosen = {}; // [tokens, used]: experts, the most probable first
  private float[] weights = {}; // [tokens, used]: what each one's result is multiplied by
  private final int[] firstOf; // [experts + 1]: where each expert's tokens begin in members
  private int[] members = {}; // [tokens · used]: token · used + rank, grouped by expert
  private float[] gathered = {}; // [tokens, width]: the inputs of one expert
  private float[] part = {}; // [tokens, width]: what one expert makes of them
  private float[] sharedGate = {}; // [tokens]
  private final int[] next; // [experts]: where each expert's next token goes in members
  private final Matrix[] projections; // [2 · used]: of one token, all gates before all ups
  private final float[][] results; // [2 · used][inner]: what they make of it

  ExpertsBlock(ExpertsConfig config, int width, Kernels kernels) {
    this.config = config;
    this.width = width;
    this.kernels = kernels;
    this.firstOf = new int[config.count() + 1];
    this.next = new int[config.count()];
    this.projections = new Matrix[2 * config.used()];
    this.results = new float[2 * config.used()][config.inner()];
  }

  /**
   * One layer.
   *
   * @param in [tokens, width], normalised
   * @param out [tokens, width]
   */
  void run(FeedForward.Experts w, float[] in, int tokens, float[] out, Runnable pause) {
    pause.run();
    reserve(tokens);
    kernels.multiply(w.router(), in, tokens, scores);
    for (int t = 0; t < tokens; t++) {
      choose(t);
    }
    if (tokens == 1) {
      runOne(w, in, out);
    } else {
      runGrouped(w, in, tokens, out, pause);
    }
    if (w.shared() != null) {
      addShared(w.shared(), in, tokens, out, pause);
    }
  }

  /** The softmax of a token's scores, and its most probable experts. */
  private void choose(int token) {
    int at = token * config.count();
    softmax(scores, at, config.count());
    float sum = 0;
    for (int rank = 0; rank < config.used(); rank++) {
      int best = 0;
      for (int e = 1; e < config.count(); e++) {
        if (scores[at + e] > scores[at + best]) {
          best = e;
        }
      }
      int slot = token * config.used() + rank;
      chosen[slot] = best;
      weights[slot] = scores[at + best];
      sum += weights[slot];
      scores[at + best] = -1; // Taken: probabilities are not negative.
    }
    float factor = config.scale() / (config.renormalised() ? Math.max(sum, LEAST_SUM) : 1);
    for (int slot = token * config.used(); slot < (token + 1) * config.used(); slot++) {
      weights[slot] *= factor;
    }
    sortByExpert(token * config.used());
  }

  /** A token's experts add up in this order when several tokens are grouped by expert, too. */
  private void sortByExpert(int from) {
    for (int slot = from + 1; slot < from + config.used(); slot++) {
      int expert = chosen[slot];
      float weight = weights[slot];
      int to = slot;
      for (; to > from && chosen[to - 1] > expert; to--) {
        chosen[to] = chosen[to - 1];
        weights[to] = weights[to - 1];
      }
      chosen[to] = expert;
      weights[to] = weight;
    }
  }

  private static void softmax(float[] scores, int at, int n) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = at; i < at + n; i++) {
      max = Math.max(max, scores[i]);
    }
    double sum = 0;
    for (int i = at; i < at + n; i++) {
      double power = Math.exp(scores[i] - max);
      scores[i] = (float) power;
      sum += power;
    }
    for (int i = at; i < at + n; i++) {
      scores[i] = (float) (scores[i] / sum);
    }
  }

  private void runOne(FeedForward.Experts w, float[] in, float[] out) {
    int used = config.used();
    for (int rank = 0; rank < used; rank++) {
      FeedForward.Dense e = w.experts().get(chosen[rank]);
      projections[rank] = e.gate();
      projections[used + rank] = e.up();
    }
    kernels.multiply(projections, in, 1, results);
    Arrays.fill(out, 0, width, 0);
    for (int rank = 0; rank < used; rank++) {
      kernels.swiGlu(results[rank], results[used + rank], config.inner());
      kernels.multiply(w.experts().get(chosen[rank]).down(), results[rank], 1, part);
      addRow(weights[rank], part, 0, out, 0);
    }
  }

  private void runGrouped(
      FeedForward.Experts w, float[] in, int tokens, float[] out, Runnable pause) {
    groupByExpert(tokens);
    Arrays.fill(out, 0, tokens * width, 0);
    for (int e = 0; e < config.count(); e++) {
      int from = firstOf[e];
      int count = firstOf[e + 1] - from;
      if (count == 0) {
        continue;
      }
      for (int i = 0; i < count; i++) {
        int token = members[from + i] / config.used();
        System.arraycopy(in, token * width, gathered, i * width, width);
      }
      w.experts().get(e).run(kernels, gathered, count, part, pause);
      for (int i = 0; i < count; i++) {
        int slot = members[from + i];
        addRow(weights[slot], part, i * width, out, slot / config.used() * width);
      }
    }
  }

  /** A counting sort of all choices by expert. */
  private void groupByExpert(int tokens) {
    int slots = tokens * config.used();
    Arrays.fill(firstOf, 0);
    for (int slot = 0; slot < slots; slot++) {
      firstOf[chosen[slot] + 1]++;
    }
    for (int e = 0; e < config.count(); e++) {
      firstOf[e + 1] += firstOf[e];
    }
    System.arraycopy(firstOf, 0, next, 0, next.length);
    for (int slot = 0; slot < slots; slot++) {
      members[next[chosen[slot]]++] = slot;
    }
  }

  private void addShared(
      FeedForward.Shared w, float[] in, int tokens, float[] out, Runnable pause) {
    kernels.multiply(w.gate(), in, tokens, sharedGate);
    w.dense().run(kernels, in, tokens, part, pause);
    for (int t = 0; t < tokens; t++) {
      float weight = (float) (1 / (1 + Math.exp(-sharedGate[t])));
      addRow(weight, part, t * width, out, t * width);
    }
  }

  private void addRow(float weight, float[] row, int from, float[] out, int to) {
    for (int i = 0; i < width; i++) {
      out[to + i] += weight * row[from + i];
    }
  }

  private void reserve(int tokens) {
    if (tokens <= capacity) {
      return;
    }
    capacity = tokens;
    scores = new float[tokens * config.count()];
    chosen = new int[tokens * config.used()];
    weights = new float[tokens * config.used()];
    members = new int[tokens * config.used()];
    gathered = new float[tokens * width];
    part = new float[tokens * width];
    sharedGate = new float[tokens];
  }
}
