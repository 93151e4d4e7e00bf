package dev.qwen4j.inference.internal.template;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads conversations in the OpenAI form into {@link TemplateInput}. */
final class OpenAiForm {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private OpenAiForm() {}

  static TemplateInput read(String json) {
    JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON: " + e.getOriginalMessage(), e);
    }
    if (!root.isObject()) {
      throw unexpected("input", "an object with \"messages\"", root);
    }
    return new TemplateInput(
        messages(root.path("messages")), tools(root.path("tools")), options(root.path("options")));
  }

  static @Nullable JsonNode objectOrNull(String json) {
    try {
      JsonNode node = JSON.readTree(json);
      return node.isObject() ? node : null;
    } catch (JsonProcessingException e) {
      return null; // the caller keeps the text as it is
    }
  }

  private static List<TemplateInput.Message> messages(JsonNode node) {
    if (!node.isArray()) {
      throw unexpected("messages", "an array", node);
    }
    List<TemplateInput.Message> messages = new ArrayList<>();
    for (JsonNode message : node) {
      messages.add(message(message, "messages[" + messages.size() + "]"));
    }
    return messages;
  }

  private static TemplateInput.Message message(JsonNode node, String where) {
    if (!node.path("role").isTextual()) {
      throw unexpected(where + ".role", "a string", node.path("role"));
    }
    return new TemplateInput.Message(
        node.path("role").textValue(),
        content(node.path("content"), where + ".content"),
        reasoning(node.path("reasoning_content"), where + ".reasoning_content"),
        calls(node.path("tool_calls"), where + ".tool_calls"));
  }

  private static String content(JsonNode node, String where) {
    if (node.isTextual()) {
      return node.textValue();
    }
    if (absent(node)) {
      return "";
    }
    if (!node.isArray()) {
      throw unexpected(where, "a string, null or a list of text parts", node);
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode part : node) {
      if (!part.path("text").isTextual()) {
        throw unexpected(where, "only parts of the form {\"type\":\"text\",\"text\":…}", part);
      }
      text.append(part.path("text").textValue());
    }
    return text.toString();
  }

  private static @Nullable String reasoning(JsonNode node, String where) {
    if (node.isTextual()) {
      return node.textValue();
    }
    if (absent(node)) {
      return null;
    }
    throw unexpected(where, "a string or null", node);
  }

  private static List<TemplateInput.Call> calls(JsonNode node, String where) {
    if (absent(node)) {
      return List.of();
    }
    if (!node.isArray()) {
      throw unexpected(where, "an array or null", node);
    }
    List<TemplateInput.Call> calls = new ArrayList<>();
    for (JsonNode call : node) {
      JsonNode function = call.path("function").isObject() ? call.path("function") : call;
      String at = where + "[" + calls.size() + "].function";
      if (!function.path("name").isTextual()) {
        throw unexpected(at + ".name", "a string", function.path("name"));
      }
      JsonNode arguments = function.path("arguments");
      if (absent(arguments)) {
        arguments = JsonNodeFactory.instance.objectNode();
      } else if (!arguments.isObject() && !arguments.isTextual()) {
        throw unexpected(at + ".arguments", "an object or a string", arguments);
      }
      calls.add(new TemplateInput.Call(function.path("name").textValue(), arguments));
    }
    return calls;
  }

  private static List<JsonNode> tools(JsonNode node) {
    if (absent(node)) {
      return List.of();
    }
    if (!node.isArray()) {
      throw unexpected("tools", "an array or null", node);
    }
    List<JsonNode> tools = new ArrayList<>();
    for (JsonNode tool : node) {
      if (!tool.isObject()) {
        throw unexpected("tools[" + tools.size() + "]", "an object", tool);
      }
      tools.add(tool);
    }
    return tools;
  }

  private static TemplateInput.Options options(JsonNode node) {
    if (!absent(node) && !node.isObject()) {
      throw unexpected("options", "an object or null", node);
    }
    Boolean generation = flag(node, "add_generation_prompt");
    return new TemplateInput.Options(
        Boolean.TRUE.equals(generation), flag(node, "enable_thinking"));
  }

  private static @Nullable Boolean flag(JsonNode options, String name) {
    JsonNode node = options.path(name);
    if (absent(node)) {
      return null;
    }
    if (!node.isBoolean()) {
      throw unexpected("options." + name, "true or false", node);
    }
    return node.booleanValue();
  }

  private static boolean absent(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }

  private static IllegalArgumentException unexpected(String where, String wanted, JsonNode found) {
    String text = found.isMissingNode() ? "nothing" : found.toString();
    String shown = text.length() > 80 ? text.substring(0, 80) + "…" : text;
    return new IllegalArgumentException(where + ": expected " + wanted + ", found " + shown);
  }
}
