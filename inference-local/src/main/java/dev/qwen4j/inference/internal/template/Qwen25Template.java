package dev.qwen4j.inference.internal.template;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Qwen2.5 (and Coder, Math): ChatML, a default system prompt, Hermes tools.
 *
 * <p>Also serves Qwen1.5 and Qwen2, whose templates are this one without tools: when tools are
 * given all the same, they are declared the Hermes way rather than lost.
 *
 * @param defaultSystem the system prompt of a conversation that brings none; null for no such turn
 */
record Qwen25Template(@Nullable String defaultSystem) implements TemplateFamily {
  static final String QWEN_SYSTEM =
      "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";

  @Override
  public void render(TemplateInput input, PromptWriter out) {
    List<TemplateInput.Message> messages = input.messages();
    head(input, out);
    for (int i = 0; i < messages.size(); i++) {
      TemplateInput.Message message = messages.get(i);
      switch (message.role()) {
        case "system" -> {
          if (i > 0) {
            ChatMl.turn(out, "system", message.content());
          }
        }
        case "user" -> ChatMl.turn(out, "user", message.content());
        case "assistant" -> assistant(message, message.content(), out);
        case "tool" -> ChatMl.toolResult(out, messages, i);
        default -> throw ChatMl.unknownRole(message.role());
      }
    }
    if (input.options().addGenerationPrompt()) {
      out.template(ChatMl.ASSISTANT);
    }
  }

  private void head(TemplateInput input, PromptWriter out) {
    boolean ownSystem = ChatMl.startsWithSystem(input);
    if (!ownSystem && defaultSystem == null && input.tools().isEmpty()) {
      return;
    }
    out.template(ChatMl.START + "system\n");
    if (ownSystem) {
      out.content(input.messages().getFirst().content());
    } else if (defaultSystem != null) {
      out.template(defaultSystem);
    }
    if (!input.tools().isEmpty()) {
      out.template(ownSystem || defaultSystem != null ? "\n\n" : "");
      ChatMl.hermesTools(out, input.tools());
    }
    out.template(ChatMl.END);
  }

  /** An assistant's turn with {@code content} in place of the message's own. */
  static void assistant(TemplateInput.Message message, String content, PromptWriter out) {
    out.template(ChatMl.START + "assistant");
    if (message.calls().isEmpty() || !message.content().isEmpty()) {
      out.template("\n").content(content);
    }
    for (TemplateInput.Call call : message.calls()) {
      JsonNode arguments = call.arguments();
      out.template("\n");
      ChatMl.hermesCall(out, call.name(), PythonText.json(arguments));
    }
    out.template(ChatMl.END);
  }
}
