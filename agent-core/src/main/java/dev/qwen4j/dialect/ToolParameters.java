package dev.qwen4j.dialect;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolSpecification;
import java.util.List;
import java.util.Optional;

/** What a tool takes, as far as a model that writes plain text needs to know. */
final class ToolParameters {
  private static final ObjectMapper JSON = new ObjectMapper();

  private ToolParameters() {}

  /** The JSON schema of the arguments. */
  static String json(ToolSpecification tool) {
    return tree(tool).toString();
  }

  /** The one argument that a tool takes, if it takes one. */
  static Optional<String> only(ToolSpecification tool) {
    if (tool.parameters() == null) {
      return Optional.empty();
    }
    List<String> required = tool.parameters().required();
    var all = List.copyOf(tool.parameters().properties().keySet());
    if (required != null && required.size() == 1) {
      return Optional.of(required.getFirst());
    }
    return all.size() == 1 ? Optional.of(all.getFirst()) : Optional.empty();
  }

  /** An object with this one text in it. */
  static String object(String name, String text) {
    return JSON.createObjectNode().put(name, text).toString();
  }

  private static JsonNode tree(ToolSpecification tool) {
    try {
      JsonNode parameters = JSON.readTree(tool.toJson()).path("parameters");
      return parameters.isMissingNode() ? JSON.createObjectNode() : parameters;
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("what LangChain4j wrote is not JSON", e);
    }
  }
}
