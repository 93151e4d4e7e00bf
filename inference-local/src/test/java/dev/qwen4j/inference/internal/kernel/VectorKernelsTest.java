package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every operation against its scalar twin, over sizes that are a multiple of nothing handy. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class VectorKernelsTest {
  private final ScalarKernels scalar = new ScalarKernels("the oracle");
  private final VectorKernels vector = new VectorKernels(2);
  // With one stream of memory and with several, many tokens in integers where that goes and in
  // floating point, whichever this machine's processor wants.
  private final VectorKernels alone = new VectorKernels(1, new PackedCopy(), 1, true);
  private final VectorKernels crowd = new VectorKernels(5, new PackedCopy(), 4, false);
  private Arena arena = Arena.ofShared();

  @BeforeAll
  void open() {
    arena = Arena.ofShared();
  }

  @AfterAll
  void close() {
    vector.close();
    alone.close();
    crowd.close();
    arena.close();
  }

  private static int[] widths(TensorType type) {
    return type.blockElements() == 256
        ? new int[] {256, 512, 1280, 4864}
        : new int[] {32, 64, 96, 896, 1120, 4864};
  }

  @ParameterizedTest
  @EnumSource(TensorType.class)
  void productsEqualTheScalarOnesForEveryTypeAndAwkwardSize(TensorType type) {
    for (int cols : widths(type)) {
      for (int rows : cols > 1000 ? new int[] {7, 49} : new int[] {1, 3, 8, 33, 1000}) {
        Matrix w = vector.prepare(RandomWeights.of(arena, type, rows, cols, cols + rows));
        for (int tokens : rows == 1000 ? new int[] {1, 7} : new int[] {1, 2, 5, 8, 9, 17, 65}) {
          checkProduct(type, w, tokens);
        }
      }
    }
  }

  private void checkProduct(TensorType type, Matrix w, int tokens) {
    int cols = w.cols();
    float[] x = RandomWeights.floats(tokens * cols, tokens);
    float[] asTheyAre = new float[tokens * w.rows()];
    float[] ofRounded = new float[tokens * w.rows()];
    scalar.multiply(new Matrix[] {w}, x, tokens, new float[][] {asTheyAre});
    scalar.multiply(new Matrix[] {w}, rounded(x, cols), tokens, new float[][] {ofRounded});
    // Rows of K blocks reach values of some hundreds: errors grow with the norms.
    double norm = Math.sqrt(cols) * typicalWeight(w);
    for (VectorKernels kernels : List.of(vector, alone, crowd)) {
      float[] expected = kernels.rounds(type, tokens) ? ofRounded : asTheyAre;
      float[] actual = new float[expected.length];
      kernels.multiply(w, x, tokens, actual);
      assertClose(
          "%s, %d x %d, %d tokens".formatted(type, w.rows(), cols, tokens),
          actual,
          expected,
          2e-5 * norm);
    }
  }

  private static void assertClose(String what, float[] actual, float[] expected, double tolerance) {
    int worst = 0;
    for (int i = 0; i < expected.length; i++) {
      if (Float.isNaN(actual[i])) {
        worst = i;
        break;
      }
      if (Math.abs(actual[i] - expected[i]) > Math.abs(actual[worst] - expected[worst])) {
        worst = i;
      }
    }
    assertThat((double) actual[worst])
        .as("%s, element %d", what, worst)
        .isEqualTo(expected[worst], within(tolerance));
  }

  @ParameterizedTest
  @EnumSource
  void eachOfAFewTokensIsMultipliedAsIfItWereAlone(TensorType type) {
    for (int cols : type.blockElements() == 256 ? new int[] {256, 1280} : new int[] {96, 1120}) {
      for (int rows : new int[] {1, 50}) {
        Matrix w = vector.prepare(RandomWeights.of(arena, type, rows, cols, cols));
        for (int tokens : new int[] {2, 4, 7, VectorKernels.FEW}) {
          float[] x = RandomWeights.floats(tokens * cols, tokens);
          float[] together = new float[tokens * rows];
          vector.multiply(w, x, tokens, together);
          for (int t = 0; t < tokens; t++) {
            float[] alone = new float[rows];
            vector.multiply(w, Arrays.copyOfRange(x, t * cols, (t + 1) * cols), 1, alone);
            assertThat(Arrays.copyOfRange(together, t * rows, (t + 1) * rows))
                .as("%s, %d x %d, token %d of %d", type, rows, cols, t, tokens)
                .isEqualTo(alone);
          }
        }
      }
    }
  }

  private static double typicalWeight(Matrix w) {
    float[] row = new float[w.cols()];
    double sum = 0;
    for (int r = 0; r < Math.min(3, w.rows()); r++) {
      w.dequantizeRow(r, row, 0);
      for (float value : row) {
        sum += (double) value * value;
      }
    }
    return Math.sqrt(sum / (row.length * Math.min(3.0, w.rows())));
  }

  private static float[] rounded(float[] x, int cols) {
    float[] back = new float[x.length];
    for (int from = 0; from < x.length; from += cols) {
      Activations a = new Activations();
      a.round(x, from, cols, EnumSet.allOf(Packing.class));
      for (int i = 0; i < cols; i++) {
        back[from + i] = quantized(a, i) * a.scale[i / 32];
      }
    }
    return back;
  }

  private static int quantized(Activations a, int i) {
    return Memory.ALL.get(Lanes.SHORT, a.pairsAddress() + 2L * i);
  }

  @Test
  void roundedActivationsAreWithinHalfAStepAndCarryTheirSums() {
    float[] x = RandomWeights.floats(896, 3);
    for (int i = 64; i < 96; i++) {
      x[i] = 0;
    }
    Activations a = new Activations();
    a.round(x, 0, 896, EnumSet.allOf(Packing.class));
    for (int b = 0; b < 28; b++) {
      float max = 0;
      int sum = 0;
      for (int i = b * 32; i < b * 32 + 32; i++) {
        max = Math.max(max, Math.abs(x[i]));
        int q = quantized(a, i);
        sum += q;
        assertThat(Math.abs(q)).isLessThanOrEqualTo(127);
        assertThat(q * a.scale[b]).isEqualTo(x[i], within(a.scale[b] * 0.5001f));
      }
      assertThat(a.scale[b]).isEqualTo(max / 127);
      assertThat(a.sum[b]).isEqualTo(sum * a.scale[b], within(1e-5f));
    }
  }

  @ParameterizedTest
  @EnumSource(TensorType.class)
  void dequantizedRowsEqualTheOraclesButForTheSignOfZeros(TensorType type) {
    RawMatrix raw = RandomWeights.of(arena, type, 5, 512, 11);
    float[] expected = new float[512];
    float[] actual = new float[513];
    for (int r = 0; r < 5; r++) {
      scalar.prepare(raw).dequantizeRow(r, expected, 0);
      vector.prepare(raw).dequantizeRow(r, actual, 1);
      for (int i = 0; i < 512; i++) {
        assertThat(actual[i + 1] + 0f).isEqualTo(expected[i] + 0f);
      }
    }
  }

  @Test
  void halvesThatAreSubnormalOrNegativeZeroMultiplyExactly() {
    MemorySegment data = arena.allocate(128, 64);
    for (int i = 0; i < 64; i++) {
      data.set(Lanes.SHORT, 2L * i, (short) (i % 2 == 0 ? i + 1 : 0x8000 | (i + 1)));
    }
    Matrix w = vector.prepare(new RawMatrix(TensorType.F16, 1, 64, data));
    float[] x = RandomWeights.floats(64, 5);
    float[] expected = new float[1];
    float[] actual = new float[1];
    scalar.multiply(w, x, 1, expected);
    vector.multiply(w, x, 1, actual);
    assertThat(actual[0]).isEqualTo(expected[0], within(Math.abs(expected[0]) * 1e-5f));
    assertThat(expected[0]).isNotZero();
  }

  /** One block for each of the finite halves, which a packed matrix makes floats on the way. */
  @Test
  void everyHalfIsAScaleThatDequantisesToTheBit() {
    int blocks = 2 * 0x7C00;
    int rows = blocks / 32;
    RawMatrix raw = RandomWeights.of(arena, TensorType.Q4_0, rows, 32 * 32, 17);
    for (int b = 0; b < blocks; b++) {
      int half = b < 0x7C00 ? b : 0x8000 | (b - 0x7C00);
      raw.data().set(Lanes.SHORT, 18L * b, (short) half);
    }
    Matrix packed = vector.prepare(raw);
    float[] expected = new float[32 * 32];
    float[] actual = new float[32 * 32];
    for (int r = 0; r < rows; r++) {
      scalar.prepare(raw).dequantizeRow(r, expected, 0);
      packed.dequantizeRow(r, actual, 0);
      for (int i = 0; i < actual.length; i++) {
        actual[i] += 0f; // Zeros may differ in their sign.
        expected[i] += 0f;
      }
      assertThat(actual).isEqualTo(expected);
    }
  }

  @Test
  void severalMatricesOfDifferentTypesAreMultipliedInOneGo() {
    TensorType[] types = {TensorType.Q5_0, TensorType.Q4_0, TensorType.F16, TensorType.Q4_1};
    for (int tokens : new int[] {1, 3, 20}) {
      Matrix[] ws = new Matrix[types.length];
      float[][] outs = new float[types.length][];
      float[] x = RandomWeights.floats(tokens * 896, 1);
      for (int i = 0; i < types.length; i++) {
        ws[i] = vector.prepare(RandomWeights.of(arena, types[i], 100 + 31 * i, 896, i));
        outs[i] = new float[tokens * ws[i].rows()];
      }
      vector.multiply(ws, x, tokens, outs);
      for (int i = 0; i < types.length; i++) {
        float[] one = new float[outs[i].length];
        vector.multiply(ws[i], x, tokens, one);
        assertThat(outs[i]).as(types[i].toString()).isEqualTo(one);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q4_K", "Q6_K", "F32"})
  void feedForwardsEqualTheScalarOnes(TensorType type) {
    int width = 256;
    int inner = 512;
    Matrix gate = vector.prepare(RandomWeights.of(arena, type, inner, width, 1));
    Matrix up = vector.prepare(RandomWeights.of(arena, TensorType.F16, inner, width, 2));
    Matrix down = vector.prepare(RandomWeights.of(arena, type, 70, inner, 3));
    for (int tokens : new int[] {1, 7, VectorKernels.FEW + 1, 33, 50, 65}) {
      float[] x = RandomWeights.floats(tokens * width, tokens);
      for (int i = 0; i < x.length; i++) {
        x[i] /= (float) (Math.sqrt(width) * typicalWeight(gate)); // Where silu is no straight line.
      }
      float[] expected = new float[tokens * 70];
      scalar.feedForward(gate, up, down, x, tokens, expected, () -> {});
      double norm = Math.sqrt(sumOfSquares(expected) / expected.length);
      for (VectorKernels kernels : List.of(vector, alone, crowd)) {
        for (boolean exact : new boolean[] {false, true}) {
          float[] actual = new float[expected.length];
          kernels.exact(exact);
          kernels.feedForward(gate, up, down, x, tokens, actual, () -> {});
          kernels.exact(false);
          assertClose(
              "%s, %d tokens, exact: %s".formatted(type, tokens, exact),
              actual,
              expected,
              (kernels.rounds(type, tokens) && !exact ? 0.08 : 1e-5) * norm);
        }
      }
    }
  }

  @Test
  void feedForwardsEndWhenThePauseWantsThatAndCanBeTriedAgain() {
    Matrix square = vector.prepare(RandomWeights.of(arena, TensorType.Q8_0, 64, 64, 1));
    for (int tokens : new int[] {1, 20}) {
      float[] x = RandomWeights.floats(tokens * 64, 2);
      float[] expected = new float[tokens * 64];
      vector.feedForward(square, square, square, x, tokens, expected, () -> {});
      float[] actual = new float[tokens * 64];
      assertThatThrownBy(
              () ->
                  vector.feedForward(
                      square,
                      square,
                      square,
                      x,
                      tokens,
                      actual,
                      () -> {
                        throw new IllegalStateException("enough");
                      }))
          .hasMessage("enough");
      assertThat(actual).containsOnly(0);
      vector.feedForward(square, square, square, x, tokens, actual, () -> {});
      assertThat(actual).isEqualTo(expected);
    }
  }

  private static double sumOfSquares(float[] x) {
    double sum = 0;
    for (float v : x) {
      sum += (double) v * v;
    }
    return sum;
  }

  record Shape(int heads, int kvHeads, int headDim, int position, int tokens) {}

  static List<Shape> shapes() {
    List<Shape> all = new ArrayList<>();
    for (int group = 1; group <= 8; group++) {
      int headDim = new int[] {32, 64, 128, 256}[group % 4];
      for (int position : new int[] {0, 1, 37, 300}) {
        for (int tokens : new int[] {1, 2, 5, 33, 130}) {
          all.add(new Shape(2 * group, 2, headDim, position, tokens));
        }
      }
    }
    all.add(new Shape(4, 4, 16, 5, 3));
    all.add(new Shape(4, 4, 16, 5, 1));
    all.add(new Shape(3, 3, 20, 999, 1));
    all.add(new Shape(3, 1, 20, 99, 7));
    all.add(new Shape(2, 1, Tiles.COLUMNS + 16, 3, 7)); // a head wider than a tile's row
    return all;
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void attentionEqualsTheScalarOne(Shape s) {
    KvLayer kv = new KvLayer(s.kvHeads, s.headDim, 2048);
    int all = s.position + s.tokens;
    kv.write(
        0,
        all,
        RandomWeights.floats(all * s.kvHeads * s.headDim, 1),
        RandomWeights.floats(all * s.kvHeads * s.headDim, 2),
        0);
    float[] q = RandomWeights.floats(s.tokens * s.heads * s.headDim, 3);
    float scale = (float) (3 / Math.sqrt(s.headDim));
    float[] expected = new float[q.length];
    List<KvSpan> spans = List.of(new KvSpan(kv, s.position, s.tokens));
    scalar.attention(q, spans, s.heads, scale, expected);
    for (VectorKernels kernels : List.of(vector, alone, crowd)) {
      float[] actual = new float[q.length];
      kernels.attention(q, spans, s.heads, scale, actual);
      assertClose(s.toString(), actual, expected, 3e-5);
    }
  }

  /** Replies side by side: one token each, behind few positions and many, a draft, two prompts. */
  @Test
  void eachOfSomeSequencesAttendsAsIfItWereAlone() {
    int heads = 6;
    int kvHeads = 2;
    int headDim = 64;
    int[] positions = {0, 300, 37, 999, 5, 64};
    int[] tokens = {1, 1, 3, 1, 33, 130};
    int all = Arrays.stream(tokens).sum();
    float[] q = RandomWeights.floats(all * heads * headDim, 1);
    float[] k = RandomWeights.floats(all * kvHeads * headDim, 2);
    float[] v = RandomWeights.floats(all * kvHeads * headDim, 3);
    for (Kernels kernels : List.of(scalar, vector, alone, crowd)) {
      List<KvSpan> spans = new ArrayList<>();
      for (int i = 0; i < tokens.length; i++) {
        spans.add(new KvSpan(started(kvHeads, headDim, positions[i]), positions[i], tokens[i]));
      }
      float[] together = new float[q.length];
      kernels.write(spans, k, v);
      kernels.attention(q, spans, heads, 0.3f, together);
      int row = 0;
      for (KvSpan span : spans) {
        int to = row + span.tokens();
        List<KvSpan> one =
            List.of(
                new KvSpan(
                    started(kvHeads, headDim, span.position()), span.position(), span.tokens()));
        float[] alone = new float[span.tokens() * heads * headDim];
        kernels.write(
            one, rows(k, row, to, kvHeads * headDim), rows(v, row, to, kvHeads * headDim));
        kernels.attention(rows(q, row, to, heads * headDim), one, heads, 0.3f, alone);
        assertThat(rows(together, row, to, heads * headDim))
            .as("%s, row %d", kernels.description(), row)
            .isEqualTo(alone);
        row = to;
      }
    }
  }

  /** A sequence of so many positions. */
  private static KvLayer started(int kvHeads, int headDim, int positions) {
    KvLayer kv = new KvLayer(kvHeads, headDim, 2048);
    float[] x = RandomWeights.floats(positions * kvHeads * headDim, positions + 7);
    kv.write(0, positions, x, x, 0);
    return kv;
  }

  private static float[] rows(float[] x, int from, int to, int width) {
    return Arrays.copyOfRange(x, from * width, to * width);
  }

  @Test
  void attentionSurvivesScoresFarApart() {
    KvLayer kv = new KvLayer(1, 32, 64);
    float[] k = RandomWeights.floats(64 * 32, 1);
    kv.write(0, 64, k, RandomWeights.floats(64 * 32, 2), 0);
    for (int tokens : new int[] {1, 8}) {
      float[] q = RandomWeights.floats(tokens * 32, 3);
      float[] expected = new float[q.length];
      float[] actual = new float[q.length];
      List<KvSpan> spans = List.of(new KvSpan(kv, 64 - tokens, tokens));
      scalar.attention(q, spans, 1, 1e4f, expected);
      vector.attention(q, spans, 1, 1e4f, actual);
      assertClose(tokens + " tokens", actual, expected, 1e-3);
    }
  }

  @Test
  void normsEqualTheScalarOnesInPlaceToo() {
    for (int width : new int[] {1, 20, 32, 64, 128, 896, 1024}) {
      for (int rows : new int[] {1, 3, 65}) {
        float[] x = RandomWeights.floats(rows * width, width);
        float[] weight = RandomWeights.floats(width, 2);
        float[] expected = new float[x.length];
        scalar.rmsNorm(x, rows, width, weight, 1e-6f, expected);
        vector.rmsNorm(x, rows, width, weight, 1e-6f, x);
        for (int i = 0; i < x.length; i++) {
          assertThat(x[i]).isEqualTo(expected[i], within(1e-5f * (1 + Math.abs(expected[i]))));
        }
      }
    }
  }

  @Test
  void swiGluAndAddEqualTheScalarOnes() {
    for (int n : new int[] {1, 7, 64, 4864, 50_003}) {
      float[] gate = RandomWeights.floats(n, 1);
      for (int i = 0; i < n; i++) {
        gate[i] *= 30;
      }
      float[] up = RandomWeights.floats(n, 2);
      float[] expected = gate.clone();
      scalar.swiGlu(expected, up, n);
      vector.swiGlu(gate, up, n);
      for (int i = 0; i < n; i++) {
        assertThat(gate[i]).isEqualTo(expected[i], within(1e-6f * (1 + Math.abs(expected[i]))));
      }
      float[] sum = gate.clone();
      scalar.add(sum, up, n);
      vector.add(gate, up, n);
      assertThat(gate).isEqualTo(sum);
    }
  }

  @Test
  void rotationsEqualTheScalarOnesAndLeaveTheRestOfAHead() {
    for (int half : new int[] {3, 16, 32, 64}) {
      for (int tokens : new int[] {1, 5, 200}) {
        int headDim = 2 * half + 4;
        float[] cos = RandomWeights.floats(tokens * half, 1);
        Turns turns = new Turns(half, cos, RandomWeights.floats(tokens * half, 2));
        float[] x = RandomWeights.floats(tokens * 3 * headDim, half);
        float[] before = x.clone();
        float[] expected = x.clone();
        scalar.rotate(expected, tokens, 3, headDim, turns);
        vector.rotate(x, tokens, 3, headDim, turns);
        assertThat(x).isEqualTo(expected).isNotEqualTo(before);
        assertThat(Arrays.copyOfRange(x, 2 * half, headDim))
            .isEqualTo(Arrays.copyOfRange(before, 2 * half, headDim));
      }
    }
  }

  @Test
  void addingToRowsEqualsTheScalarOne() {
    for (int width : new int[] {1, 7, 64, 1152}) {
      for (int rows : new int[] {1, 3, 65}) {
        float[] x = RandomWeights.floats(rows * width, 1);
        float[] row = RandomWeights.floats(width, 2);
        float[] expected = x.clone();
        scalar.addToRows(expected, rows, row);
        vector.addToRows(x, rows, row);
        assertThat(x).isEqualTo(expected);
      }
    }
  }

  @Test
  void keysAndValuesAreTheSameWhoeverWritesThem() {
    for (int tokens : new int[] {1, 700}) {
      float[] k = RandomWeights.floats(tokens * 2 * 24, 1);
      float[] v = RandomWeights.floats(tokens * 2 * 24, 2);
      KvLayer expected = new KvLayer(2, 24, 1000);
      expected.write(100, tokens, k, v, 0);
      KvLayer actual = new KvLayer(2, 24, 1000);
      crowd.write(List.of(new KvSpan(actual, 100, tokens)), k, v);
      assertThat(read(actual, tokens)).isEqualTo(read(expected, tokens));
    }
  }

  private static float[][] read(KvLayer kv, int tokens) {
    float[][] heads = new float[2 * kv.kvHeads()][tokens * kv.headDim()];
    for (int h = 0; h < kv.kvHeads(); h++) {
      kv.readKeys(h, 100, tokens, heads[2 * h]);
      kv.readValues(h, 100, tokens, heads[2 * h + 1]);
    }
    return heads;
  }

  @Test
  void sigmoidGatesEqualTheScalarOnes() {
    for (int n : new int[] {1, 7, 64, 4864, 50_003}) {
      float[] gate = RandomWeights.floats(n, 1);
      for (int i = 0; i < n; i++) {
        gate[i] *= 30;
      }
      float[] x = RandomWeights.floats(n, 2);
      float[] expected = x.clone();
      scalar.sigmoidGate(expected, gate, n);
      vector.sigmoidGate(x, gate, n);
      for (int i = 0; i < n; i++) {
        assertThat(x[i]).isEqualTo(expected[i], within(1e-6f * (1 + Math.abs(expected[i]))));
      }
    }
  }

  @Test
  void convolutionsEqualTheScalarOnes() {
    for (int channels : new int[] {1, 7, 96, 8192}) {
      for (int taps : new int[] {1, 2, 4}) {
        for (int tokens : new int[] {1, 2, 3, 5, 33}) {
          float[] x = RandomWeights.floats(tokens * channels, 1);
          float[] weight = RandomWeights.floats(taps * channels, 2);
          float[] history = RandomWeights.floats((taps - 1) * channels, 3);
          float[] expected = new float[x.length];
          float[] actual = new float[x.length];
          scalar.convolve(x, tokens, weight, taps, history, expected);
          vector.convolve(x, tokens, weight, taps, history, actual);
          assertClose(channels + " channels, " + taps + " taps", actual, expected, 1e-5);
        }
      }
    }
  }
}
