package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The largest of an output matrix's products, without reading all of the matrix: a small model
 * spends a quarter of a token's time on the logits of words that nobody would choose.
 *
 * <p>The upper bits of a row's weights give an estimate. What is missing is a sum over the rest of
 * them, which is as good as random: its variance is known, and it exceeds {@code DEVIATIONS}
 * standard deviations, as a sum of many numbers, with a probability of 3.4e-6. So only rows whose
 * estimate is that close to the largest logits are worth the rest of their bits; their products are
 * right, all others are estimates. What it takes for a wrong choice is such a deviation of the very
 * row that would have won. (That row is like the token: an estimate must not lack what goes with
 * the weights, see {@link Sketch}.)
 *
 * <p>Of each chunk of rows the largest estimate is noted, and of the largest of these the products
 * are computed. The {@code count}-th largest of them is what a candidate must be able to reach:
 * there are as many products that large.
 *
 * <p>A row's variance is {@code Σ scale² · variance} over its blocks, where the second factor is
 * the token's. By Cauchy and Schwarz it is at most the product of the two factors' norms, of which
 * each row has one and each token one.
 */
final class Estimates {
  private static final float DEVIATIONS = 4.5f;

  /** So many times the {@code count} of products are computed, for the order is not theirs. */
  private static final int TIMES = 4;

  // The operands of the call in progress, but for the matrix.
  private int tokens;
  private int chunks;
  private int among;
  private boolean all;
  private int count;
  private float[] out = new float[0]; // [tokens, rows]

  private float[] best = new float[0]; // [tokens, chunks]: the largest estimates
  private int[] rowOfBest = new int[0]; // [tokens, chunks]
  private float[] least = new float[0]; // [tokens]: the products that candidates must reach
  private float[] sorted = new float[0]; // [chunks]

  /**
   * Begins with the products of some tokens in so many chunks of rows: {@link #estimate} is to be
   * called for each chunk, then {@link #choose}, then {@link #complete} for each chunk.
   *
   * @param out [tokens, rows]
   */
  void begin(int tokens, int chunks, Candidates candidates, float[] out) {
    this.tokens = tokens;
    this.chunks = chunks;
    this.among = candidates.among();
    this.count = candidates.count();
    this.all = candidates.count() > chunks;
    this.out = out;
    if (best.length < tokens * chunks || sorted.length < chunks || least.length < tokens) {
      best = new float[tokens * chunks];
      rowOfBest = new int[tokens * chunks];
      least = new float[tokens];
      sorted = new float[chunks];
    }
  }

  private int firstGroup(EstimatedMatrix w, int chunk) {
    return (int) ((long) w.groups() * chunk / chunks);
  }

  private int firstRow(EstimatedMatrix w, int chunk) {
    return Math.min(firstGroup(w, chunk) * w.groupRows(), w.rows());
  }

  /** Estimates a chunk's products with the tokens {@code x}. */
  void estimate(EstimatedMatrix w, int chunk, Activations[] x, Scratch scratch) {
    if (all && !w.productsNeedEstimates()) {
      return;
    }
    int groupRows = w.groupRows();
    float[] group = scratch.sums(groupRows);
    int from = firstRow(w, chunk);
    int to = Math.min(firstRow(w, chunk + 1), among);
    for (int t = 0; t < tokens; t++) {
      int at = t * w.rows();
      for (int g = firstGroup(w, chunk); g < firstGroup(w, chunk + 1); g++) {
        w.estimate(g, x[t], group);
        int row = g * groupRows;
        System.arraycopy(group, 0, out, at + row, Math.min(groupRows, w.rows() - row));
      }
      int row = largest(out, at + from, at + to) - at;
      best[t * chunks + chunk] = row < from ? Float.NEGATIVE_INFINITY : out[at + row];
      rowOfBest[t * chunks + chunk] = row;
    }
  }

  /** Where the largest value is; before {@code from} if there is none. */
  private static int largest(float[] values, int from, int to) {
    FloatVector most = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    int i = from;
    for (; i + L <= to; i += L) {
      most = most.max(FloatVector.fromArray(F, values, i));
    }
    float largest = most.reduceLanes(MAX);
    for (; i < to; i++) {
      largest = Math.max(largest, values[i]);
    }
    int at = from;
    while (at + L <= to && !FloatVector.fromArray(F, values, at).eq(largest).anyTrue()) {
      at += L;
    }
    while (at < to && values[at] != largest) {
      at++;
    }
    return at < to ? at : from - 1;
  }

  /** Finds what it takes to be a candidate. */
  void choose(EstimatedMatrix w, Activations[] x, Scratch scratch) {
    for (int t = 0; t < tokens; t++) {
      least[t] = all ? Float.NEGATIVE_INFINITY : least(w, x[t], t * chunks, scratch);
    }
  }

  /** The {@code count}-th largest of the products that belong to the largest estimates. */
  private float least(EstimatedMatrix w, Activations x, int from, Scratch scratch) {
    System.arraycopy(best, from, sorted, 0, chunks);
    Arrays.sort(sorted, 0, chunks);
    float estimate = sorted[Math.max(0, chunks - TIMES * count)];
    int products = 0;
    for (int c = from; c < from + chunks; c++) {
      if (best[c] >= estimate && best[c] > Float.NEGATIVE_INFINITY) {
        sorted[products++] = w.product(rowOfBest[c], x, best[c], scratch);
      }
    }
    Arrays.sort(sorted, 0, products);
    return products < count ? Float.NEGATIVE_INFINITY : sorted[products - count];
  }

  /** Makes products of a chunk's estimates, where they are candidates. */
  void complete(EstimatedMatrix w, int chunk, Activations[] x, Scratch scratch) {
    int from = firstRow(w, chunk);
    int to = firstRow(w, chunk + 1);
    for (int t = 0; t < tokens; t++) {
      int at = t * w.rows();
      if (least[t] == Float.NEGATIVE_INFINITY) {
        w.products(from, to, x[t], scratch, out, at);
        continue;
      }
      float reach = DEVIATIONS * x[t].forms().spread;
      for (int row = from; row < to; row += L) {
        int n = Math.min(L, to - row);
        long candidates = candidates(w, row, n, reach, least[t], at + row);
        for (; candidates != 0; candidates &= candidates - 1) {
          int r = row + Long.numberOfTrailingZeros(candidates);
          out[at + r] = w.product(r, x[t], out[at + r], scratch);
        }
      }
    }
  }

  /** Which of {@code n} rows can be as large as {@code least}, as bits. */
  private long candidates(EstimatedMatrix w, int row, int n, float reach, float least, int at) {
    long spread = w.spread(row) & Memory.MASK;
    if (n == L) {
      return FloatVector.fromMemorySegment(F, ALL, spread, LE)
          .fma(FloatVector.broadcast(F, reach), FloatVector.fromArray(F, out, at))
          .compare(GE, least)
          .toLong();
    }
    long bits = 0;
    for (int i = 0; i < n; i++) {
      float highest = ALL.get(FLOAT, spread + 4L * i) * reach + out[at + i];
      bits |= highest >= least ? 1L << i : 0;
    }
    return bits;
  }

  /** Instead of all that, a chunk's products with activations as they are: [tokens, cols]. */
  void multiply(EstimatedMatrix w, int chunk, float[] x, Scratch scratch) {
    int cols = w.cols();
    float[] row = scratch.row(cols);
    for (int r = firstRow(w, chunk); r < firstRow(w, chunk + 1); r++) {
      w.dequantizeRow(r, row, 0);
      for (int t = 0; t < tokens; t++) {
        out[t * w.rows() + r] = RowDots.dot(row, 0, x, t * cols, cols);
      }
    }
  }
}
