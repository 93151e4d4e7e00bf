package dev.qwen4j.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.networknt.schema.Error;
import com.networknt.schema.path.NodePath;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Arguments whose type is wrong but whose meaning is plain: {@code "5"} for a number, {@code
 * "true"} for a boolean, {@code 5} for a string, JSON in a string for an array or object, a value
 * of an enum in other case, null for something optional.
 */
final class LenientArguments {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private final JsonNode schema;

  LenientArguments(JsonNode schema) {
    this.schema = schema;
  }

  /**
   * Replaces in {@code arguments} what can be read in exactly one way.
   *
   * @return what was replaced, in words; what has other readings is left as it is
   */
  List<String> repair(JsonNode arguments, List<Error> errors) {
    var repairs = new ArrayList<String>();
    for (Error error : errors) {
      NodePath path = error.getInstanceLocation();
      JsonNode found = error.getInstanceNode();
      if (path.getNameCount() == 0 || found == null) {
        continue;
      }
      JsonNode meant =
          switch (error.getKeyword()) {
            case "type" -> ofType(error.getSchemaNode(), found);
            case "enum" -> ofEnum(error.getSchemaNode(), found);
            default -> null;
          };
      JsonNode parent = parent(arguments, path);
      Object last = path.getElement(path.getNameCount() - 1);
      if (meant != null) {
        replace(parent, last, meant);
        repairs.add("Read " + path + " as " + meant + " instead of " + found + ".");
      } else if (found.isNull() && parent instanceof ObjectNode object && isOptional(path)) {
        object.remove(last.toString());
        repairs.add("Read " + path + " as not given instead of null.");
      }
    }
    return repairs;
  }

  private static @Nullable JsonNode ofType(JsonNode type, JsonNode found) {
    if (!type.isTextual()) {
      return null; // Several types: several readings.
    }
    String wanted = type.textValue();
    if (wanted.equals("string")) {
      return found.isNumber() || found.isBoolean() ? TextNode.valueOf(found.asText()) : null;
    }
    if (!found.isTextual()) {
      return null;
    }
    String text = found.textValue().strip();
    if (wanted.equals("boolean") && Set.of("true", "True", "false", "False").contains(text)) {
      return BooleanNode.valueOf(text.equalsIgnoreCase("true"));
    }
    JsonNode read = read(text);
    boolean fits =
        read != null
            && switch (wanted) {
              case "integer" -> read.isIntegralNumber();
              case "number" -> read.isNumber();
              case "array" -> read.isArray();
              case "object" -> read.isObject();
              default -> false;
            };
    return fits ? read : null;
  }

  private static @Nullable JsonNode ofEnum(JsonNode values, JsonNode found) {
    var same = new ArrayList<JsonNode>();
    for (JsonNode value : values) {
      if (found.isValueNode() && value.asText().equalsIgnoreCase(found.asText().strip())) {
        same.add(value);
      }
    }
    return same.size() == 1 ? same.getFirst() : null;
  }

  private static @Nullable JsonNode read(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException noJson) {
      return null;
    }
  }

  /** Known for certain only at the top, where the schema is plain. */
  private boolean isOptional(NodePath path) {
    if (path.getNameCount() != 1) {
      return false;
    }
    for (JsonNode required : schema.path("required")) {
      if (required.asText().equals(path.getElement(0))) {
        return false;
      }
    }
    return true;
  }

  private static JsonNode parent(JsonNode root, NodePath path) {
    JsonNode node = root;
    for (int i = 0; i < path.getNameCount() - 1; i++) {
      Object element = path.getElement(i);
      node = element instanceof Integer index ? node.path(index) : node.path(element.toString());
    }
    return node;
  }

  private static void replace(JsonNode parent, Object element, JsonNode value) {
    if (parent instanceof ArrayNode array && element instanceof Integer index) {
      array.set(index, value);
    } else if (parent instanceof ObjectNode object) {
      object.set(element.toString(), value);
    }
  }
}
