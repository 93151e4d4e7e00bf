package dev.qwen4j.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import com.networknt.schema.path.PathType;
import dev.langchain4j.agent.tool.ToolSpecification;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether a JSON value fits a schema, and if not, in what way, in words that a model can act on.
 * What can be read in exactly one way is read that way: see {@link LenientArguments}. Compiled once
 * and safe to use from any thread.
 */
final class SchemaCheck {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int MOST_ERRORS = 3;
  private static final SchemaRegistry REGISTRY =
      SchemaRegistry.withDefaultDialect(
          SpecificationVersion.DRAFT_2020_12,
          builder ->
              builder.schemaRegistryConfig(
                  SchemaRegistryConfig.builder()
                      .pathType(PathType.JSON_PATH)
                      .losslessNarrowing(true)
                      .build()));

  /**
   * What came of a check.
   *
   * @param repairs what was read leniently, in words
   * @param problems where it does not fit, what was expected and what was found; empty if it fits
   */
  record Fit(List<String> repairs, String problems) {
    boolean fits() {
      return problems.isEmpty();
    }
  }

  private final JsonNode node;
  private final Schema schema;

  private SchemaCheck(JsonNode node) {
    this.node = node;
    this.schema = REGISTRY.getSchema(node);
  }

  /**
   * For the parameters of a specification.
   *
   * @throws JsonProcessingException if they are no JSON
   * @throws RuntimeException if they are no schema
   */
  static SchemaCheck ofParameters(ToolSpecification specification) throws JsonProcessingException {
    JsonNode parameters = JSON.readTree(specification.toJson()).path("parameters");
    return new SchemaCheck(parameters.isMissingNode() ? JSON.createObjectNode() : parameters);
  }

  String json() {
    return node.toString();
  }

  /** Checks a value, in which repairs are made. */
  Fit fit(JsonNode value) {
    List<String> repairs = List.of();
    List<Error> errors = schema.validate(value);
    if (!errors.isEmpty()) {
      repairs = new LenientArguments(node).repair(value, errors);
      errors = schema.validate(value);
    }
    var problems = new ArrayList<String>();
    errors.stream().limit(MOST_ERRORS).forEach(error -> problems.add(describe(error)));
    return new Fit(repairs, String.join(" ", problems));
  }

  /** One way in which it does not fit: where, what was expected, what was found. */
  private String describe(Error error) {
    String path = error.getInstanceLocation().toString();
    JsonNode found = error.getInstanceNode();
    JsonNode expected = error.getSchemaNode();
    return switch (error.getKeyword()) {
      case "required" ->
          path + "." + error.getProperty() + " is required, but missing" + given(found) + ".";
      case "additionalProperties", "unevaluatedProperties" ->
          path + " takes no '" + error.getProperty() + "'; " + known() + ".";
      case "type" ->
          path + " must be " + types(expected) + ", but was " + abbreviate(found.toString()) + ".";
      case "enum" ->
          path + " must be one of " + expected + ", but was " + abbreviate(found.toString()) + ".";
      default -> path + ": " + error.getMessage() + ", but was " + abbreviate(found + "") + ".";
    };
  }

  private static String given(JsonNode object) {
    var names = new ArrayList<String>();
    object.fieldNames().forEachRemaining(names::add);
    return names.isEmpty() ? "" : " (given: " + String.join(", ", names) + ")";
  }

  private String known() {
    var names = new ArrayList<String>();
    node.path("properties").fieldNames().forEachRemaining(names::add);
    return names.isEmpty() ? "it takes nothing" : "it takes " + String.join(", ", names);
  }

  private static String types(JsonNode type) {
    if (type.isArray()) {
      var each = new ArrayList<String>();
      type.forEach(one -> each.add(types(one)));
      return String.join(" or ", each);
    }
    return switch (type.asText()) {
      case "integer" -> "a whole number";
      case "boolean" -> "true or false";
      case "array" -> "an array";
      case "object" -> "an object";
      default -> "a " + type.asText();
    };
  }

  static String abbreviate(String text) {
    return text.length() <= 120 ? text : text.substring(0, 120) + "…";
  }
}
