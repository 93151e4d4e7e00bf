package dev.qwen4j.mcp;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.spec.McpSchema;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A server's tool as LangChain4j specifies it. Each property of the input schema is carried as it
 * is written ({@link JsonRawSchema}), so that formats, bounds, unions and nested objects reach the
 * model. Of the outermost object only {@code properties}, {@code required}, {@code
 * additionalProperties} and the definitions are kept: LangChain4j knows no more there.
 */
final class ToolSchemas {
  private ToolSchemas() {}

  static ToolSpecification specification(String name, McpSchema.Tool tool) {
    String description = tool.description() == null ? tool.title() : tool.description();
    return ToolSpecification.builder()
        .name(name)
        .description(description == null ? "" : description)
        .parameters(parameters(tool.inputSchema()))
        .build();
  }

  private static JsonObjectSchema parameters(Map<String, Object> schema) {
    var builder = JsonObjectSchema.builder().addProperties(raw(schema.get("properties")));
    if (schema.get("required") instanceof List<?> required) {
      builder.required(required.stream().map(String::valueOf).toList());
    }
    if (schema.get("additionalProperties") instanceof Boolean additional) {
      builder.additionalProperties(additional);
    }
    Map<String, JsonSchemaElement> definitions =
        new LinkedHashMap<>(raw(schema.get("definitions")));
    definitions.putAll(raw(schema.get("$defs")));
    if (!definitions.isEmpty()) {
      builder.definitions(definitions);
    }
    return builder.build();
  }

  private static Map<String, JsonSchemaElement> raw(@Nullable Object schemas) {
    Map<String, JsonSchemaElement> raw = new LinkedHashMap<>();
    if (schemas instanceof Map<?, ?> map) {
      map.forEach(
          (name, schema) -> raw.put(String.valueOf(name), JsonRawSchema.from(json(schema))));
    }
    return raw;
  }

  private static String json(Object schema) {
    if (!(schema instanceof Map)) {
      return "{}"; // true: anything goes
    }
    try {
      return McpJsonDefaults.getMapper()
          .writeValueAsString(schema)
          .replace("\"#/definitions/", "\"#/$defs/");
    } catch (IOException e) {
      throw new IllegalStateException("what was read from JSON is JSON", e);
    }
  }
}
