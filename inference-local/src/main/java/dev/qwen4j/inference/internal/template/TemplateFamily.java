package dev.qwen4j.inference.internal.template;

/** One family's way of writing a conversation. */
@FunctionalInterface
interface TemplateFamily {
  void render(TemplateInput input, PromptWriter out);
}
