package dev.qwen4j.inference.internal.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import dev.qwen4j.inference.internal.sampling.SamplingOptions.Penalties;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class SamplerTest {
  private static final SamplingOptions PLAIN = SamplingOptions.temperature(1).withSeed(42L);

  /** Probabilities 0.5, 0.25, 0.125, 0.0625, 0.0625, out of order. */
  private static final double[] HALVES = {0.125, 0.5, 0.0625, 0.25, 0.0625};

  @Test
  void greedyTakesTheLargestLogitAndTheLowerIdAmongEquals() {
    assertThat(new Sampler(SamplingOptions.GREEDY, 4).sample(new float[] {-3, 2, 2, 1}))
        .isEqualTo(1);
  }

  @Test
  void paddingRowsBeyondTheTokenizerAreNeverChosen() {
    float[] logits = {1, 2, 99, 99};
    assertThat(new Sampler(SamplingOptions.GREEDY, 2).sample(logits)).isEqualTo(1);
    assertThat(drawn(PLAIN, 2, logits)).containsExactlyInAnyOrder(0, 1);
    assertThat(drawn(PLAIN.withTopK(1), 2, logits)).containsExactly(1);
  }

  @Test
  void aSampleLooksAtAsManyLogitsAsMayBeChosen() {
    assertThat(new Sampler(SamplingOptions.GREEDY, 9).candidates(3)).isEqualTo(1);
    assertThat(new Sampler(PLAIN.withTopK(4), 9).candidates(0)).isEqualTo(4);
    assertThat(new Sampler(PLAIN, 9).candidates(0)).isEqualTo(9);
  }

  @Test
  void aSampleLooksAtAsManyMoreAsPenaltiesMayPushBelowOthers() {
    Penalties penalties = new Penalties(1.1, 0.5, 0, 100);
    Sampler sampler = new Sampler(SamplingOptions.GREEDY.withPenalties(penalties), 9);
    sampler.prompt(new int[] {3, 5, 3});
    assertThat(sampler.candidates(0)).isEqualTo(3);
    sampler.accept(7);
    assertThat(sampler.candidates(2)).isEqualTo(1 + 3 + 2);
  }

  @Test
  void aSampleLooksAtAllLogitsWhereTokensMayBecomeMoreLikely() {
    for (Penalties penalties :
        List.of(
            new Penalties(0.9, 0, 0, 100),
            new Penalties(1, -1, 0, 100),
            new Penalties(1, 0, -1, 100))) {
      Sampler sampler = new Sampler(SamplingOptions.GREEDY.withPenalties(penalties), 9);
      assertThat(sampler.candidates(0)).isEqualTo(9);
    }
  }

  @Test
  void frequenciesFollowTheProbabilities() {
    assertFrequencies(PLAIN, HALVES, HALVES);
  }

  @Test
  void temperatureSharpensTheDistribution() {
    double[] squares = Arrays.stream(HALVES).map(p -> p * p).toArray();
    double sum = Arrays.stream(squares).sum();
    assertFrequencies(
        SamplingOptions.temperature(0.5).withSeed(7L),
        HALVES,
        Arrays.stream(squares).map(p -> p / sum).toArray());
  }

  @Test
  void topKKeepsTheMostLikelyAndRenormalises() {
    assertFrequencies(PLAIN.withTopK(2), HALVES, new double[] {0, 2 / 3.0, 0, 1 / 3.0, 0});
  }

  @Test
  void topKBreaksTiesByTheLowerId() {
    assertThat(drawn(PLAIN.withTopK(4), 5, logits(HALVES))).containsExactlyInAnyOrder(0, 1, 2, 3);
    float[] equal = new float[9];
    assertThat(drawn(PLAIN.withTopK(3), 9, equal)).containsExactlyInAnyOrder(0, 1, 2);
  }

  @Test
  void topPKeepsTheSmallestSetThatReachesTheSum() {
    assertThat(drawn(PLAIN.withTopP(0.5), 5, logits(HALVES))).containsExactly(1);
    assertThat(drawn(PLAIN.withTopP(0.51), 5, logits(HALVES))).containsExactlyInAnyOrder(1, 3);
    assertThat(drawn(PLAIN.withTopP(0.9), 5, logits(HALVES))).containsExactlyInAnyOrder(1, 3, 0, 2);
    assertThat(drawn(PLAIN.withTopP(1e-9), 5, logits(HALVES))).containsExactly(1);
  }

  @Test
  void topPCountsWhatTopKHasLeft() {
    // Of {0.5, 0.25} the first is two thirds: above 0.6 of the rest, though below it of the whole.
    assertThat(drawn(PLAIN.withTopK(2).withTopP(0.6), 5, logits(HALVES))).containsExactly(1);
  }

  @Test
  void minPDropsWhatIsFarBelowTheBest() {
    assertThat(drawn(PLAIN.withMinP(0.24), 5, logits(HALVES))).containsExactlyInAnyOrder(1, 3, 0);
    assertThat(drawn(PLAIN.withMinP(0.26), 5, logits(HALVES))).containsExactlyInAnyOrder(1, 3);
    assertThat(drawn(PLAIN.withMinP(1), 5, logits(HALVES))).containsExactly(1);
  }

  @Test
  void topPIsSummedOverWhatMinPWouldDrop() {
    // 0.5 + 0.25 reach 0.75 of everything; of what min-p leaves (0.875) they would be 0.857.
    assertThat(drawn(PLAIN.withTopP(0.76).withMinP(0.24), 5, logits(HALVES)))
        .containsExactlyInAnyOrder(1, 3, 0);
  }

  @Test
  void cutsAgreeWithASortedReferenceOnALargeVocabulary() {
    Random random = new Random(5);
    float[] logits = new float[151_936];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) random.nextGaussian() * 3;
    }
    Integer[] order =
        IntStream.range(0, logits.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -logits[i]))
            .toArray(Integer[]::new);

    Set<Integer> drawn = drawn(PLAIN.withTopK(20), logits.length, logits);

    assertThat(Set.of(Arrays.copyOf(order, 20))).containsAll(drawn);
    assertThat(drawn).hasSizeGreaterThan(15);
    double best = logits[order[0]];
    assertThat(drawn(PLAIN.withMinP(0.2), logits.length, logits))
        .allMatch(id -> Math.exp(logits[id] - best) >= 0.2);
  }

  @Test
  void theSameSeedGivesTheSameTokensAndAnotherOneDoesNot() {
    assertThat(run(PLAIN.withSeed(1L))).isEqualTo(run(PLAIN.withSeed(1L)));
    assertThat(run(PLAIN.withSeed(1L))).isNotEqualTo(run(PLAIN.withSeed(2L)));
    assertThat(run(PLAIN.withSeed(null))).isNotEqualTo(run(PLAIN.withSeed(null)));
  }

  @Test
  void repetitionPenaltyDividesPositiveAndMultipliesNegativeLogitsOfSeenTokens() {
    Sampler sampler = new Sampler(penalties(2, 0, 0, Integer.MAX_VALUE), 4);
    sampler.prompt(new int[] {0, 1, 1});
    float[] logits = {4, -4, 3, -3};

    assertThat(sampler.sample(logits)).isEqualTo(2);
    assertThat(logits).containsExactly(2, -8, 3, -3);
    float[] next = {4, -4, 3, -3};
    sampler.sample(next);
    assertThat(next).containsExactly(2, -8, 1.5f, -3);
  }

  @Test
  void theWindowForgetsOldTokens() {
    Sampler sampler = new Sampler(penalties(2, 0, 0, 2), 4);
    sampler.prompt(new int[] {0, 1, 2});
    float[] logits = {4, 4, 4, 1};

    assertThat(sampler.sample(logits)).isEqualTo(0);
    assertThat(logits).containsExactly(4, 2, 2, 1);
    float[] next = {4, 4, 4, 1};
    assertThat(sampler.sample(next)).isEqualTo(1);
    assertThat(next).containsExactly(2, 4, 2, 1);
  }

  @Test
  void aLongRunInASmallWindowKeepsItsCounts() {
    Sampler sampler = new Sampler(penalties(2, 0, 0, 3), 5);
    for (int i = 0; i < 1000; i++) {
      sampler.accept(i % 5);
    }
    float[] logits = {1, 1, 1, 1, 1};
    sampler.sample(logits);
    assertThat(logits).containsExactly(1, 1, 0.5f, 0.5f, 0.5f);
  }

  @Test
  void presenceAndFrequencyCountOnlyWhatWasGenerated() {
    Sampler sampler = new Sampler(penalties(1, 0.5, 0.25, Integer.MAX_VALUE), 3);
    sampler.prompt(new int[] {0, 0});
    sampler.accept(1);
    sampler.accept(1);
    float[] logits = {1, 1, 1};

    sampler.sample(logits);

    assertThat(logits).containsExactly(1, 0, 1);
  }

  @Test
  void minusInfinityForbidsAToken() {
    float[] logits = {Float.NEGATIVE_INFINITY, 0, Float.NaN};
    assertThat(drawn(PLAIN, 3, logits)).containsExactly(1);
    assertThat(drawn(PLAIN.withTopK(2), 3, logits)).containsExactly(1);
  }

  @Test
  void logitsWithoutAnyUsableTokenAreAClearError() {
    float nan = Float.NaN;
    assertThatIllegalStateException()
        .isThrownBy(() -> new Sampler(PLAIN, 2).sample(new float[] {nan, nan}))
        .withMessage(
            "no token can be sampled: expected a finite best logit, found only NaN or -Infinity");
    assertThatIllegalStateException()
        .isThrownBy(() -> new Sampler(PLAIN, 2).sample(new float[] {1, Float.POSITIVE_INFINITY}))
        .withMessageContaining("found Infinity");
  }

  @Test
  void invalidOptionsNameTheOptionAndTheRange() {
    assertRefused(() -> SamplingOptions.temperature(-1), "temperature: expected >= 0, found -1.0");
    assertRefused(() -> SamplingOptions.temperature(Double.NaN), "temperature: expected >= 0");
    assertRefused(() -> PLAIN.withTopK(-1), "top_k: expected >= 0 (0 for all), found -1");
    assertRefused(() -> PLAIN.withTopP(0), "top_p: expected in (0, 1], found 0.0");
    assertRefused(() -> PLAIN.withTopP(1.1), "top_p: expected in (0, 1], found 1.1");
    assertRefused(() -> PLAIN.withMinP(-0.1), "min_p: expected in [0, 1], found -0.1");
    assertRefused(() -> penalties(0, 0, 0, 1), "repetition_penalty: expected > 0 (1 for none)");
    assertRefused(() -> penalties(1, 3, 0, 1), "presence_penalty: expected in [-2, 2], found 3.0");
    assertRefused(() -> penalties(1, 0, -3, 1), "frequency_penalty: expected in [-2, 2]");
    assertRefused(() -> penalties(1, 0, 0, 0), "penalty window: expected > 0, found 0");
    assertRefused(() -> new Sampler(PLAIN, 0), "vocabulary: expected > 0");
    assertRefused(() -> new Sampler(PLAIN, 3).sample(new float[2]), "logits: expected at least 3");
    assertRefused(() -> new Sampler(PLAIN, 3).accept(3), "token id: expected 0 to 2, found 3");
  }

  private static void assertRefused(ThrowingCallable call, String message) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(message);
  }

  private static SamplingOptions penalties(
      double repetition, double presence, double frequency, int window) {
    return SamplingOptions.GREEDY.withPenalties(
        new Penalties(repetition, presence, frequency, window));
  }

  private static void assertFrequencies(
      SamplingOptions options, double[] distribution, double[] expected) {
    int draws = 40_000;
    int[] counts = new int[expected.length];
    Sampler sampler = new Sampler(options, expected.length);
    for (int i = 0; i < draws; i++) {
      counts[sampler.sample(logits(distribution))]++;
    }
    for (int id = 0; id < expected.length; id++) {
      double deviation = Math.sqrt(expected[id] * (1 - expected[id]) / draws);
      assertThat((double) counts[id] / draws)
          .as("frequency of token %d", id)
          .isCloseTo(expected[id], within(4 * deviation));
    }
  }

  private static Set<Integer> drawn(SamplingOptions options, int vocabulary, float[] logits) {
    Sampler sampler = new Sampler(options, vocabulary);
    Set<Integer> ids = new TreeSet<>();
    for (int i = 0; i < (vocabulary > 1000 ? 200 : 3000); i++) {
      ids.add(sampler.sample(logits.clone()));
    }
    return ids;
  }

  private static List<Integer> run(SamplingOptions options) {
    Sampler sampler = new Sampler(options, HALVES.length);
    return IntStream.range(0, 60).mapToObj(i -> sampler.sample(logits(HALVES))).toList();
  }

  private static float[] logits(double[] probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(probabilities[i]);
    }
    return logits;
  }
}
