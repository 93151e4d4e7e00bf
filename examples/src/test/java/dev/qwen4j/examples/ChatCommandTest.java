package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** {@code qwen4j chat} with its input from a pipe. */
class ChatCommandTest {
  private static Outcome chat(ScriptedEndpoint endpoint, String input) {
    return Outcome.of(input, Map.of(), "chat", "--model", endpoint.model());
  }

  @Test
  void remembersWhatWasSaidUntilItIsCleared() {
    try (ScriptedEndpoint endpoint = new ScriptedEndpoint()) {
      endpoint.answers("Hello Ada.").answers("Ada.").answers("I do not know.");

      Outcome outcome = chat(endpoint, "I am Ada.\nWho am I?\n/clear\nWho am I?\n/exit\nmore\n");

      assertThat(outcome.exitCode()).isZero();
      assertThat(outcome.out()).isEqualTo("Hello Ada.\nAda.\nI do not know.\n");
      assertThat(endpoint.requests()).hasSize(3);
      assertThat(endpoint.requests().get(1).getBodyAsString())
          .contains("I am Ada.", "Hello Ada.", "Who am I?");
      assertThat(endpoint.requests().get(2).getBodyAsString()).doesNotContain("Ada");
    }
  }

  @Test
  void goesOnAfterAnErrorAndEndsWithTheLastOne() {
    try (ScriptedEndpoint endpoint = new ScriptedEndpoint()) {
      endpoint.answers("One.");
      endpoint.calls("x", "calculator", "{\"expression\": \"1 + 1\"}").answers("Two.");

      Outcome outcome = chat(endpoint, "first\n/nonsense\n\nsecond\nthird, beyond the script\n");

      assertThat(outcome.out()).contains("One.", "→ calculator", "Two.");
      assertThat(outcome.err().lines()).hasSize(2);
      assertThat(outcome.err()).contains("/nonsense", "404").doesNotContain("Exception");
      assertThat(outcome.exitCode()).isEqualTo(1);
    }
  }
}
