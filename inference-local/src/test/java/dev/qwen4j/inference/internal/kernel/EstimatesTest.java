package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Logits of which only the candidates are whole, against products that all are. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EstimatesTest {
  private final ScalarKernels scalar = new ScalarKernels("the oracle");
  // Estimates weights of 4 bits too, whichever this machine's processor wants.
  private final VectorKernels kernels = new VectorKernels(2, new PackedCopy(), 1, true);
  private static final int[] SMALL = {32, 96, 896, 1024, 2080};
  private static final int[] KS = {256, 1280, 2048};

  private Arena arena = Arena.ofShared();

  @BeforeAll
  void open() {
    arena = Arena.ofShared();
  }

  @AfterAll
  void close() {
    kernels.close();
    arena.close();
  }

  /** Some rows by tokens, and what they are to come to. */
  private final class Products {
    final Matrix output;
    final int rows;
    final float[] x;
    final int tokens;
    final float[] whole; // of activations as they are rounded
    final double norm;

    Products(TensorType type, int rows, int cols, int tokens) {
      RawMatrix raw = RandomWeights.of(arena, type, rows, cols, rows + cols);
      this.rows = rows;
      this.tokens = tokens;
      output = kernels.prepareOutput(raw);
      x = RandomWeights.floats(tokens * cols, tokens);
      whole = new float[tokens * rows];
      scalar.multiply(scalar.prepare(raw), rounded(x, cols), tokens, whole);
      double sum = 0;
      for (float product : whole) {
        sum += (double) product * product;
      }
      norm = Math.sqrt(sum / whole.length);
    }

    float[] logits(Candidates candidates) {
      float[] out = new float[whole.length];
      kernels.logits(output, x, tokens, candidates, out);
      return out;
    }

    /** A token's rows by their products, the largest first, as far as they may be chosen. */
    int[] ranking(float[] of, int token, int among) {
      return IntStream.range(0, among)
          .boxed()
          .sorted(Comparator.comparingDouble(row -> -of[token * rows + row]))
          .mapToInt(row -> row)
          .toArray();
    }

    boolean isWhole(float[] logits, int i) {
      return Math.abs(logits[i] - whole[i]) < 2e-5 * norm;
    }
  }

  private static float[] rounded(float[] x, int cols) {
    float[] back = new float[x.length];
    for (int from = 0; from < x.length; from += cols) {
      Activations a = new Activations();
      a.round(x, from, cols, EnumSet.of(Packing.NIBBLES));
      for (int i = 0; i < cols; i++) {
        back[from + i] = Memory.ALL.get(Lanes.SHORT, a.pairsAddress() + 2L * i) * a.scale[i / 32];
      }
    }
    return back;
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void allLogitsAreWholeWhenAllAreWanted(TensorType type) {
    for (int cols : type == TensorType.Q6_K ? KS : SMALL) {
      for (int rows : new int[] {1, 33, 1000}) {
        for (int tokens : new int[] {1, 4, VectorKernels.FEW}) {
          Products products = new Products(type, rows, cols, tokens);
          float[] logits = products.logits(Candidates.ALL);
          for (int i = 0; i < logits.length; i++) {
            assertThat((double) logits[i])
                .as("%s, %d x %d, %d tokens, element %d", type, rows, cols, tokens, i)
                .isEqualTo(products.whole[i], within(2e-5 * products.norm));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void theLargestAreWholeAndTheOthersBelowThem(TensorType type) {
    Products products = new Products(type, 30_000, 1024, 3);
    for (int count : new int[] {1, 20}) {
      float[] logits = products.logits(new Candidates(count, products.rows));
      for (int t = 0; t < products.tokens; t++) {
        int[] expected = products.ranking(products.whole, t, products.rows);
        int[] found = products.ranking(logits, t, products.rows);
        assertThat(Arrays.copyOf(found, count))
            .as("%s, token %d, the %d largest", type, t, count)
            .isEqualTo(Arrays.copyOf(expected, count));
        for (int i = 0; i < count; i++) {
          assertThat(products.isWhole(logits, t * products.rows + found[i])).isTrue();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void mostLogitsAreEstimatesCloseToTheWhole(TensorType type) {
    Products products = new Products(type, 30_000, 1024, 1);
    float[] logits = products.logits(new Candidates(1, products.rows));
    int whole = 0;
    double error = 0;
    for (int i = 0; i < logits.length; i++) {
      whole += products.isWhole(logits, i) ? 1 : 0;
      error += Math.pow(logits[i] - products.whole[i], 2);
    }
    assertThat(whole).isBetween(1, products.rows / 10);
    // Random bits as weights: what 4 of 8 leave open is a sixteenth of the whole, 2 of 4 a quarter,
    // and of Q6_K, where two blocks share the larger one's scale, a bit more.
    double part = type == TensorType.Q8_0 ? 1 / 16.0 : type == TensorType.Q4_0 ? 1 / 4.0 : 0.3;
    assertThat(Math.sqrt(error / products.rows) / products.norm).isBetween(0.7 * part, 1.2 * part);
  }

  /** In standard deviations as the kernels know them, of activations with and without outliers. */
  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void estimatesAreAsFarOffAsTheirVarianceSays(TensorType type) {
    RawMatrix raw = RandomWeights.of(arena, type, 20_000, 1024, 7);
    EstimatedMatrix w = (EstimatedMatrix) kernels.prepareOutput(raw);
    for (int outliers : new int[] {0, 3}) {
      float[] x = RandomWeights.floats(1024, 6);
      for (int i = 0; i < outliers; i++) {
        x[97 * i] *= 30;
      }
      Activations a = new Activations();
      a.round(x, 0, 1024, w.packings());
      w.prepare(a);
      Scratch scratch = new Scratch();
      float[] estimates = new float[w.groupRows()];
      double squares = 0;
      double most = 0;
      for (int row = 0; row < w.rows(); row++) {
        if (row % w.groupRows() == 0) {
          w.estimate(row / w.groupRows(), a, estimates);
        }
        float estimate = estimates[row % w.groupRows()];
        float spread = a.forms().spread * Memory.ALL.get(Lanes.FLOAT, w.spread(row));
        double off = (w.product(row, a, estimate, scratch) - estimate) / spread;
        squares += off * off;
        most = Math.max(most, Math.abs(off));
      }
      // Cauchy and Schwarz are generous where a few blocks have all the variance, and a little so
      // where blocks differ in it, as random ones of Q6_K do.
      double least = outliers > 0 ? 0.4 : type == TensorType.Q6_K ? 0.8 : 0.9;
      assertThat(Math.sqrt(squares / w.rows()))
          .as("%s, %d outliers", type, outliers)
          .isBetween(least, 1.02);
      assertThat(most).isLessThan(5);
    }
  }

  /**
   * What an estimate lacks goes with the weights in part, and so with a token that is like them.
   */
  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void aRowThatTheTokenIsLikeIsNotUnderestimated(TensorType type) {
    RawMatrix raw = RandomWeights.of(arena, type, 300, 1024, 7);
    EstimatedMatrix w = (EstimatedMatrix) kernels.prepareOutput(raw);
    float[] noise = RandomWeights.floats(300 * 1024, 6);
    double sum = 0;
    for (int row = 0; row < w.rows(); row++) {
      float[] x = new float[1024];
      w.dequantizeRow(row, x, 0);
      double size = Math.sqrt(RowDots.dot(x, 0, x, 0, 1024));
      double others = Math.sqrt(RowDots.dot(noise, row * 1024, noise, row * 1024, 1024));
      for (int i = 0; i < x.length; i++) { // a logit as large as six of all others' deviations
        x[i] = (float) (6 / 32.0 * x[i] / size + noise[row * 1024 + i] / others);
      }
      Activations a = new Activations();
      a.round(x, 0, 1024, w.packings());
      w.prepare(a);
      float[] estimates = new float[w.groupRows()];
      w.estimate(row / w.groupRows(), a, estimates);
      float estimate = estimates[row % w.groupRows()];
      float spread = a.forms().spread * Memory.ALL.get(Lanes.FLOAT, w.spread(row));
      sum += (w.product(row, a, estimate, new Scratch()) - estimate) / spread;
    }
    assertThat(sum / w.rows()).isBetween(-0.5, 0.5);
  }

  /** The rows beyond the tokenizer's ids may hold anything. */
  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void rowsThatMayNotBeChosenTakeNoCandidatesPlace(TensorType type) {
    Products products = new Products(type, 20_000, 256, 1);
    int[] best = products.ranking(products.whole, 0, products.rows);
    int among = best[0]; // The largest logit of all is the first that may not be chosen.
    assertThat(among).isGreaterThan(100);
    for (int count : new int[] {1, 5}) {
      float[] logits = products.logits(new Candidates(count, among));
      int[] expected = products.ranking(products.whole, 0, among);
      int[] found = products.ranking(logits, 0, among);
      assertThat(Arrays.copyOf(found, count)).isEqualTo(Arrays.copyOf(expected, count));
      assertThat(products.isWhole(logits, found[count - 1])).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void moreCandidatesThanThereAreChunksOrRowsAreAllOfThem(TensorType type) {
    Products products = new Products(type, 2000, 256, 1);
    int[] best = products.ranking(products.whole, 0, products.rows);
    for (int count : new int[] {100, 5000}) {
      float[] logits = products.logits(new Candidates(count, products.rows));
      for (int i = 0; i < Math.min(count, products.rows); i++) {
        assertThat(products.isWhole(logits, best[i])).as("%s, rank %d", type, i).isTrue();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void manyTokensAndExactOnesMultiplyActivationsAsTheyAre(TensorType type) {
    for (boolean exact : new boolean[] {false, true}) {
      int tokens = exact ? 2 : VectorKernels.FEW + 1;
      Products products = new Products(type, 300, 256, tokens);
      float[] expected = new float[products.whole.length];
      scalar.multiply(products.output, products.x, tokens, expected);
      kernels.exact(exact);
      float[] logits = products.logits(new Candidates(1, products.rows));
      kernels.exact(false);
      for (int i = 0; i < logits.length; i++) {
        assertThat((double) logits[i]).isEqualTo(expected[i], within(2e-5 * products.norm));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void dequantizedRowsAreTheOracles(TensorType type) {
    RawMatrix raw = RandomWeights.of(arena, type, 200, 1280, 3);
    Matrix output = kernels.prepareOutput(raw);
    assertThat(output).isInstanceOf(EstimatedMatrix.class);
    float[] expected = new float[1280];
    float[] actual = new float[1280];
    for (int r = 0; r < 200; r++) {
      scalar.prepare(raw).dequantizeRow(r, expected, 0);
      output.dequantizeRow(r, actual, 0);
      for (int k = 0; k < 1280; k++) {
        assertThat(actual[k] + 0f).isEqualTo(expected[k] + 0f);
      }
    }
  }

  @Test
  void aTokenOfZerosHasLogitsOfZero() {
    for (TensorType type : List.of(TensorType.Q8_0, TensorType.Q4_0, TensorType.Q6_K)) {
      Matrix output = kernels.prepareOutput(RandomWeights.of(arena, type, 500, 256, 1));
      float[] out = new float[500];
      Arrays.fill(out, 1);
      kernels.logits(output, new float[256], 1, new Candidates(1, 500), out);
      assertThat(out).containsOnly(0);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void activationsOfAnySizeAreMultiplied(TensorType type) {
    RawMatrix raw = RandomWeights.of(arena, type, 500, 256, 1);
    Matrix output = kernels.prepareOutput(raw);
    float[] x = RandomWeights.floats(256, 2);
    float[] expected = new float[500];
    kernels.logits(output, x, 1, Candidates.ALL, expected);
    float tolerance = type == TensorType.Q6_K ? 1e-2f : 1e-4f; // of hundreds and of ones
    for (float factor : new float[] {0x1p-40f, 0x1p24f}) {
      float[] scaled = new float[256];
      float[] out = new float[500];
      for (int i = 0; i < 256; i++) {
        scaled[i] = x[i] * factor;
      }
      kernels.logits(output, scaled, 1, new Candidates(1, 500), out);
      int best = 0;
      for (int r = 0; r < 500; r++) {
        best = out[r] > out[best] ? r : best;
      }
      assertThat(out[best]).isEqualTo(expected[best] * factor, within(factor * tolerance));
      kernels.logits(output, scaled, 1, Candidates.ALL, out);
      for (int r = 0; r < 500; r++) {
        assertThat(out[r]).isEqualTo(expected[r] * factor, within(factor * tolerance));
      }
    }
  }

  @Test
  void otherTypesAreMultipliedWhole() {
    RawMatrix raw = RandomWeights.of(arena, TensorType.Q4_K, 100, 256, 1);
    float[] x = RandomWeights.floats(256, 2);
    float[] expected = new float[100];
    float[] actual = new float[100];
    kernels.multiply(kernels.prepare(raw), x, 1, expected);
    kernels.logits(kernels.prepareOutput(raw), x, 1, new Candidates(1, 100), actual);
    assertThat(actual).isEqualTo(expected);
  }

  @Test
  void whatIsRightForTwoIsTheMoreOfThem() {
    assertThat(new Candidates(1, 50).and(new Candidates(20, 40))).isEqualTo(new Candidates(20, 40));
    assertThat(new Candidates(1, 50).and(Candidates.ALL).count()).isEqualTo(Integer.MAX_VALUE);
  }
}
