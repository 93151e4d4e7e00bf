package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The gated delta rule: both forms agree with each other and with the scalar definition. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class VectorDeltaTest {
  private static final int MOST_TOKENS = 200;

  private final WorkerPool pool = new WorkerPool(2);
  private final VectorDelta delta = new VectorDelta(pool);
  private final ScalarKernels scalar = new ScalarKernels("the oracle");

  @AfterAll
  void close() {
    pool.close();
  }

  record Case(DeltaShape shape, double forgetting) {}

  static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (double forgetting : new double[] {0, 0.05, 3, 200}) {
      cases.add(new Case(new DeltaShape(2, 4, 128, 128, true), forgetting));
      cases.add(new Case(new DeltaShape(2, 6, 32, 32, false), forgetting));
      cases.add(new Case(new DeltaShape(3, 3, 64, 96, true), forgetting));
      cases.add(new Case(new DeltaShape(1, 5, 20, 27, false), forgetting));
      cases.add(new Case(new DeltaShape(1, 1, 7, 1, true), forgetting));
    }
    return cases;
  }

  private DeltaInputs inputs(Case c) {
    DeltaShape s = c.shape();
    Random random = new Random(s.keyDim() * 31L + s.valueDim());
    DeltaInputs in = DeltaInputs.of(s, MOST_TOKENS);
    fill(in.q(), random, 1 / Math.sqrt(s.keyDim()));
    fill(in.k(), random, 1);
    fill(in.v(), random, 1);
    float[] ones = new float[s.keyDim()];
    Arrays.fill(ones, (float) (1 / Math.sqrt(s.keyDim())));
    scalar.rmsNorm(in.k(), MOST_TOKENS * s.keyHeads(), s.keyDim(), ones, 1e-9f, in.k());
    for (int i = 0; i < in.beta().length; i++) {
      in.beta()[i] = random.nextFloat();
      in.decay()[i] = (float) (-c.forgetting() * random.nextDouble());
    }
    return in;
  }

  private static void fill(float[] x, Random random, double scale) {
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) (random.nextGaussian() * scale);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void chunksAndStepsAndTheDefinitionAgree(Case c) {
    DeltaShape s = c.shape();
    DeltaInputs in = inputs(c);
    float[] before = new float[s.valueHeads() * s.keyDim() * s.valueDim()];
    fill(before, new Random(5), 0.3);
    float[] untouched = before.clone();
    for (int tokens : new int[] {1, 2, 3, 8, 31, 32, 33, 64, 65, 130, MOST_TOKENS}) {
      float[] expected = new float[tokens * s.valueWidth()];
      float[] expectedAfter = new float[before.length];
      scalar.gatedDelta(in, tokens, before, expectedAfter, expected);
      for (boolean chunked : new boolean[] {false, true}) {
        String what = "%s, %d tokens, chunked: %s".formatted(c, tokens, chunked);
        float[] actual = new float[expected.length];
        float[] after = new float[before.length];
        delta.run(in, tokens, before, after, actual, chunked);
        assertClose(what, actual, expected);
        assertClose(what + ", memory", after, expectedAfter);
      }
    }
    assertThat(before).isEqualTo(untouched);
  }

  private static void assertClose(String what, float[] actual, float[] expected) {
    double magnitude = 0;
    for (float value : expected) {
      magnitude = Math.max(magnitude, Math.abs(value));
    }
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) actual[i])
          .as("%s, element %d", what, i)
          .isEqualTo(expected[i], within(2e-5 * Math.max(1, magnitude)));
    }
  }
}
