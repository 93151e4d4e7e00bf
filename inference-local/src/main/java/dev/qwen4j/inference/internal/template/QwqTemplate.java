package dev.qwen4j.inference.internal.template;

import java.util.List;

/**
 * QwQ: Qwen2.5's turns, no default system prompt, and a reply that always starts with thinking.
 *
 * @param closable whether the template writes {@code </think>} at once unless thinking is asked for
 *     (some published files do; Qwen's own always thinks)
 */
record QwqTemplate(boolean closable) implements TemplateFamily {
  @Override
  public void render(TemplateInput input, PromptWriter out) {
    List<TemplateInput.Message> messages = input.messages();
    head(input, out);
    for (int i = 0; i < messages.size(); i++) {
      TemplateInput.Message message = messages.get(i);
      boolean last = i == messages.size() - 1;
      switch (message.role()) {
        case "system" -> {
          if (i > 0) {
            ChatMl.turn(out, "system", message.content());
          }
        }
        case "user" -> ChatMl.turn(out, "user", message.content());
        case "assistant" ->
            Qwen25Template.assistant(
                message, last ? message.content() : ChatMl.afterThinking(message.content()), out);
        case "tool" -> ChatMl.toolResult(out, messages, i);
        default -> throw ChatMl.unknownRole(message.role());
      }
    }
    if (input.options().addGenerationPrompt()) {
      out.template(ChatMl.ASSISTANT + "<think>\n");
      if (closable && !input.options().thinkingOn()) {
        out.template("</think>");
      } else {
        out.startInThinking();
      }
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
      out.template("\n\n");
      ChatMl.hermesTools(out, input.tools());
    }
    out.template(ChatMl.END);
  }
}
