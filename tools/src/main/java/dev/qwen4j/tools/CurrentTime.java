package dev.qwen4j.tools;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolContext;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.TextStyle;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** {@code current_time}: now, in ISO form with the weekday, in any zone. */
final class CurrentTime implements ReadingTool {
  private final Clock clock;

  CurrentTime(Clock clock) {
    this.clock = clock;
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("current_time")
        .description("Tells the current date, time and weekday.")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty(
                    "zone", "IANA time zone, for example Asia/Shanghai (default: the local one)")
                .build())
        .build();
  }

  @Override
  public String answer(ToolArguments arguments, ToolContext context) throws Refusal {
    String named = arguments.optionalString("zone").orElse("").strip();
    ZoneId zone = named.isEmpty() ? clock.getZone() : zone(named);
    ZonedDateTime now = clock.instant().atZone(zone).truncatedTo(ChronoUnit.SECONDS);
    return now.format(DateTimeFormatter.ISO_OFFSET_DATE_TIME)
        + " "
        + now.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH)
        + " ("
        + zone.getId()
        + ")";
  }

  private static ZoneId zone(String named) throws Refusal {
    try {
      return ZoneId.of(named);
    } catch (DateTimeException e) {
      // Models write "Tokyo", "new york" or "america/new_york".
      String id = named.replace(' ', '_');
      Set<String> zones = ZoneId.getAvailableZoneIds();
      List<String> same =
          zones.stream()
              .filter(zone -> zone.equalsIgnoreCase(id) || city(zone).equalsIgnoreCase(id))
              .sorted()
              .toList();
      if (same.size() == 1) {
        return ZoneId.of(same.getFirst());
      }
      var near = new LinkedHashSet<>(same);
      near.addAll(Nearest.to(id, zones, 3));
      for (String city : Nearest.to(city(id), zones.stream().map(CurrentTime::city).toList(), 3)) {
        zones.stream().filter(zone -> city(zone).equals(city)).sorted().forEach(near::add);
      }
      throw new Refusal(
          "'"
              + named
              + "' is not an IANA time zone. "
              + (near.isEmpty()
                  ? "Examples: Asia/Shanghai, Europe/Berlin, America/New_York, UTC+8."
                  : "Did you mean " + String.join(", ", near.stream().limit(4).toList()) + "?"));
    }
  }

  private static String city(String zone) {
    return zone.substring(zone.lastIndexOf('/') + 1);
  }
}
