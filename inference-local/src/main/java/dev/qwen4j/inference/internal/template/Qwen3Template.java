package dev.qwen4j.inference.internal.template;

import java.util.List;

/**
 * Qwen3, in its three kinds: hybrid (April 2025), thinking-2507 and instruct-2507.
 *
 * <p>Thinking of turns before the last question is dropped; inside the current tool loop it stays.
 *
 * @param kind how the reply begins
 * @param readsThinking whether the template knows thinking in the history at all; where it does
 *     not, an assistant's content is written as it is
 */
record Qwen3Template(Kind kind, boolean readsThinking) implements TemplateFamily {
  /** How a reply begins. */
  enum Kind {
    /** The model writes {@code <think>} itself; an empty block tells it not to think. */
    HYBRID,
    /** The template opens {@code <think>} for every reply. */
    THINKING,
    /** Nothing is said about thinking. */
    INSTRUCT
  }

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
            ChatMl.turn(out, "system", message.content());
          }
        }
        case "user" -> ChatMl.turn(out, "user", message.content());
        case "assistant" -> assistant(message, i > lastQuery, i == messages.size() - 1, out);
        case "tool" -> ChatMl.toolResult(out, messages, i);
        default -> throw ChatMl.unknownRole(message.role());
      }
    }
    if (input.options().addGenerationPrompt()) {
      generationPrompt(input.options(), out);
    }
  }

  private static void head(TemplateInput input, PromptWriter out) {
    boolean ownSystem = ChatMl.startsWithSystem(input);
    if (!ownSystem && input.tools().isEmpty()) {
      return;
    }
    out.template(ChatMl.START + "system\n");
    if (ownSystem) {
      out.content(input.messages().getFirst().content());
    }
    if (!input.tools().isEmpty()) {
      out.template(ownSystem ? "\n\n" : "");
      ChatMl.hermesTools(out, input.tools());
    }
    out.template(ChatMl.END);
  }

  /** Where the last real question stands, the last message if there is none. */
  private static int lastQuery(List<TemplateInput.Message> messages) {
    for (int i = messages.size() - 1; i >= 0; i--) {
      TemplateInput.Message message = messages.get(i);
      if (message.role().equals("user") && !ChatMl.isToolResponse(message.content())) {
        return i;
      }
    }
    return messages.size() - 1;
  }

  private void assistant(
      TemplateInput.Message message, boolean current, boolean last, PromptWriter out) {
    String content = message.content();
    String reasoning = message.reasoning() == null ? "" : message.reasoning();
    if (readsThinking && message.reasoning() == null && content.contains("</think>")) {
      reasoning = ChatMl.thinking(content);
      content = ChatMl.afterThinking(content);
    }
    out.template(ChatMl.ASSISTANT);
    if (readsThinking && current && (last || !reasoning.isEmpty())) {
      out.template("<think>\n")
          .content(PythonText.stripNewlines(reasoning))
          .template("\n</think>\n\n")
          .content(PythonText.stripLeadingNewlines(content));
    } else {
      out.content(content);
    }
    boolean lineBreak = !content.isEmpty();
    for (TemplateInput.Call call : message.calls()) {
      out.template(lineBreak ? "\n" : "");
      ChatMl.hermesCall(
          out,
          call.name(),
          call.arguments().isTextual()
              ? call.arguments().textValue()
              : PythonText.json(call.arguments()));
      lineBreak = true;
    }
    out.template(ChatMl.END);
  }

  private void generationPrompt(TemplateInput.Options options, PromptWriter out) {
    out.template(ChatMl.ASSISTANT);
    switch (kind) {
      case HYBRID -> out.template(options.thinkingOff() ? ChatMl.NO_THOUGHTS : "");
      case THINKING -> {
        out.template("<think>\n");
        out.startInThinking();
      }
      case INSTRUCT -> {}
    }
  }
}
