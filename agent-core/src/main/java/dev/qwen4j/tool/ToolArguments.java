package dev.qwen4j.tool;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a tool call: a JSON object with typed access. A tool that reads an argument
 * which its schema requires gets it; a missing or mistyped one is an {@link
 * IllegalArgumentException} whose message the model can act on.
 */
public final class ToolArguments {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final ObjectNode object;
  private @Nullable String json; // The object never changes, so whoever comes first may write it.

  private ToolArguments(ObjectNode object) {
    this.object = object;
  }

  /**
   * Reads a JSON object; blank text means no arguments.
   *
   * @throws IllegalArgumentException if {@code json} is not one JSON object, with the position
   */
  public static ToolArguments parse(String json) {
    if (json.isBlank()) {
      return new ToolArguments(JSON.createObjectNode());
    }
    try (var parser = JSON.createParser(json)) {
      JsonNode node = JSON.readTree(parser);
      if (!(node instanceof ObjectNode object)) {
        throw new IllegalArgumentException(
            "The arguments must be one JSON object, but were: " + abbreviate(json));
      }
      if (parser.nextToken() != null) {
        throw new IllegalArgumentException(
            "The arguments must be one JSON object, but more text follows it at character "
                + (parser.currentTokenLocation().getCharOffset() + 1)
                + ".");
      }
      return new ToolArguments(object);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "The arguments are not valid JSON: "
              + e.getOriginalMessage()
              + " (line "
              + e.getLocation().getLineNr()
              + ", column "
              + e.getLocation().getColumnNr()
              + ").",
          e);
    } catch (java.io.IOException e) {
      throw new IllegalStateException("reading from a string cannot fail", e);
    }
  }

  /** The arguments as compact JSON, keys in the order the model gave them. */
  public String json() {
    String written = json;
    if (written == null) {
      written = object.toString();
      json = written;
    }
    return written;
  }

  /** The arguments as plain maps, lists, strings, numbers and booleans. */
  public Map<String, Object> toMap() {
    return JSON.convertValue(object, new com.fasterxml.jackson.core.type.TypeReference<>() {});
  }

  /** Whether {@code name} was given and is not null. */
  public boolean has(String name) {
    return object.hasNonNull(name);
  }

  /** The text of {@code name}; a number or boolean is taken as its text. */
  public String string(String name) {
    return optionalString(name)
        .orElseThrow(() -> new IllegalArgumentException("Argument '" + name + "' is missing."));
  }

  public Optional<String> optionalString(String name) {
    JsonNode value = object.get(name);
    if (value == null || value.isNull()) {
      return Optional.empty();
    }
    if (!value.isValueNode()) {
      throw mistyped(name, "a string", value);
    }
    return Optional.of(value.asText());
  }

  /** The whole number {@code name}, or {@code fallback} when it was not given. */
  public int integer(String name, int fallback) {
    JsonNode value = object.get(name);
    if (value == null || value.isNull()) {
      return fallback;
    }
    if (value.isTextual() && value.textValue().strip().matches("[+-]?\\d{1,9}")) {
      return Integer.parseInt(value.textValue().strip());
    }
    if (!value.canConvertToInt() || value.doubleValue() != value.intValue()) {
      throw mistyped(name, "a whole number", value);
    }
    return value.intValue();
  }

  /** The boolean {@code name}, or {@code fallback} when it was not given. */
  public boolean bool(String name, boolean fallback) {
    JsonNode value = object.get(name);
    if (value == null || value.isNull()) {
      return fallback;
    }
    if (value.isTextual() && value.textValue().strip().matches("(?i)true|false")) {
      return Boolean.parseBoolean(value.textValue().strip());
    }
    if (!value.isBoolean()) {
      throw mistyped(name, "true or false", value);
    }
    return value.booleanValue();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ToolArguments that && object.equals(that.object);
  }

  @Override
  public int hashCode() {
    return object.hashCode();
  }

  @Override
  public String toString() {
    return json();
  }

  private static IllegalArgumentException mistyped(String name, String expected, JsonNode found) {
    return new IllegalArgumentException(
        "Argument '"
            + name
            + "' must be "
            + expected
            + ", but was "
            + abbreviate(found.toString())
            + ".");
  }

  private static String abbreviate(String text) {
    return text.length() <= 80 ? text : text.substring(0, 80) + "…";
  }
}
