package dev.qwen4j.inference;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.qwen4j.inference.internal.template.TemplateInput;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** LangChain4j's messages and tools as the input of a chat template. */
final class ChatInput {
  private static final ObjectMapper JSON = new ObjectMapper();

  private ChatInput() {}

  static TemplateInput of(
      List<ChatMessage> messages, List<ToolSpecification> tools, @Nullable Boolean enableThinking) {
    return new TemplateInput(
        messages.stream().map(ChatInput::message).toList(),
        tools.stream().map(ChatInput::tool).toList(),
        new TemplateInput.Options(true, enableThinking));
  }

  private static TemplateInput.Message message(ChatMessage message) {
    return switch (message) {
      case SystemMessage system -> TemplateInput.Message.of("system", system.text());
      case UserMessage user -> TemplateInput.Message.of("user", text(user.contents()));
      case ToolExecutionResultMessage result ->
          TemplateInput.Message.of("tool", text(result.contents()));
      case AiMessage reply -> assistant(reply);
      default ->
          throw new UnsupportedFeatureException(
              "local models take system, user, assistant and tool messages, not "
                  + message.getClass().getSimpleName());
    };
  }

  private static TemplateInput.Message assistant(AiMessage reply) {
    List<TemplateInput.Call> calls = new ArrayList<>();
    for (var request : reply.toolExecutionRequests()) {
      String arguments = request.arguments();
      calls.add(TemplateInput.Call.of(request.name(), arguments == null ? "{}" : arguments));
    }
    String text = reply.text();
    return new TemplateInput.Message(
        "assistant", text == null ? "" : text, reply.thinking(), calls);
  }

  private static String text(List<Content> contents) {
    return contents.stream().map(ChatInput::text).collect(Collectors.joining("\n"));
  }

  private static String text(Content content) {
    if (content instanceof TextContent text) {
      return text.text();
    }
    throw new UnsupportedFeatureException(
        "%s content is not supported: local models read text"
            .formatted(content.type().name().toLowerCase(Locale.ROOT)));
  }

  private static JsonNode tool(ToolSpecification specification) {
    try {
      ObjectNode function = (ObjectNode) JSON.readTree(specification.toJson());
      // LangChain4j's own notes, which no template was trained on.
      function.remove(List.of("metadata", "strict"));
      if (!function.has("parameters")) {
        function.putObject("parameters").put("type", "object").putObject("properties");
      }
      ObjectNode tool = JSON.createObjectNode().put("type", "function");
      tool.set("function", function);
      return tool;
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "tool %s has no readable JSON form".formatted(specification.name()), e);
    }
  }
}
