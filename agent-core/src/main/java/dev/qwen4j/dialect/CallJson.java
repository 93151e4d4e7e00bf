package dev.qwen4j.dialect;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The JSON of one call, {@code {"name": …, "arguments": {…}}}, as models write it: with single
 * quotes, names without quotes, trailing commas, line breaks in strings, Python's {@code True} and
 * {@code None}, closing braces left out at the end, or the arguments as a string of JSON. These are
 * read leniently because they can mean only one thing; anything else is not guessed at.
 */
final class CallJson {
  private static final JsonMapper LENIENT =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_SINGLE_QUOTES)
          .enable(JsonReadFeature.ALLOW_TRAILING_COMMA)
          .enable(JsonReadFeature.ALLOW_UNQUOTED_FIELD_NAMES)
          .enable(JsonReadFeature.ALLOW_UNESCAPED_CONTROL_CHARS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();
  private static final Pattern NAME = Pattern.compile("[\"']name[\"']\\s*:\\s*[\"']([^\"'\\\\]*)");
  private static final Pattern ARGUMENTS =
      Pattern.compile("[\"'](?:arguments|parameters)[\"']\\s*:\\s*");
  private static final Set<String> KEYS =
      Set.of("name", "arguments", "parameters", "id", "type", "description");

  private CallJson() {}

  /** The call that {@code json} says, if it can be read in exactly one way. */
  static Optional<OutputEvent.Call> read(String json) {
    return object(json)
        .filter(object -> object.path("name").isTextual())
        .map(object -> new OutputEvent.Call(object.get("name").textValue(), arguments(object)));
  }

  /**
   * The beginning of a bare call, or of a list of them, up to where hardly anything but a call of a
   * declared tool can go on.
   */
  static Pattern bareStart(Set<String> declared) {
    String names = declared.stream().map(Pattern::quote).collect(Collectors.joining("|"));
    return Pattern.compile(
        "(?:```(?:json|tool_call)?[ \\t]*\\r?\\n\\s*)?(?<list>\\[\\s*)?(?<brace>\\{)\\s*[\"'](?:"
            + "name[\"']\\s*:\\s*[\"'](?:"
            + names
            + ")[\"']\\s*[,}]|(?:arguments|parameters|function)[\"']\\s*:"
            + "|type[\"']\\s*:\\s*[\"']function[\"'])");
  }

  /** The call of a declared tool that {@code json} is, whole or broken, without a marker. */
  static Optional<OutputEvent.Call> bare(String json, Set<String> declared) {
    if (looksLikeCall(json, declared)) {
      return read(json);
    }
    return hasCallKeys(json) && read(json).isEmpty()
        ? Optional.of(broken(json)).filter(call -> declared.contains(call.name()))
        : Optional.empty();
  }

  /** Whether {@code json}, which no marker says is a call, has the form of one and no more. */
  private static boolean looksLikeCall(String json, Set<String> declared) {
    Optional<ObjectNode> read = object(json);
    if (read.isEmpty()) {
      return false;
    }
    ObjectNode object = read.get();
    for (var keys = object.fieldNames(); keys.hasNext(); ) {
      if (!KEYS.contains(keys.next())) {
        return false;
      }
    }
    JsonNode arguments = argumentsOf(object);
    return declared.contains(object.path("name").asText())
        && (arguments.isObject() || arguments.isTextual());
  }

  /** What can be told of a call that cannot be read: its name, and its arguments as written. */
  static OutputEvent.Call broken(String json) {
    Matcher name = NAME.matcher(json);
    Matcher arguments = ARGUMENTS.matcher(json);
    String written = json.strip();
    if (arguments.find()) {
      written = json.substring(arguments.end()).strip();
      if (written.endsWith("}}")) {
        written = written.substring(0, written.length() - 1); // The outer brace.
      }
    }
    return new OutputEvent.Call(name.find() ? name.group(1) : "", written);
  }

  /** Whether {@code json} is recognisably a call, though perhaps a broken one. */
  private static boolean hasCallKeys(String json) {
    return NAME.matcher(json).find() && ARGUMENTS.matcher(json).find();
  }

  private static Optional<ObjectNode> object(String json) {
    return lenient(json)
        .map(object -> object.get("function") instanceof ObjectNode inner ? inner : object);
  }

  /** An object, if the text can be read as one in exactly one way. */
  static Optional<ObjectNode> lenient(String json) {
    return parse(json)
        .or(() -> parse(pythonLiterals(json)))
        .or(() -> parse(closed(json)))
        .or(() -> inString(json));
  }

  private static Optional<ObjectNode> inString(String json) {
    try {
      JsonNode node = LENIENT.readTree(json);
      return node != null && node.isTextual() ? parse(node.textValue()) : Optional.empty();
    } catch (JsonProcessingException noString) {
      return Optional.empty();
    }
  }

  private static Optional<ObjectNode> parse(String json) {
    try {
      return LENIENT.readTree(json) instanceof ObjectNode object
          ? Optional.of(object)
          : Optional.empty();
    } catch (JsonProcessingException notThisWay) {
      return Optional.empty();
    }
  }

  private static JsonNode argumentsOf(ObjectNode call) {
    return call.has("arguments") ? call.get("arguments") : call.path("parameters");
  }

  private static String arguments(ObjectNode call) {
    JsonNode arguments = argumentsOf(call);
    if (arguments.isMissingNode() || arguments.isNull()) {
      return "{}";
    }
    if (!arguments.isTextual()) {
      return arguments.toString();
    }
    String text = arguments.textValue();
    return text.isBlank() ? "{}" : object(text).map(JsonNode::toString).orElse(text);
  }

  /** Replaces Python's words for true, false and null wherever they stand outside of strings. */
  private static String pythonLiterals(String json) {
    var ending = new JsonEnd();
    var out = new StringBuilder(json.length());
    for (int i = 0; i < json.length(); i++) {
      if (!ending.inString() && json.startsWith("True", i)) {
        out.append("true");
        i += 3;
      } else if (!ending.inString() && json.startsWith("False", i)) {
        out.append("false");
        i += 4;
      } else if (!ending.inString() && json.startsWith("None", i)) {
        out.append("null");
        i += 3;
      } else {
        ending.closes(json.charAt(i));
        out.append(json.charAt(i));
      }
    }
    return out.toString();
  }

  /** Adds the brackets that are missing at the end; inside a string nothing can be added. */
  private static String closed(String json) {
    var ending = new JsonEnd();
    String text = pythonLiterals(json).strip();
    for (int i = 0; i < text.length(); i++) {
      ending.closes(text.charAt(i));
    }
    boolean endsWithValue = !text.isEmpty() && ":,{[".indexOf(text.charAt(text.length() - 1)) < 0;
    return ending.inString() || !endsWithValue ? text : text + ending.missing();
  }
}
