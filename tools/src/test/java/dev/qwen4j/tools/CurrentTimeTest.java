package dev.qwen4j.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.tool.ToolResult;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CurrentTimeTest {
  private final BasicTools tools =
      BasicTools.at(
          Clock.fixed(Instant.parse("2026-02-28T23:30:05.123Z"), ZoneId.of("Europe/Berlin")));

  @Test
  void theLocalTimeIsToldWithWeekdayAndZone() throws Exception {
    assertThat(time("{}").text()).isEqualTo("2026-03-01T00:30:05+01:00 Sunday (Europe/Berlin)");
    assertThat(time("{\"zone\":\"\"}").text()).startsWith("2026-03-01T00:30:05+01:00");
  }

  @ParameterizedTest
  @CsvSource({
    "Asia/Shanghai, 2026-03-01T07:30:05+08:00 Sunday (Asia/Shanghai)",
    "UTC, 2026-02-28T23:30:05Z Saturday (UTC)",
    "UTC+8, 2026-03-01T07:30:05+08:00 Sunday (UTC+08:00)",
    "Tokyo, 2026-03-01T08:30:05+09:00 Sunday (Asia/Tokyo)",
    "new york, 2026-02-28T18:30:05-05:00 Saturday (America/New_York)",
    "america/new_york, 2026-02-28T18:30:05-05:00 Saturday (America/New_York)"
  })
  void zonesAreUnderstoodAsModelsWriteThem(String zone, String expected) throws Exception {
    assertThat(time("{\"zone\":\"" + zone + "\"}").text()).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "Europe/Berln, Europe/Berlin",
    "Europe/Shanghai, Asia/Shanghai",
    "Xyzzyplugh, 'Examples: Asia/Shanghai'"
  })
  void anUnknownZoneIsAnsweredWithSuggestions(String zone, String suggestion) throws Exception {
    ToolResult result = time("{\"zone\":\"" + zone + "\"}");
    assertThat(result.isError()).isTrue();
    assertThat(result.text()).contains("'" + zone + "' is not an IANA").contains(suggestion);
  }

  private ToolResult time(String json) throws Exception {
    return Calls.call(tools, "current_time", json);
  }
}
