package dev.qwen4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import okhttp3.Dns;
import org.junit.jupiter.api.Test;

class InterruptibleDnsTest {
  private final CountDownLatch release = new CountDownLatch(1);

  private final Dns hanging =
      host -> {
        try {
          release.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        return List.of();
      };

  @Test
  void answersWhatTheSystemAnswers() throws UnknownHostException {
    List<InetAddress> loopback = List.of(InetAddress.getLoopbackAddress());
    assertThat(new InterruptibleDns(host -> loopback, Duration.ofSeconds(5)).lookup("x"))
        .isEqualTo(loopback);
  }

  @Test
  void aHangingLookupIsGivenUp() {
    assertThatThrownBy(() -> new InterruptibleDns(hanging, Duration.ofMillis(50)).lookup("x"))
        .isInstanceOf(UnknownHostException.class)
        .hasMessageContaining("no answer from the name server within");
    release.countDown();
  }

  @Test
  void anInterruptEndsALookup() {
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> new InterruptibleDns(hanging, Duration.ofSeconds(60)).lookup("x"))
        .isInstanceOf(UnknownHostException.class);
    assertThat(Thread.interrupted()).isTrue();
    release.countDown();
  }
}
