package dev.qwen4j.tools;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Units of measure by the names people give them. Each is a multiple of its dimension's base unit,
 * which is exact by definition (the international yard and pound, the US gallon), after an offset
 * for temperatures.
 */
final class Units {
  private static final MathContext WORKING = MathContext.DECIMAL128;

  /**
   * A unit: {@code base = (value + offset) * multiple / divisor}.
   *
   * @param dimension what it measures, for people
   */
  record Unit(String dimension, BigDecimal offset, BigDecimal multiple, BigDecimal divisor) {}

  private static final Map<String, Unit> ALL = new LinkedHashMap<>();

  static {
    String length = "length";
    add(length, "0.000001", "micrometer um");
    add(length, "0.001", "mm millimeter millimetre");
    add(length, "0.01", "cm centimeter centimetre");
    add(length, "1", "m meter metre");
    add(length, "1000", "km kilometer kilometre");
    add(length, "0.0254", "in inch inches");
    add(length, "0.3048", "ft foot feet");
    add(length, "0.9144", "yd yard");
    add(length, "1609.344", "mi mile");
    add(length, "1852", "nmi nautical_mile");
    String mass = "mass";
    add(mass, "0.000001", "mg milligram");
    add(mass, "0.001", "g gram");
    add(mass, "1", "kg kilogram kilo");
    add(mass, "1000", "t tonne metric_ton");
    add(mass, "0.028349523125", "oz ounce");
    add(mass, "0.45359237", "lb lbs pound");
    add(mass, "6.35029318", "st stone");
    String volume = "volume";
    add(volume, "0.001", "ml milliliter millilitre");
    add(volume, "0.01", "cl centiliter centilitre");
    add(volume, "1", "l liter litre");
    add(volume, "1000", "m3 cubic_meter cubic_metre");
    add(volume, "3.785411784", "gal gallon");
    add(volume, "0.946352946", "qt quart");
    add(volume, "0.473176473", "pt pint");
    add(volume, "0.2365882365", "cup");
    add(volume, "0.0295735295625", "fl_oz fluid_ounce");
    add(volume, "0.01478676478125", "tbsp tablespoon");
    add(volume, "0.00492892159375", "tsp teaspoon");
    String area = "area";
    add(area, "0.0001", "cm2 square_centimeter");
    add(area, "1", "m2 square_meter square_metre");
    add(area, "1000000", "km2 square_kilometer square_kilometre");
    add(area, "10000", "ha hectare");
    add(area, "4046.8564224", "acre");
    add(area, "0.09290304", "ft2 square_foot square_feet");
    add(area, "2589988.110336", "mi2 square_mile");
    String time = "time";
    add(time, "0.001", "ms millisecond");
    add(time, "1", "s sec second");
    add(time, "60", "min minute");
    add(time, "3600", "h hr hour");
    add(time, "86400", "d day");
    add(time, "604800", "week");
    add(time, "31557600", "year");
    String speed = "speed";
    add(speed, "1", "m/s mps");
    ratio(speed, "1000", "3600", "km/h kmh kph");
    ratio(speed, "1609.344", "3600", "mph mi/h");
    ratio(speed, "1852", "3600", "knot kn");
    String data = "data";
    ratio(data, "1", "8", "bit");
    add(data, "1", "byte b");
    add(data, "1000", "kb kilobyte");
    add(data, "1000000", "mb megabyte");
    add(data, "1000000000", "gb gigabyte");
    add(data, "1000000000000", "tb terabyte");
    add(data, "1024", "kib");
    add(data, "1048576", "mib");
    add(data, "1073741824", "gib");
    temperature("0", "1", "1", "k kelvin");
    temperature("273.15", "1", "1", "c °c celsius centigrade degrees_celsius");
    temperature("459.67", "5", "9", "f °f fahrenheit degrees_fahrenheit");
  }

  private Units() {}

  private static void add(String dimension, String multiple, String names) {
    ratio(dimension, multiple, "1", names);
  }

  private static void ratio(String dimension, String multiple, String divisor, String names) {
    put(names, new Unit(dimension, BigDecimal.ZERO, number(multiple), number(divisor)));
  }

  private static void temperature(String offset, String multiple, String divisor, String names) {
    put(names, new Unit("temperature", number(offset), number(multiple), number(divisor)));
  }

  private static BigDecimal number(String text) {
    return new BigDecimal(text);
  }

  private static void put(String names, Unit unit) {
    for (String name : names.split(" ", -1)) {
      ALL.put(name, unit);
    }
  }

  /** The unit of a name in any case, in the singular or with an s; null if there is none. */
  static @Nullable Unit named(String name) {
    String key = name.toLowerCase(Locale.ROOT).replace(' ', '_').replace("²", "2");
    Unit unit = ALL.get(key);
    if (unit == null && key.endsWith("s") && key.length() > 3) {
      unit = ALL.get(key.substring(0, key.length() - 1));
    }
    return unit;
  }

  /** Every name, for suggestions. */
  static List<String> names() {
    return List.copyOf(ALL.keySet());
  }

  /** To 34 digits; both units measure the same. */
  static BigDecimal convert(BigDecimal value, Unit from, Unit to) {
    BigDecimal base = value.add(from.offset).multiply(from.multiple, WORKING);
    return base.multiply(to.divisor, WORKING)
        .divide(from.divisor.multiply(to.multiple), WORKING)
        .subtract(to.offset, WORKING);
  }
}
