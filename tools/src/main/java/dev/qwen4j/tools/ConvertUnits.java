package dev.qwen4j.tools;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolContext;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;

/**
 * {@code convert_units}: {@link Units} as an equation, {@code 42 km = 26.09759 miles}, with the
 * units as they were asked for and seven digits.
 */
final class ConvertUnits implements ReadingTool {
  private static final MathContext SHOWN = MathContext.DECIMAL32;

  /** Beyond it, exact arithmetic would only take time. */
  private static final int MAX_EXPONENT = 60;

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("convert_units")
        .description(
            "Converts a value from one unit to another: length, mass, volume, area, speed, time,"
                + " data, temperature.")
        .parameters(
            JsonObjectSchema.builder()
                .addNumberProperty("value", "The number to convert")
                .addStringProperty("from", "Its unit, for example km or fahrenheit")
                .addStringProperty("to", "The unit wanted, for example miles")
                .required("value", "from", "to")
                .build())
        .build();
  }

  @Override
  public String answer(ToolArguments arguments, ToolContext context) throws Refusal {
    BigDecimal value = value(arguments.string("value").strip());
    String from = arguments.string("from").strip();
    String to = arguments.string("to").strip();
    Units.Unit source = unit(from);
    Units.Unit target = unit(to);
    if (!source.dimension().equals(target.dimension())) {
      throw new Refusal(
          "Cannot convert "
              + from
              + " ("
              + source.dimension()
              + ") to "
              + to
              + " ("
              + target.dimension()
              + ").");
    }
    BigDecimal converted = Units.convert(value, source, target).round(SHOWN);
    return Arithmetic.format(value) + " " + from + " = " + Arithmetic.format(converted) + " " + to;
  }

  private static BigDecimal value(String given) throws Refusal {
    try {
      var value = new BigDecimal(given);
      if (Math.abs((long) value.precision() - value.scale()) <= MAX_EXPONENT
          && value.precision() <= MAX_EXPONENT) {
        return value;
      }
      throw new Refusal("'value' is out of range: at most 60 digits are converted.");
    } catch (NumberFormatException e) {
      throw new Refusal("'value' must be a number such as 12.5, but was '" + given + "'.");
    }
  }

  private static Units.Unit unit(String name) throws Refusal {
    Units.Unit unit = Units.named(name);
    if (unit != null) {
      return unit;
    }
    List<String> near = Nearest.to(name, Units.names(), 3);
    throw new Refusal(
        "'"
            + name
            + "' is not a known unit. "
            + (near.isEmpty()
                ? "Examples: km, miles, kg, pounds, liters, celsius, hours, MB."
                : "Did you mean " + String.join(", ", near) + "?"));
  }
}
