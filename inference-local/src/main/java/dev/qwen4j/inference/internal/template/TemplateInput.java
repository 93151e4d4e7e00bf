package dev.qwen4j.inference.internal.template;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a chat template is given: the conversation, the tools, and how to end.
 *
 * @param messages at least one, oldest first
 * @param tools as the caller declared them (OpenAI form: {@code {"type":"function","function":…}}),
 *     keys in order; empty for none
 */
public record TemplateInput(List<Message> messages, List<JsonNode> tools, Options options) {
  public TemplateInput {
    messages = List.copyOf(messages);
    tools = List.copyOf(tools);
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("messages: expected at least one message, found none");
    }
  }

  /**
   * Reads {@code {"messages":[…],"tools":[…]|null,"options":{…}}}, the messages in the OpenAI form.
   *
   * @throws IllegalArgumentException if the text is not of this form; the message names the place
   */
  public static TemplateInput fromJson(String json) {
    return OpenAiForm.read(json);
  }

  /**
   * One message.
   *
   * @param role {@code system}, {@code user}, {@code assistant} or {@code tool}
   * @param content its text; empty when there is none
   * @param reasoning thinking that was separated from the content, null when nothing says so (then
   *     the template may still find it inside the content)
   */
  public record Message(String role, String content, @Nullable String reasoning, List<Call> calls) {
    public Message {
      calls = List.copyOf(calls);
    }

    public static Message of(String role, String content) {
      return new Message(role, content, null, List.of());
    }
  }

  /**
   * A tool call of an assistant message.
   *
   * @param arguments an object; or a string, which some templates insert verbatim and some quote
   */
  public record Call(String name, JsonNode arguments) {
    /**
     * A call whose arguments come as JSON text, which is how chat APIs carry them.
     *
     * @param arguments JSON text; kept as a string when it is not an object
     */
    public static Call of(String name, String arguments) {
      JsonNode object = OpenAiForm.objectOrNull(arguments);
      return new Call(name, object == null ? JsonNodeFactory.instance.textNode(arguments) : object);
    }
  }

  /**
   * How the prompt ends.
   *
   * @param addGenerationPrompt whether to open the assistant's turn
   * @param enableThinking null leaves the choice to the template, and families differ in it
   */
  public record Options(boolean addGenerationPrompt, @Nullable Boolean enableThinking) {
    /** An opened assistant turn, thinking as the template likes. */
    public static final Options REPLY = new Options(true, null);

    boolean thinkingOff() {
      return Boolean.FALSE.equals(enableThinking);
    }

    boolean thinkingOn() {
      return Boolean.TRUE.equals(enableThinking);
    }
  }
}
