package dev.qwen4j.inference.internal.template;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

/** Tool calls as Qwen3-Coder and Qwen3.5 write them: XML tags, one per argument. */
final class CoderCalls {
  private CoderCalls() {}

  /** Writes one call, from {@code <tool_call>} to {@code </tool_call>}. */
  static void write(PromptWriter out, TemplateInput.Call call) {
    out.template("<tool_call>\n<function=").content(call.name()).template(">\n");
    for (Map.Entry<String, JsonNode> argument : arguments(call).properties()) {
      JsonNode value = argument.getValue();
      out.template("<parameter=")
          .content(argument.getKey())
          .template(">\n")
          .content(value.isContainerNode() ? PythonText.json(value) : PythonText.string(value))
          .template("\n</parameter>\n");
    }
    out.template("</function>\n</tool_call>");
  }

  /** The arguments as an object: the original templates know no other form. */
  private static JsonNode arguments(TemplateInput.Call call) {
    if (call.arguments().isObject()) {
      return call.arguments();
    }
    JsonNode object = OpenAiForm.objectOrNull(call.arguments().asText());
    if (object == null) {
      throw new IllegalArgumentException(
          "call of "
              + call.name()
              + ": expected arguments to be a JSON object, found "
              + call.arguments());
    }
    return object;
  }
}
