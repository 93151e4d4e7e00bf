package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Conversations as plain text, and their natural pieces. */
final class Transcript {
  private Transcript() {}

  /** All the text of a message that a model reads. */
  static String text(ChatMessage message) {
    return switch (message) {
      case SystemMessage system -> system.text();
      case UserMessage user ->
          user.contents().stream().map(Transcript::text).collect(Collectors.joining("\n"));
      case AiMessage reply ->
          (reply.text() == null ? "" : reply.text())
              + reply.toolExecutionRequests().stream()
                  .map(call -> "\n" + call.name() + " " + call.arguments())
                  .collect(Collectors.joining());
      case ToolExecutionResultMessage result -> result.text();
      default -> message.toString();
    };
  }

  private static String text(Content content) {
    return content instanceof TextContent text
        ? text.text()
        : "(" + content.type().name().toLowerCase(Locale.ROOT) + ")";
  }

  /** A message as somebody would tell it, with long text shortened. */
  static String told(ChatMessage message, int longest) {
    return switch (message) {
      case UserMessage user -> "User: " + shortened(text(user), longest);
      case AiMessage reply -> {
        var lines = new ArrayList<String>();
        if (reply.text() != null && !reply.text().isBlank()) {
          lines.add("Assistant: " + shortened(reply.text(), longest));
        }
        for (ToolExecutionRequest call : reply.toolExecutionRequests()) {
          lines.add("Assistant called " + call.name() + " " + shortened(call.arguments(), longest));
        }
        yield String.join("\n", lines);
      }
      case ToolExecutionResultMessage result ->
          "Result of " + result.toolName() + ": " + shortened(result.text(), longest);
      default -> shortened(text(message), longest);
    };
  }

  /** The beginning and the end of a text that is longer than {@code longest}. */
  static String shortened(String text, int longest) {
    return text.length() <= longest
        ? text
        : text.substring(0, longest * 2 / 3) + " … " + text.substring(text.length() - longest / 3);
  }

  /**
   * Cuts a conversation where it may be cut: each piece is a user's message, or a reply with the
   * results of its calls.
   */
  static List<List<ChatMessage>> pieces(List<ChatMessage> messages) {
    var pieces = new ArrayList<List<ChatMessage>>();
    for (ChatMessage message : messages) {
      if (message instanceof ToolExecutionResultMessage && !pieces.isEmpty()) {
        pieces.getLast().add(message);
      } else {
        pieces.add(new ArrayList<>(List.of(message)));
      }
    }
    return pieces;
  }
}
