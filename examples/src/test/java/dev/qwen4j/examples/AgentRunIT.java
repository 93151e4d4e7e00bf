package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The main job on a real checkpoint: call a tool, and answer from its result. */
@EnabledIfEnvironmentVariable(named = "QWEN4J_TEST_MODEL", matches = ".+")
class AgentRunIT {
  @ParameterizedTest
  @CsvSource({"1234, 5678, 7006652", "4321, 8765, 37873565", "999, 777, 776223"})
  void theCalculatorIsCalledAndItsResultAnswered(String a, String b, String product) {
    String task = "What is " + a + " * " + b + "? Use the calculator.";
    String model = System.getenv("QWEN4J_TEST_MODEL");

    // A seed, since so small a model goes astray in some runs, and then writes for minutes.
    String[] run = {"run", "--json", "--seed", "1", "--max-time", "120", task};
    Outcome outcome = Outcome.of("", Map.of("QWEN4J_MODEL", model), run);

    assertThat(outcome.lines("tool_call").getFirst().path("name").asText()).isEqualTo("calculator");
    assertThat(outcome.lines("tool_result").getFirst().path("content").asText()).contains(product);
    assertThat(outcome.result().path("text").asText().replace(",", "")).contains(product);
    assertThat(outcome.exitCode()).as(outcome.out() + outcome.err()).isZero();
  }
}
