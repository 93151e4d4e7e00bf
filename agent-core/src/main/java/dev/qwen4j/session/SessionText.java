package dev.qwen4j.session;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import java.util.stream.Collectors;

/** A conversation in the forms that others read: Markdown, and OpenAI's messages. */
final class SessionText {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SessionText() {}

  static String markdown(SessionState state) {
    var out = new StringBuilder("# Session ").append(state.id()).append('\n');
    if (!state.instructions().isBlank()) {
      out.append("\n## Instructions\n\n").append(state.instructions()).append('\n');
    }
    for (ChatMessage message : state.messages()) {
      switch (message) {
        case UserMessage user -> out.append("\n## User\n\n").append(text(user)).append('\n');
        case AiMessage reply -> assistant(reply, out);
        case ToolExecutionResultMessage result ->
            out.append(result.isError() != null && result.isError() ? "\nError" : "\nResult")
                .append(" of `")
                .append(result.toolName())
                .append("`:\n\n")
                .append(fenced("", result.text()));
        default -> out.append("\n## ").append(message.type()).append("\n\n").append(message);
      }
    }
    return out.toString();
  }

  private static void assistant(AiMessage reply, StringBuilder out) {
    out.append("\n## Assistant\n");
    if (reply.thinking() != null) {
      out.append('\n');
      reply.thinking().strip().lines().forEach(line -> out.append("> ").append(line).append('\n'));
    }
    if (reply.text() != null) {
      out.append('\n').append(reply.text().strip()).append('\n');
    }
    for (ToolExecutionRequest call : reply.toolExecutionRequests()) {
      out.append("\nCalls `")
          .append(call.name())
          .append("`:\n\n")
          .append(fenced("json", call.arguments()));
    }
  }

  /** In a fence that is longer than any in the text. */
  private static String fenced(String language, String text) {
    String fence = "```";
    while (text.contains(fence)) {
      fence += "`";
    }
    return fence + language + "\n" + text.stripTrailing() + "\n" + fence + "\n";
  }

  private static String text(UserMessage user) {
    return user.contents().stream().map(SessionText::text).collect(Collectors.joining("\n"));
  }

  private static String text(Content content) {
    return content instanceof TextContent text
        ? text.text().strip()
        : "(" + content.type().name().toLowerCase(java.util.Locale.ROOT) + ")";
  }

  static String openAi(SessionState state) {
    ArrayNode all = JSON.createArrayNode();
    if (!state.instructions().isBlank()) {
      all.addObject().put("role", "system").put("content", state.instructions());
    }
    for (ChatMessage message : state.messages()) {
      switch (message) {
        case SystemMessage system ->
            all.addObject().put("role", "system").put("content", system.text());
        case UserMessage user -> user(user, all.addObject().put("role", "user"));
        case AiMessage reply -> assistant(reply, all.addObject().put("role", "assistant"));
        case ToolExecutionResultMessage result ->
            all.addObject()
                .put("role", "tool")
                .put("tool_call_id", result.id())
                .put("content", result.text());
        default ->
            throw new IllegalArgumentException(
                "OpenAI's form has no message of type " + message.type());
      }
    }
    return all.toPrettyString();
  }

  private static void user(UserMessage user, ObjectNode out) {
    if (user.hasSingleText()) {
      out.put("content", user.singleText());
      return;
    }
    ArrayNode parts = out.putArray("content");
    for (Content content : user.contents()) {
      switch (content) {
        case TextContent text -> parts.addObject().put("type", "text").put("text", text.text());
        case ImageContent image -> {
          String url =
              image.image().url() != null
                  ? image.image().url().toString()
                  : "data:" + image.image().mimeType() + ";base64," + image.image().base64Data();
          parts.addObject().put("type", "image_url").putObject("image_url").put("url", url);
        }
        default ->
            throw new IllegalArgumentException(
                "OpenAI's form has no content of type " + content.type());
      }
    }
  }

  private static void assistant(AiMessage reply, ObjectNode out) {
    out.put("content", reply.text());
    if (reply.thinking() != null) {
      out.put("reasoning_content", reply.thinking());
    }
    if (reply.hasToolExecutionRequests()) {
      ArrayNode calls = out.putArray("tool_calls");
      for (ToolExecutionRequest call : reply.toolExecutionRequests()) {
        calls
            .addObject()
            .put("id", call.id())
            .put("type", "function")
            .putObject("function")
            .put("name", call.name())
            .put("arguments", call.arguments());
      }
    }
  }
}
