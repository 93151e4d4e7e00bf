package dev.qwen4j.inference.internal.template;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Tells a family from the marks in a Jinja template's text.
 *
 * <p>Fine-tunes often change the default system prompt or the thinking switch and nothing else, so
 * those two are read from the text too.
 */
final class TemplateRecognition {
  /** A system turn written out whole: the default for conversations without one. */
  private static final Pattern DEFAULT_SYSTEM =
      Pattern.compile("<\\|im_start\\|>system(?:\\\\n|\n)([^'\"<{]+)<\\|im_end\\|>");

  /** A generation prompt that ends inside thinking. */
  private static final Pattern OPENED_THINKING =
      Pattern.compile("assistant(?:\\\\n|\n)<think>(?:\\\\n|\n)?['\"]");

  private TemplateRecognition() {}

  static ChatTemplate recognise(String source, Supplier<Map<String, String>> variables) {
    if (!source.contains("<|im_start|>")) {
      return unknown(source, variables.get());
    }
    if (source.contains("<function=")) {
      return coderLike(source);
    }
    if (source.contains("<tool_call>") && source.contains("arguments")) {
      return hermes(source);
    }
    return source.contains("tools") ? unknown(source, variables.get()) : chatMl(source);
  }

  /** Tries it on the shortest conversation: a template may be broken, or no Jinja at all. */
  private static ChatTemplate unknown(String source, Map<String, String> variables) {
    JinjaTemplate jinja = new JinjaTemplate(source, variables);
    try {
      jinja.render(
          new TemplateInput(
              List.of(TemplateInput.Message.of("user", "Hi")),
              List.of(),
              TemplateInput.Options.REPLY),
          new PromptWriter());
    } catch (IllegalArgumentException e) {
      return new ChatTemplate(
          "chatml",
          "unknown template (%s), treated as plain ChatML".formatted(e.getMessage()),
          false,
          new Qwen25Template(null));
    }
    return new ChatTemplate(
        "jinja",
        "unknown template, rendered by the Jinja library; check its replies",
        false,
        jinja);
  }

  private static ChatTemplate coderLike(String source) {
    if (source.contains("<parameters>")) {
      return known("qwen3-coder", "by its XML tool declarations", new Qwen3CoderTemplate());
    }
    boolean thinks = !source.contains("enable_thinking is true");
    return known(
        "qwen3.5",
        "by its XML calls over JSON declarations; thinking is "
            + (thinks ? "on" : "off")
            + " by default",
        new Qwen35Template(thinks));
  }

  private static ChatTemplate hermes(String source) {
    boolean opensThinking = OPENED_THINKING.matcher(source).find();
    if (source.contains("last_query_index")) {
      Qwen3Template.Kind kind =
          opensThinking
              ? Qwen3Template.Kind.THINKING
              : source.contains("enable_thinking")
                  ? Qwen3Template.Kind.HYBRID
                  : Qwen3Template.Kind.INSTRUCT;
      String how =
          switch (kind) {
            case HYBRID -> "by its last_query_index; thinking can be switched";
            case THINKING -> "by its last_query_index; always thinks";
            case INSTRUCT -> "by its last_query_index; never thinks";
          };
      return known("qwen3", how, new Qwen3Template(kind, true));
    }
    if (opensThinking) {
      boolean closable = source.contains("not enable_thinking");
      return known("qwq", "by its reply that opens <think>", new QwqTemplate(closable));
    }
    String system = defaultSystem(source);
    if (system == null) {
      return known(
          "qwen3",
          "by its Hermes tools without a default system prompt; never thinks",
          new Qwen3Template(Qwen3Template.Kind.INSTRUCT, false));
    }
    return known(
        "qwen2.5", "by its Hermes tools and default system prompt", new Qwen25Template(system));
  }

  private static ChatTemplate chatMl(String source) {
    String system = defaultSystem(source);
    return known(
        "chatml",
        "by its bare ChatML turns; it has no tools, so they are declared as in Qwen2.5",
        new Qwen25Template(system));
  }

  private static @Nullable String defaultSystem(String source) {
    Matcher matcher = DEFAULT_SYSTEM.matcher(source);
    return matcher.find() ? unescape(matcher.group(1)) : null;
  }

  private static String unescape(String literal) {
    return literal.replace("\\n", "\n").replace("\\\\", "\\");
  }

  private static ChatTemplate known(String family, String how, TemplateFamily rendering) {
    return new ChatTemplate(family, family + ", recognised " + how, true, rendering);
  }
}
