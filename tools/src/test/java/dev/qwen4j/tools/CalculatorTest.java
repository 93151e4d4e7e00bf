package dev.qwen4j.tools;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.qwen4j.tool.ToolResult;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CalculatorTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1234 * 5678 | 7006652",
        "0.1 + 0.2 | 0.3",
        "1000000 * 1000000 | 1000000000000",
        "10 / 4 | 2.5",
        "100 / 10 | 10",
        "1 / 3 | 0.33333333333333333333",
        "(1 / 3) * 3 | 1",
        "2 + 3 * 4 | 14",
        "(2 + 3) * 4 | 20",
        "-2 ^ 2 | -4",
        "2 ^ 3 ^ 2 | 512",
        "2 ** 10 | 1024",
        "2 ^ -1 | 0.5",
        "4 ^ 0.5 | 2",
        "2 ^ 100 | 1267650600228229401496703205376",
        "17 % 5 | 2",
        "-7 % 3 | 2",
        "--3 | 3",
        "1.5e3 + 1 | 1501",
        "2E-3 | 0.002",
        "sqrt(16) | 4",
        "sqrt(2) | 1.4142135623730950488",
        "abs(-5.5) | 5.5",
        "min(3, 1, 2) | 1",
        "max(1,234) | 234",
        "round(2.5) | 3",
        "round(3.14159, 2) | 3.14",
        "floor(-1.5) | -2",
        "ceil(1.2) | 2",
        "ln(e) | 1",
        "log(1000) | 3",
        "exp(0) | 1",
        "sin(pi) | 0",
        "cos(0) | 1",
        "tan(pi / 4) | 1",
        "pow(2, 8) | 256",
        "PI * 0 | 0",
        "3 × 4 ÷ 2 − 1 | 5",
        "1,234,567 + 1 | 1234568",
        "1_000_000 / 8 | 125000",
        "(1,000 + 1) * 2 | 2002",
        "12 x 5 | 60",
        "6 * 7 = | 42",
        "6 * 7 = ? | 42",
        "123456789012345678.123456789 + 1 | 123456789012345679.123456789",
        "1e40 | 10000000000000000000000000000000000000000",
        "1e-30 | 1E-30",
        "exp(-100) | 3.72007597602084E-44",
        "0 ^ 0 | 1",
        "0 * 5 | 0",
        "0.1 * 10 | 1",
      })
  void calculatesExactly(String expression, String expected) throws Exception {
    assertThat(calculate(expression)).isEqualTo(ToolResult.of(expected));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 / 0 | Division by zero",
        "5 % 0 | Division by zero",
        "0 ^ -1 | Division by zero",
        "sqrt(-1) | not real",
        "(-8) ^ 0.3 | not real",
        "ln(0) | not a real number",
        "ln(-1) | not a real number",
        "2 + | at character 3",
        "2 + * 3 | at character 5",
        "(1 + 2 | Cannot calculate '(1 + 2'",
        "foo(3) | at character 1",
        "x + 1 | at character 1",
        "20% of 50 | write a percentage as",
        "pow(2) | pow takes 2 arguments, not 1",
        "sqrt() | sqrt takes 1 arguments, not 0",
      })
  void whatCannotBeCalculatedIsExplained(String expression, String part) throws Exception {
    ToolResult result = calculate(expression);
    assertThat(result.isError()).as(result.text()).isTrue();
    assertThat(result.text()).contains(part);
  }

  @ParameterizedTest
  @Timeout(120)
  @ValueSource(
      strings = {
        "9^9^9^9",
        "9^999999999",
        "1e999999999 + 1",
        "1e999999999 % 7",
        "1e2147483647 * 10",
        "1e-999999999 + 1",
        "10^9999 * 10^9999",
        "floor(1e999999999)",
        "exp(1e10)",
        "2^0.5^1e9999",
        "round(1, 1e9)"
      })
  void hugeNumbersEndAtOnce(String expression) throws Exception {
    ToolResult result = calculate(expression);
    assertThat(result.text()).hasSizeLessThan(1_100);
  }

  @Test
  @Timeout(120)
  void deepAndLongExpressionsEndAtOnce() throws Exception {
    assertThat(calculate("(".repeat(499) + "1" + ")".repeat(499)).text()).isNotEmpty();
    assertThat(calculate("-".repeat(999) + "1")).isEqualTo(ToolResult.of("-1"));
    ToolResult tooLong = calculate("1+".repeat(600) + "1");
    assertThat(tooLong.isError()).isTrue();
    assertThat(tooLong.text()).contains("1201 characters; at most 1000");
    assertThat(calculate("  ").isError()).isTrue();
  }

  @Test
  void onlyNumbersGoIn() throws Exception {
    assertThat(calculate("\"a\" + 1").isError()).isTrue();
    assertThat(calculate("1 == 1").isError()).isTrue();
    assertThat(calculate("true").isError()).isTrue();
    assertThat(calculate("[1,2]").isError()).isTrue();
  }

  private static ToolResult calculate(String expression) throws Exception {
    String json = new ObjectMapper().writeValueAsString(Map.of("expression", expression));
    return Calls.call(BasicTools.create(), "calculator", json);
  }
}
