package dev.qwen4j.inference.internal.template;

import java.util.List;

/**
 * Qwen3.5: tools before the system text, calls in XML, every content trimmed, thinking by default.
 *
 * @param thinksByDefault what happens when nobody says whether to think
 */
record Qwen35Template(boolean thinksByDefault) implements TemplateFamily {
  private static final String TOOLS_BEFORE =
      """
      # Tools

      You have access to the following functions:

      <tools>\
      """;
  private static final String TOOLS_AFTER =
      """

      </tools>

      If you choose to call a function ONLY reply in the following format with NO suffix:

      <tool_call>
      <function=example_function_name>
      <parameter=example_parameter_1>
      value_1
      </parameter>
      <parameter=example_parameter_2>
      This is the value for the second parameter
      that can span
      multiple lines
      </parameter>
      </function>
      </tool_call>

      <IMPORTANT>
      Reminder:
      - Function calls MUST follow the specified format: an inner <function=...></function> block \
      must be nested within <tool_call></tool_call> XML tags
      - Required parameters MUST be specified
      - You may provide optional reasoning for your function call in natural language BEFORE the \
      function call, but NOT after
      - If there is no function call available, answer the question like normal with your current \
      knowledge and do not tell the user about function calls
      </IMPORTANT>\
      """;

  @Override
  public void render(TemplateInput input, PromptWriter out) {
    List<TemplateInput.Message> messages = input.messages();
    head(input, out);
    int lastQuery = lastQuery(messages);
    for (int i = 0; i < messages.size(); i++) {
      TemplateInput.Message message = messages.get(i);
      switch (message.role()) {
        case "system" -> {
          if (i > 0) {
            throw new IllegalArgumentException(
                "messages[" + i + "]: expected the system message to be the first for Qwen3.5");
          }
        }
        case "user" -> ChatMl.turn(out, "user", PythonText.strip(message.content()));
        case "assistant" -> assistant(message, i > lastQuery, out);
        case "tool" -> toolResult(out, messages, i);
        default -> throw ChatMl.unknownRole(message.role());
      }
    }
    if (input.options().addGenerationPrompt()) {
      generationPrompt(input.options(), out);
    }
  }

  private static void head(TemplateInput input, PromptWriter out) {
    boolean ownSystem = ChatMl.startsWithSystem(input);
    String system = ownSystem ? PythonText.strip(input.messages().getFirst().content()) : "";
    if (!input.tools().isEmpty()) {
      out.template(ChatMl.START + "system\n" + TOOLS_BEFORE);
      ChatMl.jsonLines(out, input.tools());
      out.template(TOOLS_AFTER);
      if (!system.isEmpty()) {
        out.template("\n\n").content(system);
      }
      out.template(ChatMl.END);
    } else if (ownSystem) {
      ChatMl.turn(out, "system", system);
    }
  }

  private static int lastQuery(List<TemplateInput.Message> messages) {
    for (int i = messages.size() - 1; i >= 0; i--) {
      TemplateInput.Message message = messages.get(i);
      if (message.role().equals("user")
          && !ChatMl.isToolResponse(PythonText.strip(message.content()))) {
        return i;
      }
    }
    throw new IllegalArgumentException(
        "messages: expected a user message with a question for Qwen3.5, found none");
  }

  private static void assistant(TemplateInput.Message message, boolean current, PromptWriter out) {
    String content = PythonText.strip(message.content());
    String reasoning = message.reasoning() == null ? "" : message.reasoning();
    if (message.reasoning() == null && content.contains("</think>")) {
      reasoning = ChatMl.thinking(content);
      content = ChatMl.afterThinking(content);
    }
    out.template(ChatMl.ASSISTANT);
    if (current) {
      out.template("<think>\n").content(PythonText.strip(reasoning)).template("\n</think>\n\n");
    }
    out.content(content);
    String before = PythonText.strip(content).isEmpty() ? "" : "\n\n";
    for (TemplateInput.Call call : message.calls()) {
      out.template(before);
      CoderCalls.write(out, call);
      before = "\n";
    }
    out.template(ChatMl.END);
  }

  private static void toolResult(
      PromptWriter out, List<TemplateInput.Message> messages, int index) {
    if (index > 0 && !ChatMl.isTool(messages.get(index - 1))) {
      out.template(ChatMl.START + "user");
    }
    out.template("\n<tool_response>\n")
        .content(PythonText.strip(messages.get(index).content()))
        .template("\n</tool_response>");
    if (index == messages.size() - 1 || !ChatMl.isTool(messages.get(index + 1))) {
      out.template(ChatMl.END);
    }
  }

  private void generationPrompt(TemplateInput.Options options, PromptWriter out) {
    out.template(ChatMl.ASSISTANT);
    boolean think = thinksByDefault ? !options.thinkingOff() : options.thinkingOn();
    if (think) {
      out.template("<think>\n");
      out.startInThinking();
    } else {
      out.template(ChatMl.NO_THOUGHTS);
    }
  }
}
