package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.internal.kernel.TensorType;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class WarmingUpTest {
  private static final List<TensorType> TYPES =
      List.of(TensorType.F32, TensorType.Q4_K, TensorType.Q8_0);

  @Test
  void bothKindsOfKernelsBecomeReadyInTheOrderOfNeed() {
    WarmingUp warmingUp = WarmingUp.start(TYPES, TensorType.Q8_0);
    AtomicInteger asked = new AtomicInteger();
    warmingUp.awaitFor(20, asked::incrementAndGet);
    assertThat(asked.getAndSet(0)).isPositive();
    warmingUp.hasRead();
    warmingUp.awaitFor(1, asked::incrementAndGet);
    assertThat(asked.getAndSet(0)).isPositive();
    warmingUp.awaitFor(1, asked::incrementAndGet);
    assertThat(asked).hasValue(0);
  }

  @Test
  @Timeout(180)
  void whatChecksDraftsBecomesReadyOnceItIsAskedFor() throws InterruptedException {
    WarmingUp warmingUp = WarmingUp.start(TYPES, TensorType.Q8_0);
    assertThat(warmingUp.readyForDrafts()).isFalse();
    warmingUp.hasRead();
    while (!warmingUp.readyForDrafts()) {
      Thread.sleep(1);
    }
    int[] asked = {0};
    warmingUp.awaitFor(1, () -> asked[0]++); // comes before
    assertThat(asked).containsExactly(0);
    assertThat(WarmingUp.none().readyForDrafts()).isTrue();
  }

  @Test
  void waitingEndsWithWhatThePauseThrows() {
    WarmingUp warmingUp = WarmingUp.start(TYPES, TensorType.Q8_0);
    assertThatThrownBy(
            () ->
                warmingUp.awaitFor(
                    1,
                    () -> {
                      throw new CancellationException();
                    }))
        .isInstanceOf(CancellationException.class);
  }

  @Test
  void aSmallModelWaitsForNothing() {
    AtomicInteger asked = new AtomicInteger();
    WarmingUp.none().awaitFor(20, asked::incrementAndGet);
    WarmingUp.none().awaitFor(1, asked::incrementAndGet);
    assertThat(asked).hasValue(0);
  }
}
