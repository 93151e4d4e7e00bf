package dev.qwen4j.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BrokenCallsTest {
  private static final Set<String> TOOLS = Set.of("read_file", "calculator");

  @ParameterizedTest
  @ValueSource(
      strings = {
        // Of the real 0.5B model, cut: no commas, and results that no tool gave.
        "{\"name\": \"read_file\" \"arguments\": {\"path\": \"a.txt\"} \"result\": \"7\"}\n"
            + "{\"name\": \"calculator\" \"arguments\": {}}\n</tool_response>",
        "{\"name\": \"calculator\", \"arguments\": {\"expression\": \"6*7\"}, \"result\": 42}",
        "```json\n[{'name': 'calculator', 'output': 42}]\n```",
      })
  void callsThatNobodyCanReadAreToldFromWords(String text) {
    assertThat(BrokenCalls.fill(text, TOOLS)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "It is 42.",
        "{\"name\": \"Anna\", \"age\": 7}",
        "{\"name\": \"calculator\", \"output\": 42} is what the tool would say.",
        "I called {\"name\": \"calculator\"}",
      })
  void anAnswerIsAnAnswer(String text) {
    assertThat(BrokenCalls.fill(text, TOOLS)).isFalse();
  }

  @Test
  void withoutToolsThereAreNoCalls() {
    assertThat(BrokenCalls.fill("{\"name\": \"calculator\", \"output\": 42}", Set.of())).isFalse();
  }
}
