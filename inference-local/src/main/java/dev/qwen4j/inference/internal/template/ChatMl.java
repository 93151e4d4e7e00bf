package dev.qwen4j.inference.internal.template;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/**
 * The pieces that the Qwen families share: ChatML turns, the Hermes way of declaring and calling
 * tools, and how thinking is found inside an answer.
 *
 * <p>Source: the chat templates that Qwen publishes with its checkpoints.
 */
final class ChatMl {
  static final String START = "<|im_start|>";
  static final String END = "<|im_end|>\n";
  static final String ASSISTANT = START + "assistant\n";
  static final String NO_THOUGHTS = "<think>\n\n</think>\n\n";

  private static final String TOOLS_BEFORE =
      """
      # Tools

      You may call one or more functions to assist with the user query.

      You are provided with function signatures within <tools></tools> XML tags:
      <tools>\
      """;
  private static final String TOOLS_AFTER =
      """

      </tools>

      For each function call, return a json object with function name and arguments within \
      <tool_call></tool_call> XML tags:
      <tool_call>
      {"name": <function-name>, "arguments": <args-json-object>}
      </tool_call>\
      """;

  private ChatMl() {}

  static void turn(PromptWriter out, String role, String content) {
    out.template(START + role + "\n").content(content).template(END);
  }

  /** The Hermes declaration of tools, without a line break before or after. */
  static void hermesTools(PromptWriter out, List<JsonNode> tools) {
    out.template(TOOLS_BEFORE);
    jsonLines(out, tools);
    out.template(TOOLS_AFTER);
  }

  static void jsonLines(PromptWriter out, List<JsonNode> tools) {
    for (JsonNode tool : tools) {
      out.template("\n").content(PythonText.json(tool));
    }
  }

  static void hermesCall(PromptWriter out, String name, String arguments) {
    out.template("<tool_call>\n{\"name\": \"")
        .content(name)
        .template("\", \"arguments\": ")
        .content(arguments)
        .template("}\n</tool_call>");
  }

  /** A tool's result; neighbouring results share one user turn. */
  static void toolResult(PromptWriter out, List<TemplateInput.Message> messages, int index) {
    if (index == 0 || !isTool(messages.get(index - 1))) {
      out.template(START + "user");
    }
    out.template("\n<tool_response>\n")
        .content(messages.get(index).content())
        .template("\n</tool_response>");
    if (index == messages.size() - 1 || !isTool(messages.get(index + 1))) {
      out.template(END);
    }
  }

  static boolean isTool(TemplateInput.Message message) {
    return message.role().equals("tool");
  }

  static boolean startsWithSystem(TemplateInput input) {
    return input.messages().getFirst().role().equals("system");
  }

  /** What follows the last {@code </think>}, as {@code split('</think>')[-1].lstrip('\n')}. */
  static String afterThinking(String content) {
    int end = content.lastIndexOf("</think>");
    return PythonText.stripLeadingNewlines(
        end < 0 ? content : content.substring(end + "</think>".length()));
  }

  /** What stands between the first {@code </think>} and the {@code <think>} before it. */
  static String thinking(String content) {
    String before = content.substring(0, content.indexOf("</think>"));
    String trimmed = PythonText.stripTrailingNewlines(before);
    int start = trimmed.lastIndexOf("<think>");
    return PythonText.stripLeadingNewlines(
        start < 0 ? trimmed : trimmed.substring(start + "<think>".length()));
  }

  /** Whether a user message is only a tool's result in disguise, so no question of its own. */
  static boolean isToolResponse(String content) {
    return content.startsWith("<tool_response>") && content.endsWith("</tool_response>");
  }

  static IllegalArgumentException unknownRole(String role) {
    return new IllegalArgumentException(
        "messages: expected role system, user, assistant or tool, found \"" + role + "\"");
  }
}
