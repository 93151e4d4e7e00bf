package dev.qwen4j.inference.internal.template;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.Iterator;
import java.util.Map;

/**
 * How Python writes and trims values, for the templates were trained on its output.
 *
 * <p>{@link #json} is {@code json.dumps(x, ensure_ascii=False)}, which HuggingFace installs as the
 * {@code tojson} filter; {@link #string} is {@code str(x)}; {@link #strip} is {@code str.strip()}.
 */
final class PythonText {
  private PythonText() {}

  static String json(JsonNode node) {
    StringBuilder out = new StringBuilder();
    write(node, out, false);
    return out.toString();
  }

  static String string(JsonNode node) {
    if (node.isTextual()) {
      return node.textValue();
    }
    StringBuilder out = new StringBuilder();
    write(node, out, true);
    return out.toString();
  }

  /**
   * Writes {@code node} as JSON, or as Python's {@code repr}: the two differ only in the leaves.
   */
  private static void write(JsonNode node, StringBuilder out, boolean repr) {
    switch (node.getNodeType()) {
      case OBJECT -> {
        out.append('{');
        for (Iterator<Map.Entry<String, JsonNode>> it = node.properties().iterator();
            it.hasNext(); ) {
          Map.Entry<String, JsonNode> field = it.next();
          quote(field.getKey(), out, repr);
          out.append(": ");
          write(field.getValue(), out, repr);
          out.append(it.hasNext() ? ", " : "");
        }
        out.append('}');
      }
      case ARRAY -> {
        out.append('[');
        for (Iterator<JsonNode> it = node.elements(); it.hasNext(); ) {
          write(it.next(), out, repr);
          out.append(it.hasNext() ? ", " : "");
        }
        out.append(']');
      }
      case STRING -> quote(node.textValue(), out, repr);
      case NUMBER ->
          out.append(node.isFloatingPointNumber() ? number(node.doubleValue()) : node.asText());
      case BOOLEAN ->
          out.append(repr ? (node.booleanValue() ? "True" : "False") : (node.booleanValue() + ""));
      default -> out.append(repr ? "None" : "null");
    }
  }

  private static void quote(String text, StringBuilder out, boolean repr) {
    if (repr) {
      quoteRepr(text, out);
    } else {
      quoteJson(text, out);
    }
  }

  private static void quoteJson(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> {
          if (c < ' ') {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  private static void quoteRepr(String text, StringBuilder out) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    out.append(quote);
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                  if (c == quote) {
                    out.append('\\').append(quote);
                  } else if (isPrintable(c)) {
                    out.appendCodePoint(c);
                  } else {
                    out.append(
                        String.format(
                            c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
                  }
                }
              }
            });
    out.append(quote);
  }

  private static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }

  /**
   * The shortest decimal that reads back equal, with Python's choice of where to go exponential.
   */
  private static String number(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "Infinity" : "-Infinity";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal decimal = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    int point = decimal.precision() - decimal.scale();
    if (point > -4 && point <= 16) {
      String plain = decimal.toPlainString();
      return plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }
    String digits = decimal.unscaledValue().abs().toString();
    String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    int exponent = point - 1;
    return (value < 0 ? "-" : "")
        + mantissa
        + (exponent < 0 ? "e-" : "e+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }

  static String strip(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && isSpace(text.charAt(from))) {
      from++;
    }
    while (to > from && isSpace(text.charAt(to - 1))) {
      to--;
    }
    return text.substring(from, to);
  }

  static String stripNewlines(String text) {
    return stripLeadingNewlines(stripTrailingNewlines(text));
  }

  static String stripLeadingNewlines(String text) {
    int from = 0;
    while (from < text.length() && text.charAt(from) == '\n') {
      from++;
    }
    return text.substring(from);
  }

  static String stripTrailingNewlines(String text) {
    int to = text.length();
    while (to > 0 && text.charAt(to - 1) == '\n') {
      to--;
    }
    return text.substring(0, to);
  }

  /** {@code str.isspace}: wider than Java's isWhitespace (no-break spaces, NEL), none astral. */
  private static boolean isSpace(char c) {
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || Character.isSpaceChar(c);
  }
}
