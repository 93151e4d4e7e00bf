package dev.qwen4j.tool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import org.junit.jupiter.api.Test;

class CancellationTest {
  private final Cancellation cancellation = new Cancellation();
  private final ArrayList<String> log = new ArrayList<>();

  @Test
  void actionsRunOnceAndLateOnesAtOnce() {
    cancellation.onCancel(() -> log.add("early"));
    cancellation.cancel();
    cancellation.cancel();
    cancellation.onCancel(() -> log.add("late"));
    assertThat(log).containsExactly("early", "late");
  }

  @Test
  void aClosedRegistrationHearsNothing() {
    cancellation.onCancel(() -> log.add("closed")).close();
    cancellation.cancel();
    assertThat(log).isEmpty();
  }

  @Test
  void anActionThatFailsDoesNotKeepTheOthersFromRunning() {
    cancellation.onCancel(
        () -> {
          throw new IllegalStateException("stuck");
        });
    cancellation.onCancel(() -> log.add("second"));
    assertThatThrownBy(cancellation::cancel).hasMessage("stuck");
    assertThat(log).containsExactly("second");
  }
}
