package dev.qwen4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RetryPolicyTest {
  private final RetryPolicy policy =
      new RetryPolicy(5, Duration.ofMillis(100), Duration.ofMillis(1000));

  @Test
  void waitsDoubleWithJitterUpToTheLongest() {
    for (int repeat = 0; repeat < 50; repeat++) {
      assertThat(policy.waitBefore(0, null).orElseThrow().toMillis()).isBetween(75L, 125L);
      assertThat(policy.waitBefore(2, null).orElseThrow().toMillis()).isBetween(300L, 500L);
      assertThat(policy.waitBefore(4, null).orElseThrow().toMillis()).isBetween(1000L, 1000L);
    }
  }

  @Test
  void theServerMayAskForMoreButNotForTooMuch() {
    assertThat(policy.waitBefore(0, Duration.ofMillis(900))).hasValue(Duration.ofMillis(900));
    assertThat(policy.waitBefore(0, Duration.ZERO).orElseThrow().toMillis()).isBetween(75L, 125L);
    assertThat(policy.waitBefore(0, Duration.ofMillis(1001))).isEmpty();
  }

  @Test
  void givesUpAfterTheLastRetry() {
    assertThat(policy.waitBefore(5, null)).isEmpty();
  }
}
