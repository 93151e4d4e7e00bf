package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;

/**
 * Several measurements of the same.
 *
 * @param median the upper one of an even number
 */
record Rates(double median, double min, double max) {
  static Rates of(double[] measured) {
    double[] sorted = measured.clone();
    Arrays.sort(sorted);
    return new Rates(sorted[sorted.length / 2], sorted[0], sorted[sorted.length - 1]);
  }

  /** The same in a unit that is so much larger. */
  Rates per(double unit) {
    return new Rates(median / unit, min / unit, max / unit);
  }

  ObjectNode json() {
    return JsonLines.JSON
        .createObjectNode()
        .put("median", rounded(median))
        .put("min", rounded(min))
        .put("max", rounded(max));
  }

  /** The median and the range, with so many decimals. */
  String text(String unit, int decimals) {
    String number = "%." + decimals + "f";
    return (number + " %s (" + number + " to " + number + ")").formatted(median, unit, min, max);
  }

  /** To four digits, which is more than any measurement is worth. */
  static double rounded(double value) {
    return new BigDecimal(value).round(new MathContext(4)).doubleValue();
  }
}
