package dev.qwen4j.inference.internal.template;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A model family's way of turning a conversation into the text it was trained on.
 *
 * <p>The families are written in Java, one file each, and checked byte for byte against the Jinja
 * templates that Qwen publishes. Which family a checkpoint belongs to is read from the template
 * text inside its file, never from its name. Immutable, safe to share.
 *
 * <p>Where an original template would fail or silently drop a message (an unknown role, call
 * arguments that are no object), this one says so, or takes the one sensible reading: absent or
 * null content is empty text.
 */
public final class ChatTemplate {
  private final String family;
  private final String description;
  private final boolean recognised;
  private final TemplateFamily rendering;

  ChatTemplate(String family, String description, boolean recognised, TemplateFamily rendering) {
    this.family = family;
    this.description = description;
    this.recognised = recognised;
    this.rendering = rendering;
  }

  /** The names that {@link #forFamily} knows. */
  public static List<String> families() {
    return List.of("qwen2.5", "qwen3", "qwq", "qwen3-coder", "qwen3.5");
  }

  /**
   * The published template of a family.
   *
   * @throws IllegalArgumentException if the name is not one of {@link #families}
   */
  public static ChatTemplate forFamily(String family) {
    TemplateFamily rendering =
        switch (family) {
          case "qwen2.5" -> new Qwen25Template(Qwen25Template.QWEN_SYSTEM);
          case "qwen3" -> new Qwen3Template(Qwen3Template.Kind.HYBRID, true);
          case "qwq" -> new QwqTemplate(true);
          case "qwen3-coder" -> new Qwen3CoderTemplate();
          case "qwen3.5" -> new Qwen35Template(true);
          default ->
              throw new IllegalArgumentException(
                  "template family: expected one of " + families() + ", found \"" + family + "\"");
        };
    return new ChatTemplate(family, "the published template of " + family, true, rendering);
  }

  /**
   * The family whose marks a Jinja template bears.
   *
   * @param source the Jinja text, as in {@code tokenizer.chat_template} of a GGUF file
   */
  public static ChatTemplate forSource(String source) {
    return forSource(source, Map::of);
  }

  /**
   * The family whose marks a Jinja template bears. One that bears none is rendered by a Jinja
   * library; where that cannot, plain ChatML takes its place.
   *
   * @param variables what the template may use besides the conversation, as {@code eos_token};
   *     asked for only if it is rendered
   */
  public static ChatTemplate forSource(String source, Supplier<Map<String, String>> variables) {
    return TemplateRecognition.recognise(source, variables);
  }

  /** One of {@link #families}, {@code chatml}, or {@code jinja}. */
  public String family() {
    return family;
  }

  /** False when the template bore no known marks: the description says what is done with it. */
  public boolean recognised() {
    return recognised;
  }

  /** One line for logs: what this template was taken for, and by what. */
  public String description() {
    return description;
  }

  /**
   * Writes the conversation out.
   *
   * @throws IllegalArgumentException if the family has no place for what {@code input} holds
   */
  public Prompt render(TemplateInput input) {
    PromptWriter out = new PromptWriter();
    rendering.render(input, out);
    return out.finish();
  }
}
