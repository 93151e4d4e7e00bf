package dev.qwen4j.inference.internal.template;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Qwen3-Coder: tools declared and called in XML, no thinking. */
record Qwen3CoderTemplate() implements TemplateFamily {
  private static final String DEFAULT_SYSTEM =
      "You are Qwen, a helpful AI assistant that can interact with a computer to solve tasks.";
  private static final String TOOLS_BEFORE =
      """


      # Tools

      You have access to the following tools:

      <tools>\
      """;
  private static final String TOOLS_AFTER =
      """

      </tools>

      If you choose to call a tool ONLY reply in the following format with NO suffix:

      <tool_call>
      <function=example_function_name>
      <parameter=example_parameter_1>
      value_1
      </parameter>
      <parameter=example_parameter_2>
      value_2
      </parameter>
      </function>
      </tool_call>

      <IMPORTANT>
      Reminder:
      - Function calls MUST follow the specified format: the tool calling block MUST begin with an \
      opening <tool_call> tag and end with a closing </tool_call> tag.
      - Required parameters MUST be specified
      - You may provide optional reasoning for your function call in natural language BEFORE the \
      function call, but NOT after
      - If there is no function call available, answer the question like normal with your current \
      knowledge and do not tell the user about function calls
      </IMPORTANT>\
      """;

  private static final Set<String> PARAMETER_KEYS = Set.of("name", "type", "description");
  private static final Set<String> SCHEMA_KEYS = Set.of("type", "properties");
  private static final Set<String> TOOL_KEYS = Set.of("type", "name", "description", "parameters");

  @Override
  public void render(TemplateInput input, PromptWriter out) {
    boolean ownSystem = ChatMl.startsWithSystem(input);
    List<TemplateInput.Message> messages =
        input.messages().subList(ownSystem ? 1 : 0, input.messages().size());
    if (ownSystem || !input.tools().isEmpty()) {
      out.template(ChatMl.START + "system\n");
      if (ownSystem) {
        out.content(input.messages().getFirst().content());
      } else {
        out.template(DEFAULT_SYSTEM);
      }
      declare(input.tools(), out);
      out.template(ChatMl.END);
    }
    for (int i = 0; i < messages.size(); i++) {
      TemplateInput.Message message = messages.get(i);
      switch (message.role()) {
        case "tool" -> toolResult(out, messages, i);
        case "assistant" -> assistant(message, out);
        case "user", "system" -> ChatMl.turn(out, message.role(), message.content());
        default ->
            out.template(ChatMl.START)
                .content(message.role() + "\n" + message.content())
                .template(ChatMl.END);
      }
    }
    if (input.options().addGenerationPrompt()) {
      out.template(ChatMl.ASSISTANT);
    }
  }

  private static void declare(List<JsonNode> tools, PromptWriter out) {
    if (tools.isEmpty()) {
      return;
    }
    out.template(TOOLS_BEFORE);
    for (JsonNode declared : tools) {
      JsonNode tool = declared.has("function") ? declared.get("function") : declared;
      out.template("\n<function>\n<name>")
          .content(tool.has("name") ? PythonText.string(tool.get("name")) : "")
          .template("</name>");
      description(tool, out);
      out.template("\n<parameters>");
      JsonNode schema = tool.path("parameters");
      if (schema.path("properties").isObject()) {
        for (Map.Entry<String, JsonNode> property : schema.path("properties").properties()) {
          parameter(property.getKey(), property.getValue(), out);
        }
      }
      extraKeys(schema, SCHEMA_KEYS, out);
      out.template("\n</parameters>");
      extraKeys(tool, TOOL_KEYS, out);
      out.template("\n</function>");
    }
    out.template(TOOLS_AFTER);
  }

  private static void parameter(String name, JsonNode fields, PromptWriter out) {
    out.template("\n<parameter>\n<name>").content(name).template("</name>");
    if (fields.has("type")) {
      out.template("\n<type>").content(PythonText.string(fields.get("type"))).template("</type>");
    }
    description(fields, out);
    extraKeys(fields, PARAMETER_KEYS, out);
    out.template("\n</parameter>");
  }

  private static void description(JsonNode node, PromptWriter out) {
    if (node.has("description")) {
      out.template("\n<description>")
          .content(PythonText.strip(PythonText.string(node.get("description"))))
          .template("</description>");
    }
  }

  private static void extraKeys(JsonNode node, Set<String> handled, PromptWriter out) {
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      JsonNode value = field.getValue();
      if (!handled.contains(field.getKey())) {
        out.template("\n<")
            .content(field.getKey())
            .template(">")
            .content(value.isContainerNode() ? PythonText.json(value) : PythonText.string(value))
            .template("</")
            .content(field.getKey())
            .template(">");
      }
    }
  }

  private static void assistant(TemplateInput.Message message, PromptWriter out) {
    if (message.calls().isEmpty()) {
      ChatMl.turn(out, "assistant", message.content());
      return;
    }
    out.template(ChatMl.START + "assistant");
    String content = PythonText.strip(message.content());
    if (!content.isEmpty()) {
      out.template("\n").content(content).template("\n");
    }
    for (TemplateInput.Call call : message.calls()) {
      out.template("\n");
      CoderCalls.write(out, call);
    }
    out.template(ChatMl.END);
  }

  private static void toolResult(
      PromptWriter out, List<TemplateInput.Message> messages, int index) {
    if (index > 0 && !ChatMl.isTool(messages.get(index - 1))) {
      out.template(ChatMl.START + "user\n");
    }
    out.template("<tool_response>\n")
        .content(messages.get(index).content())
        .template("\n</tool_response>\n");
    if (index == messages.size() - 1 || !ChatMl.isTool(messages.get(index + 1))) {
      out.template(ChatMl.END);
    }
  }
}
