package dev.qwen4j.inference.internal.weights.huggingface;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.qwen4j.inference.BadCheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The fields of a JSON object in a file, by type and within bounds. A field that is missing, of
 * another type or out of bounds is a {@link BadCheckpointException} that names file and field. A
 * field that is null counts as absent.
 */
final class JsonFields {
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private static final long MOST_BYTES = 64 << 20;

  /** No shape computed from a few such counts overflows a long. */
  private static final int MOST = 1 << 24;

  private final Path file;
  private final String prefix;
  private final JsonNode node;

  private JsonFields(Path file, String prefix, JsonNode node) {
    this.file = file;
    this.prefix = prefix;
    this.node = node;
  }

  /** The object in a file that must be there. */
  static JsonFields read(Path file) {
    return readIfThere(file)
        .orElseThrow(
            () ->
                new BadCheckpointException(
                    file + ": no such file; download the whole folder, or give a GGUF file"));
  }

  static Optional<JsonFields> readIfThere(Path file) {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    JsonNode node;
    try {
      if (Files.size(file) > MOST_BYTES) {
        throw new BadCheckpointException(
            "%s: %d bytes, expected at most %d of JSON; download it again"
                .formatted(file, Files.size(file), MOST_BYTES));
      }
      node = JSON.readTree(Files.readAllBytes(file));
    } catch (JsonProcessingException e) {
      throw damaged(file, e);
    } catch (IOException e) {
      throw new BadCheckpointException(file + ": cannot be read: " + e.getMessage(), e);
    }
    if (node == null || !node.isObject()) {
      throw new BadCheckpointException(file + ": expected a JSON object; download it again");
    }
    return Optional.of(new JsonFields(file, "", node));
  }

  /** The complaint about a file that is no JSON. */
  static BadCheckpointException damaged(Path file, JsonProcessingException e) {
    String where =
        e.getLocation() == null
            ? ""
            : " at line %d, column %d"
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    String problem = e.getOriginalMessage().lines().findFirst().orElse("");
    return new BadCheckpointException(
        "%s: damaged JSON%s: %s; download it again".formatted(file, where, problem), e);
  }

  Path file() {
    return file;
  }

  boolean has(String field) {
    return !value(field).isNull();
  }

  JsonNode value(String field) {
    JsonNode value = node.get(field);
    return value == null ? JsonNodeFactory.instance.nullNode() : value;
  }

  /** The object in a field, empty where there is none. */
  JsonFields child(String field) {
    JsonNode value = value(field);
    if (!value.isNull() && !value.isObject()) {
      throw bad(field, "an object");
    }
    return new JsonFields(
        file, prefix + field + ".", value.isNull() ? JsonNodeFactory.instance.objectNode() : value);
  }

  boolean isEmpty() {
    return node.isEmpty();
  }

  /** All fields in their order, for objects whose names are data. */
  Map<String, JsonNode> properties() {
    Map<String, JsonNode> properties = new LinkedHashMap<>();
    node.properties().forEach(entry -> properties.put(entry.getKey(), entry.getValue()));
    return properties;
  }

  /** A number of things of which there is at least one. */
  int count(String field) {
    return optionalCount(field).orElseThrow(() -> bad(field, "a number from 1 to " + MOST));
  }

  OptionalInt optionalCount(String field) {
    return optionalInteger(field, 1);
  }

  /** An integer from {@code least} to 2^24. */
  OptionalInt optionalInteger(String field, int least) {
    JsonNode value = value(field);
    if (value.isNull()) {
      return OptionalInt.empty();
    }
    double number = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!(number >= least && number <= MOST) || number != Math.rint(number)) {
      throw bad(field, "a number from " + least + " to " + MOST);
    }
    return OptionalInt.of((int) number);
  }

  OptionalDouble optionalNumber(String field) {
    JsonNode value = value(field);
    if (value.isNull()) {
      return OptionalDouble.empty();
    }
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      throw bad(field, "a number");
    }
    return OptionalDouble.of(value.doubleValue());
  }

  Optional<String> optionalText(String field) {
    JsonNode value = value(field);
    if (value.isNull()) {
      return Optional.empty();
    }
    if (!value.isTextual()) {
      throw bad(field, "a string");
    }
    return Optional.of(value.textValue());
  }

  boolean flag(String field, boolean otherwise) {
    JsonNode value = value(field);
    if (value.isNull()) {
      return otherwise;
    }
    if (!value.isBoolean()) {
      throw bad(field, "true or false");
    }
    return value.booleanValue();
  }

  /** An array of strings, empty where there is none. */
  List<String> texts(String field) {
    List<String> texts = new ArrayList<>();
    JsonNode value = value(field);
    if (!value.isNull() && !value.isArray()) {
      throw bad(field, "an array of strings");
    }
    for (JsonNode element : value) {
      if (!element.isTextual()) {
        throw bad(field, "an array of strings");
      }
      texts.add(element.textValue());
    }
    return texts;
  }

  /** A number, or the numbers of an array; ids mostly. */
  List<Integer> integers(String field) {
    JsonNode value = value(field);
    List<Integer> integers = new ArrayList<>();
    for (JsonNode element : value.isArray() ? value : List.of(value)) {
      if (!element.isNull()) {
        if (!element.isIntegralNumber() || !element.canConvertToInt() || element.intValue() < 0) {
          throw bad(field, "ids");
        }
        integers.add(element.intValue());
      }
    }
    return integers;
  }

  /** The complaint that a field is not what it should be. */
  BadCheckpointException bad(String field, String expected) {
    String found = has(field) ? value(field).toString() : "nothing";
    return new BadCheckpointException(
        "%s: field %s%s is %s, expected %s"
            .formatted(
                file,
                prefix,
                field,
                found.length() <= 60 ? found : found.substring(0, 57) + "...",
                expected));
  }
}
