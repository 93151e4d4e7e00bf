package dev.qwen4j.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.tool.ToolResult;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConvertUnitsTest {
  @ParameterizedTest
  @CsvSource({
    "42, km, miles, 42 km = 26.09759 miles",
    "5, pounds, kg, 5 pounds = 2.267962 kg",
    "75, fahrenheit, celsius, 75 fahrenheit = 23.88889 celsius",
    "-40, celsius, fahrenheit, -40 celsius = -40 fahrenheit",
    "0, K, C, 0 K = -273.15 C",
    "1.50, Hours, minutes, 1.5 Hours = 90 minutes",
    "100, km/h, mph, 100 km/h = 62.13712 mph",
    "3, square feet, m2, 3 square feet = 0.2787091 m2",
    "1, GiB, MB, 1 GiB = 1073.742 MB",
    "1000000, mm, km, 1000000 mm = 1 km",
    "3, m, m, 3 m = 3 m",
    "12, s, ms, 12 s = 12000 ms"
  })
  void aValueIsConvertedBetweenUnitsAsPeopleNameThem(
      String value, String from, String to, String expected) throws Exception {
    assertThat(convert(value, from, to).text()).isEqualTo(expected);
  }

  @Test
  void unitsThatMeasureDifferentThingsAreRefused() throws Exception {
    ToolResult result = convert("1", "km", "kg");
    assertThat(result.isError()).isTrue();
    assertThat(result.text()).isEqualTo("Cannot convert km (length) to kg (mass).");
  }

  @Test
  void anUnknownUnitIsAnsweredWithWhatMayBeMeant() throws Exception {
    assertThat(convert("1", "kilometrs", "m").text()).contains("Did you mean", "kilometer");
    assertThat(convert("1", "qqqqqqqq", "m").text()).contains("not a known unit", "Examples: km");
  }

  @Test
  void aValueThatIsNoSensibleNumberIsRefused() throws Exception {
    assertThat(convert("\"a dozen\"", "km", "m").text()).contains("'a dozen'");
    assertThat(convert("1e999999999", "km", "m").isError()).isTrue();
  }

  private static ToolResult convert(String value, String from, String to) throws Exception {
    return Calls.call(
        BasicTools.create(),
        "convert_units",
        "{\"value\":%s,\"from\":\"%s\",\"to\":\"%s\"}".formatted(value, from, to));
  }
}
