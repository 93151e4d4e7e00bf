package dev.qwen4j.examples;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One JSON object per line in, one per line out, in step: each answer is flushed before the next
 * line is read. The first line that cannot be answered ends the command with an error that says
 * which line it was.
 */
final class JsonLines {
  static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private JsonLines() {}

  /** What a command makes of a line. */
  @FunctionalInterface
  interface Answer {
    /**
     * The line that answers {@code line}.
     *
     * @throws IllegalArgumentException if the line is not what was expected
     */
    ObjectNode to(ObjectNode line);
  }

  /** Answers every line of standard input. */
  static ExitCode answer(Surroundings surroundings, Answer answer) throws IOException {
    BufferedReader reader =
        new BufferedReader(new InputStreamReader(surroundings.in(), StandardCharsets.UTF_8));
    int number = 0;
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      try {
        surroundings.out().print(answer.to(object(line)) + "\n");
      } catch (IllegalArgumentException e) {
        surroundings.complain("line " + number + ": " + OneLine.of(e));
        return ExitCode.FAILED;
      }
      if (surroundings.out().checkError()) {
        return ExitCode.OUTPUT_CLOSED;
      }
    }
    return ExitCode.ANSWERED;
  }

  private static ObjectNode object(String line) {
    try {
      JsonNode node = JSON.readTree(line);
      if (node instanceof ObjectNode object) {
        return object;
      }
      throw new IllegalArgumentException("expected a JSON object, but found " + shown(node));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "expected a JSON object, but "
              + e.getOriginalMessage()
              + " (column "
              + e.getLocation().getColumnNr()
              + ")",
          e);
    }
  }

  /** The text under {@code name}, which must be there. */
  static String text(ObjectNode line, String name) {
    JsonNode value = line.path(name);
    if (!value.isTextual()) {
      throw expected(name, "a string", value);
    }
    return value.textValue();
  }

  /** The texts by name under {@code name}, in their order; none if nothing is there. */
  static Map<String, String> texts(ObjectNode line, String name) {
    JsonNode value = line.path(name);
    Map<String, String> texts = new LinkedHashMap<>();
    if (value.isMissingNode() || value.isNull()) {
      return texts;
    }
    if (!value.isObject()) {
      throw expected(name, "an object of strings", value);
    }
    for (var entry : value.properties()) {
      if (!entry.getValue().isTextual()) {
        throw expected(name + "." + entry.getKey(), "a string", entry.getValue());
      }
      texts.put(entry.getKey(), entry.getValue().textValue());
    }
    return texts;
  }

  /** The boolean under {@code name}, or false. */
  static boolean flag(ObjectNode line, String name) {
    JsonNode value = line.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return false;
    }
    if (!value.isBoolean()) {
      throw expected(name, "true or false", value);
    }
    return value.booleanValue();
  }

  /** The whole number under {@code name}, at least 0, or {@code fallback}. */
  static int number(ObjectNode line, String name, int fallback) {
    JsonNode value = line.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return fallback;
    }
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
      throw expected(name, "a whole number of at least 0", value);
    }
    return value.intValue();
  }

  /** The token ids under {@code ids}, which must be there. */
  static int[] ids(ObjectNode line) {
    JsonNode value = line.path("ids");
    if (!value.isArray()) {
      throw expected("ids", "an array of token ids", value);
    }
    int[] ids = new int[value.size()];
    for (int i = 0; i < ids.length; i++) {
      if (!value.get(i).isIntegralNumber() || !value.get(i).canConvertToInt()) {
        throw expected("ids[" + i + "]", "a token id", value.get(i));
      }
      ids[i] = value.get(i).intValue();
    }
    return ids;
  }

  private static IllegalArgumentException expected(String name, String what, JsonNode found) {
    return new IllegalArgumentException(
        "\"" + name + "\" must be " + what + ", but was " + shown(found));
  }

  private static String shown(JsonNode node) {
    return node.isMissingNode() ? "missing" : OneLine.cut(node.toString(), 80);
  }
}
