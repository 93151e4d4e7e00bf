package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C, SIGTERM and readers that go away, at every stage of a run. */
@Timeout(300)
class InterruptTest {
  @TempDir private Path cache;

  private static void interruptedRun(String signal, int exitCode) throws Exception {
    try (ScriptedEndpoint endpoint = new ScriptedEndpoint();
        ChildProcess run =
            ChildProcess.qwen4j(
                Map.of(), "run", "--json", "-m", endpoint.hangs().model(), "Hello")) {
      run.awaitLine("turn_started");
      run.signal(signal);
      Outcome outcome = run.outcome();

      assertThat(outcome.exitCode()).isEqualTo(exitCode);
      assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("cancelled");
      assertThat(outcome.hasOneClearLine().err()).contains("interrupted");
    }
  }

  @Test
  void ctrlCWhileTheModelIsSilentEndsWithTheResult() throws Exception {
    interruptedRun("INT", 130);
  }

  @Test
  void sigtermDoesTheSame() throws Exception {
    interruptedRun("TERM", 143);
  }

  @Test
  void ctrlCDuringADownloadEndsWithTheResult() throws Exception {
    var asked = new CountDownLatch(1);
    HttpServer hub =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    hub.createContext("/", exchange -> asked.countDown()); // and no answer
    hub.start();
    Map<String, String> environment =
        Map.of(
            "HF_ENDPOINT",
            "http://127.0.0.1:" + hub.getAddress().getPort(),
            "QWEN4J_CACHE",
            cache.toString());
    try (ChildProcess run =
        ChildProcess.qwen4j(environment, "run", "--json", "-m", "hf:Qwen/Some-GGUF", "Hello")) {
      assertThat(asked.await(120, TimeUnit.SECONDS)).isTrue();
      run.signal("INT");
      Outcome outcome = run.outcome();

      assertThat(outcome.exitCode()).isEqualTo(130);
      assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("cancelled");
      assertThat(outcome.hasOneClearLine().err()).contains("interrupted");
    } finally {
      hub.stop(0);
    }
  }

  @Test
  void ctrlCWhileALocalModelWritesEndsWithWhatItWroteAndWhatThatCost() throws Exception {
    String model = TinyModel.in(cache).toString();
    try (ChildProcess run =
        ChildProcess.qwen4j(Map.of(), "run", "--json", "--no-tools", "-m", model, "Talk")) {
      run.awaitLine("\"delta\"");
      run.signal("INT");
      Outcome outcome = run.outcome();

      assertThat(outcome.exitCode()).isEqualTo(130);
      assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("cancelled");
      assertThat(outcome.result().path("usage").path("output_tokens").asInt()).isPositive();
      assertThat(outcome.result().has("unmeasured_turns")).isFalse();
      assertThat(outcome.hasOneClearLine().err()).contains("interrupted");
    }
  }

  @Test
  void ctrlCWhileALocalModelIsBeingLoadedEndsWithTheResult() throws Exception {
    Path model = TinyModel.in(cache);
    try (ChildProcess run =
        ChildProcess.qwen4j(
            Map.of(), "run", "--json", "--no-tools", "-m", model.toString(), "Talk")) {
      run.awaitMapped(model);
      run.signal("INT");
      Outcome outcome = run.outcome();

      assertThat(outcome.exitCode()).isEqualTo(130);
      assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("cancelled");
      assertThat(outcome.hasOneClearLine().err()).contains("interrupted");
    }
  }

  @Test
  void aReaderThatGoesAwayEndsTheRunQuietly() throws Exception {
    String[] words = new String[3_000];
    Arrays.fill(words, "word after word after word ");
    try (ScriptedEndpoint endpoint = new ScriptedEndpoint().answers(words);
        ChildProcess run =
            ChildProcess.qwen4j(Map.of(), "run", "--json", "-m", endpoint.model(), "Talk")) {
      run.awaitLine("\"text\"");
      run.stopReading();

      assertThat(run.exitCode()).isEqualTo(141);
      assertThat(run.err()).isEmpty();
    }
  }
}
