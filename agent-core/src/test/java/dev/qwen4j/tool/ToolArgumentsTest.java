package dev.qwen4j.tool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ToolArgumentsTest {
  @Test
  void theOrderOfKeysDoesNotMatter() {
    assertThat(ToolArguments.parse("{\"a\": 1, \"b\": 2}"))
        .isEqualTo(ToolArguments.parse("{\"b\":2,\"a\":1}"));
  }

  @Test
  void brokenJsonIsToldWithItsPosition() {
    assertThatThrownBy(() -> ToolArguments.parse("{\"a\": 1,\n \"b\" 2}"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("line 2, column 6");
  }

  @Test
  void anArgumentOfTheWrongTypeIsNamed() {
    ToolArguments arguments = ToolArguments.parse("{\"n\": [1], \"s\": \"12\"}");
    assertThat(arguments.integer("s", 0)).isEqualTo(12);
    assertThat(arguments.integer("missing", 3)).isEqualTo(3);
    assertThatThrownBy(() -> arguments.string("n"))
        .hasMessage("Argument 'n' must be a string, but was [1].");
    assertThatThrownBy(() -> arguments.string("missing"))
        .hasMessage("Argument 'missing' is missing.");
  }
}
