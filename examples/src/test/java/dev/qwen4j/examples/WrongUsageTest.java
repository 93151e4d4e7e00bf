package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Command lines that cannot be understood, and the help that explains them. */
class WrongUsageTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "run",
        "run --model x.gguf",
        "run --model openai:http://localhost:1/v1 task",
        "run --model openai:localhost#m task",
        "run --model hf:nothing task",
        "run --model modelscope:a/b/c task",
        "run --model x.gguf --max-turns 0 task",
        "run --model x.gguf --max-turns many task",
        "run --model x.gguf --max-time -1 task",
        "run --model x.gguf --max-tokens 0 task",
        "run --model x.gguf --no-such-option task",
        "bench",
        "pull",
        "pull model.gguf",
        "pull hf:nothing",
        "inspect",
        "inspect hf:nothing",
        "bench --model x.gguf --pp 0 --tg 0",
        "bench x.gguf --pp -1",
        "bench x.gguf --tg -1",
        "bench x.gguf --depth -1",
        "bench x.gguf --depth 0,-4096",
        "bench x.gguf --depth 0,many",
        "bench x.gguf --history -1",
        "bench x.gguf --replies -1",
        "bench x.gguf --replies 65",
        "bench x.gguf --threads 0",
        "bench x.gguf --repeats 0",
        "bench x.gguf openai:http://localhost:1/v1#m",
        "bench x.gguf hf:nothing",
        "bench --model x.gguf --kv-cache f8",
        "run --model x.gguf --context 0 task",
        "run --model x.gguf --quantize q5_0 task",
        "run --model openai:http://localhost:1/v1#m --quantize q8_0 task",
        "chat --model openai:http://localhost:1/v1#m --context 4096",
        "debug",
        "debug render",
        "debug render --family llama",
        "debug tokenize",
        "no-such-command",
      })
  void isOneLineAndExitCode2(String line) {
    Outcome outcome = Outcome.of(line.split(" "));

    assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(2);
    assertThat(outcome.out()).isEmpty();
  }

  @Test
  void runWithJsonStillGetsItsLastLine() {
    Outcome outcome = Outcome.of("run", "--json", "--max-turns", "0", "-m", "x.gguf", "task");

    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("error");
    assertThat(outcome.result().path("error").asText()).contains("--max-turns");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "openai:https://user:sk-secret@host/v1",
        "openai:https://user:sk-secret@host/v1#m",
        "openai:sk-secret@host#m",
        "openai:https://ho st/sk-secret#m",
        "openai:ftp://host/v1?key=sk-secret#m"
      })
  void anAddressIsNotRepeatedBecausePeoplePutKeysIntoIt(String model) {
    Outcome outcome = Outcome.of("run", "--json", "--model", model, "task");

    assertThat(outcome.hasOneClearLine().exitCode()).isIn(1, 2);
    assertThat(outcome.out() + outcome.err()).doesNotContain("sk-secret");
  }

  @Test
  void aMissingModelNamesTheWaysToGiveOne() {
    assertThat(Outcome.of("bench").err())
        .contains("--model", ".gguf", "hf:", "modelscope:", "openai:", "QWEN4J_MODEL");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "demo",
        "run",
        "chat",
        "pull",
        "models",
        "inspect",
        "bench",
        "debug",
        "debug logits",
        "debug score",
        "debug agent",
        "debug dequantize",
        "session",
        "session show",
        "session fork",
        "session rewind",
        "session export"
      })
  void everyCommandExplainsItself(String command) {
    Outcome outcome = Outcome.of((command + " --help").strip().split(" "));

    assertThat(outcome.exitCode()).isZero();
    assertThat(outcome.err()).isEmpty();
    assertThat(outcome.out()).contains("Usage: qwen4j", "Exit codes:", "Example");
    for (ExitCode code : ExitCode.values()) {
      assertThat(outcome.out()).contains(" " + code.code() + " ");
    }
  }

  @Test
  void withoutACommandTheHelpIsShownAsWrongUsage() {
    Outcome outcome = Outcome.of("", Map.of());

    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.err()).contains("demo", "run", "chat", "models", "bench", "debug");
    assertThat(outcome.out()).isEmpty();
  }
}
