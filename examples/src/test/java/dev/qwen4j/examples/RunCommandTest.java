package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code qwen4j run} as people and programs see it, on a scripted endpoint. */
class RunCommandTest {
  private final ScriptedEndpoint endpoint = new ScriptedEndpoint();
  @TempDir private Path workspace;

  @AfterEach
  void stop() {
    endpoint.close();
  }

  private Outcome run(String... args) {
    String[] all = new String[args.length + 3];
    all[0] = "run";
    all[1] = "--model";
    all[2] = endpoint.model();
    System.arraycopy(args, 0, all, 3, args.length);
    return Outcome.of(all);
  }

  @Test
  void jsonStreamsTheAnswerAndEndsWithTheResult() {
    endpoint.answers("Hel", "lo, 世界 🙂");

    Outcome outcome = run("--json", "Greet me");

    assertThat(outcome.exitCode()).isZero();
    assertThat(outcome.err()).isEmpty();
    assertThat(outcome.lines("text"))
        .extracting(line -> line.path("delta").asText())
        .containsExactly("Hel", "lo, 世界 🙂");
    JsonNode result = outcome.result();
    assertThat(result.path("text").asText()).isEqualTo("Hello, 世界 🙂");
    assertThat(result.path("stop_reason").asText()).isEqualTo("answer");
    assertThat(result.path("error").isNull()).isTrue();
    assertThat(result.path("turns").asInt()).isEqualTo(1);
    assertThat(result.path("usage").toString())
        .isEqualTo("{\"input_tokens\":100,\"output_tokens\":7}");
  }

  @Test
  void jsonShowsThinkingApartFromText() {
    endpoint.thinksAndAnswers("Hmm.", "42");

    Outcome outcome = run("--json", "What is it?");

    assertThat(outcome.lines("thinking").getFirst().path("delta").asText()).isEqualTo("Hmm.");
    assertThat(outcome.result().path("text").asText()).isEqualTo("42");
  }

  @Test
  void jsonShowsTheCallAndItsResultAndSumsTheUsage() {
    endpoint.calls("call_1", "calculator", "{\"expression\": \"1234 * 5678\"}");
    endpoint.answers("It is 7006652.");

    Outcome outcome = run("--json", "What is 1234 * 5678?");

    JsonNode call = outcome.lines("tool_call").getFirst();
    assertThat(call.path("id").asText()).isEqualTo("call_1");
    assertThat(call.path("name").asText()).isEqualTo("calculator");
    assertThat(call.path("arguments").toString()).isEqualTo("{\"expression\":\"1234 * 5678\"}");
    JsonNode finished = outcome.lines("tool_result").getFirst();
    assertThat(finished.path("id").asText()).isEqualTo("call_1");
    assertThat(finished.path("name").asText()).isEqualTo("calculator");
    assertThat(finished.path("is_error").isBoolean()).isTrue();
    assertThat(finished.path("is_error").asBoolean()).isFalse();
    assertThat(finished.path("content").asText()).contains("7006652");
    assertThat(outcome.result().path("turns").asInt()).isEqualTo(2);
    assertThat(outcome.result().path("usage").toString())
        .isEqualTo("{\"input_tokens\":200,\"output_tokens\":14}");
    assertThat(outcome.exitCode()).isZero();
  }

  @Test
  void brokenArgumentsAreShownAsTheModelWroteThem() {
    endpoint.calls("call_1", "calculator", "{\"expression\": ");
    endpoint.answers("Sorry.");

    Outcome outcome = run("--json", "What is 1 + 1?");

    assertThat(outcome.lines("tool_call").getFirst().path("arguments").isTextual()).isTrue();
    assertThat(outcome.lines("tool_result").getFirst().path("is_error").asBoolean()).isTrue();
    assertThat(outcome.exitCode()).isZero();
  }

  @Test
  void filesAreReadInTheWorkspaceOnly() throws Exception {
    Files.writeString(workspace.resolve("notes.txt"), "the secret word is heron\n");
    endpoint.calls("a", "read_file", "{\"path\": \"notes.txt\"}");
    endpoint.calls("b", "read_file", "{\"path\": \"/etc/passwd\"}");
    endpoint.answers("heron");

    Outcome outcome = run("--json", "--workspace", workspace.toString(), "Which word?");

    assertThat(outcome.lines("tool_result").get(0).path("content").asText()).contains("heron");
    assertThat(outcome.lines("tool_result").get(1).path("is_error").asBoolean()).isTrue();
  }

  @Test
  void aTurnLimitStillGivesAnAnswerAndExitsWith3() {
    endpoint.calls("a", "calculator", "{\"expression\": \"6 * 7\"}");
    endpoint.answers("42, as far as I got.");

    Outcome outcome = run("--json", "--max-turns", "1", "Compute for long");

    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("max_turns");
    assertThat(outcome.result().path("text").asText()).isEqualTo("42, as far as I got.");
    assertThat(outcome.exitCode()).isEqualTo(3);
  }

  @Test
  void aTimeLimitEndsAHangingEndpointAndExitsWith3() {
    endpoint.always(
        com.github.tomakehurst.wiremock.client.WireMock.aResponse().withFixedDelay(600_000));

    Outcome outcome = run("--json", "--max-time", "1.5", "Wait for it");

    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("max_time");
    assertThat(outcome.exitCode()).isEqualTo(3);
  }

  @Test
  void repetitionsThatEndInAnAnswerCountAsAnswered() {
    for (int i = 0; i < 4; i++) {
      endpoint.calls("call_" + i, "calculator", "{\"expression\": \"1234 * 5678\"}");
    }
    endpoint.answers("7006652");

    Outcome outcome = run("--json", "What is 1234 * 5678?");

    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("no_progress");
    assertThat(outcome.result().path("text").asText()).contains("7006652");
    assertThat(outcome.exitCode()).isZero();
  }

  @Test
  void repetitionsThatEndWithoutAnAnswerDidNotAnswer() {
    for (int i = 0; i < 6; i++) {
      endpoint.calls("call_" + i, "calculator", "{\"expression\": \"1234 * 5678\"}");
    }

    Outcome outcome = run("--json", "What is 1234 * 5678?");

    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("no_progress");
    assertThat(outcome.result().path("answered").isBoolean()).isTrue();
    assertThat(outcome.result().path("answered").asBoolean()).isFalse();
    assertThat(outcome.result().path("text").asText())
        .contains("before there was an answer", "7006652");
    assertThat(outcome.exitCode()).isEqualTo(3);
  }

  @Test
  void anAnswerBeyondTheLengthLimitIsCutOffAndExitsWith3() {
    endpoint.answers("one ", "two ", "three ", "four ");

    Outcome outcome = run("--json", "--max-tokens", "2", "Count");

    assertThat(endpoint.requests().getFirst().getBodyAsString())
        .containsPattern("\"max_tokens\"\\s*:\\s*2\\b");
    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("max_tokens");
    assertThat(outcome.result().path("text").asText()).startsWith("one two three");
    assertThat(outcome.result().path("answered").asBoolean()).isFalse();
    assertThat(outcome.exitCode()).isEqualTo(3);
  }

  @Test
  void theDefaultLengthLimitIsNotSentBecauseHostsRefuseOneBeyondTheirWindow() {
    endpoint.answers("Hi.");

    Outcome outcome = run("--json", "Greet");

    assertThat(endpoint.requests().getFirst().getBodyAsString()).doesNotContain("max_tokens");
    assertThat(outcome.result().path("answered").asBoolean()).isTrue();
    assertThat(outcome.result().has("unmeasured_turns")).isFalse();
  }

  @Test
  void aTurnThatDidNotSayItsCostIsMarked() {
    endpoint.hangs();

    Outcome outcome = run("--json", "--max-time", "1.5", "Wait for it");

    assertThat(outcome.lines("turn_finished").getFirst().path("usage").isNull()).isTrue();
    assertThat(outcome.result().path("usage").toString())
        .isEqualTo("{\"input_tokens\":0,\"output_tokens\":0}");
    assertThat(outcome.result().path("unmeasured_turns").asInt()).isPositive();
  }

  @Test
  void aModelThatSaysNothingDidNotAnswer() {
    endpoint.answers().answers();

    Outcome outcome = run("--json", "Say something");

    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("no_progress");
    assertThat(outcome.exitCode()).isEqualTo(3);
  }

  @Test
  void theHumanViewShowsThinkingCallsResultsAndTheAnswerWithoutColourInAPipe() {
    endpoint.calls("a", "calculator", "{\"expression\": \"6 * 7\"}");
    endpoint.thinksAndAnswers("The tool says 42.", "It is 42.");

    Outcome outcome = run("What is 6 * 7?");

    assertThat(outcome.out())
        .containsSubsequence(
            "→ calculator {\"expression\": \"6 * 7\"}\n",
            "← 42",
            "The tool says 42.",
            "It is 42.\n")
        .doesNotContain("\u001b")
        .endsWith("It is 42.\n");
    assertThat(outcome.err()).isEmpty();
    assertThat(outcome.exitCode()).isZero();
  }

  @Test
  void theTaskMayComeFromStandardInput() {
    endpoint.answers("Read.");

    Outcome outcome =
        Outcome.of("a task\nof two lines, 你好", Map.of(), "run", "-m", endpoint.model(), "-");

    assertThat(outcome.exitCode()).isZero();
    assertThat(endpoint.requests().getFirst().getBodyAsString())
        .contains("a task\\nof two lines, 你好");
  }

  @Test
  void theModelMayComeFromTheEnvironment() {
    endpoint.answers("Hi.");

    Outcome outcome =
        Outcome.of("", Map.of("QWEN4J_MODEL", endpoint.model()), "run", "--json", "Greet");

    assertThat(outcome.result().path("text").asText()).isEqualTo("Hi.");
  }

  @Test
  void theKeyIsSentButNeverPrinted() {
    endpoint.answers("Hi.");

    Outcome outcome =
        Outcome.of(
            "",
            Map.of("OPENAI_API_KEY", "sk-very-secret"),
            "run",
            "-m",
            endpoint.model(),
            "--json",
            "Greet");

    assertThat(endpoint.requests().getFirst().getHeader("Authorization"))
        .isEqualTo("Bearer sk-very-secret");
    assertThat(outcome.out() + outcome.err()).doesNotContain("sk-very-secret");
  }

  @Test
  void withoutToolsTheModelIsAskedPlainly() {
    endpoint.answers("Hi.");

    run("--no-tools", "Greet");

    assertThat(endpoint.requests().getFirst().getBodyAsString())
        .doesNotContain("\"tools\"")
        .doesNotContain("\"system\"");
  }
}
