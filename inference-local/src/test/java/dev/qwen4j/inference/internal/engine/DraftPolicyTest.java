package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DraftPolicyTest {
  private static final int LONG = 16;
  private static final int SHORT = 3;

  private final DraftRecord record = new DraftRecord();
  private long nanos = 2200; // of a step with a draft
  private final DraftPolicy policy = new DraftPolicy(DraftPolicy.Mode.WHERE_IT_PAYS, record);

  @BeforeEach
  void measureASingleStep() {
    record.single(1000);
  }

  /** How many of so many drafts are checked, each of which then brings so much. */
  private long checked(int drafts, int match, int tokens) {
    return IntStream.range(0, drafts)
        .filter(
            i -> {
              boolean worthwhile = policy.worthwhile(match);
              if (worthwhile) {
                record.drafted(nanos);
                policy.brought(match, tokens);
              }
              record.single(1000);
              return worthwhile;
            })
        .count();
  }

  @Test
  void aLongMatchIsTrustedAtOnceAndAShortOneIsNot() {
    assertThat(policy.worthwhile(LONG)).isTrue();
    assertThat(policy.worthwhile(8)).isTrue();
    assertThat(policy.worthwhile(SHORT)).isFalse();
  }

  @Test
  void whatPaysGoesOn() {
    assertThat(checked(1000, LONG, 3)).isEqualTo(1000);
  }

  @Test
  void whatDoesNotPayStopsSoonAndIsTriedEverMoreRarely() {
    assertThat(checked(10, LONG, 0)).isBetween(2L, 5L);
    assertThat(checked(1000, LONG, 0)).isBetween(3L, 8L);
    assertThat(checked(10_000, LONG, 0)).isBetween(15L, 25L);
  }

  @Test
  void whatPaysAgainIsSeenWhenItIsTried() {
    checked(1000, LONG, 0);
    assertThat(checked(3_000, LONG, 3)).isGreaterThan(1_000);
    assertThat(checked(1000, LONG, 3)).isEqualTo(1000);
  }

  @Test
  void shortMatchesAreTriedToo() {
    assertThat(checked(1000, SHORT, 3)).isGreaterThan(900);
  }

  @Test
  void failuresAfterShortMatchesSayNothingAboutLongOnes() {
    checked(1000, SHORT, 0);
    assertThat(policy.worthwhile(LONG)).isTrue();
  }

  @Test
  void whereSeveralTokensCostAsMuchAsSingleStepsNothingPays() {
    nanos = 4300;
    assertThat(checked(100, LONG, 3)).isLessThan(40);
    assertThat(checked(1000, LONG, 3)).isLessThan(100);
  }

  @Test
  void oneSlowStepIsNoReasonToStop() {
    record.drafted(1_000_000);
    assertThat(policy.worthwhile(LONG)).isTrue();
    record.single(1_000_000);
    record.single(1000);
    record.drafted(2200);
    assertThat(record.breakEven()).isBetween(1.0, 1.6);
  }

  @Test
  void theFirstStepsWhichWaitForTheCompilerAreSoonForgotten() {
    DraftRecord started = new DraftRecord();
    started.single(1_000_000);
    started.drafted(2_000_000);
    for (int i = 0; i < 40; i++) {
      started.single(1000);
      started.drafted(2200);
    }
    assertThat(started.breakEven()).isBetween(1.1, 1.3);
  }

  @Test
  void draftingWaitsForASingleStepToCompareWith() {
    assertThat(new DraftPolicy(DraftPolicy.Mode.WHERE_IT_PAYS, new DraftRecord()).worthwhile(LONG))
        .isFalse();
    for (int i = 0; i < 32; i++) {
      assertThat(policy.worthwhile(LONG)).isTrue();
      record.drafted(2200);
    }
    assertThat(policy.worthwhile(LONG)).isFalse();
    record.single(1000);
    assertThat(policy.worthwhile(LONG)).isTrue();
  }

  @Test
  void theOtherModesDoNotCalculate() {
    assertThat(new DraftPolicy(DraftPolicy.Mode.NEVER, record).worthwhile(LONG)).isFalse();
    DraftPolicy always = new DraftPolicy(DraftPolicy.Mode.ALWAYS, new DraftRecord());
    always.brought(SHORT, 0);
    assertThat(always.worthwhile(SHORT)).isTrue();
  }
}
