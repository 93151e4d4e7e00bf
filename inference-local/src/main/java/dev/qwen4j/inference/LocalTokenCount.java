package dev.qwen4j.inference;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ChatMessageType;
import dev.langchain4j.data.message.ContentType;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.TokenCountEstimator;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Counts tokens as the model does. A conversation is counted as its template writes it, with the
 * opening of the reply and without tools; a part of one, which no template has a form for, by its
 * text and the marks around each message.
 */
final class LocalTokenCount implements TokenCountEstimator {
  /** {@code <|im_start|>}, the role, two line breaks and {@code <|im_end|>}. */
  private static final int MARKS = 5;

  private final LocalChat chat;

  LocalTokenCount(LocalChat chat) {
    this.chat = chat;
  }

  @Override
  public int estimateTokenCountInText(String text) {
    return chat.count(text);
  }

  @Override
  public int estimateTokenCountInMessage(ChatMessage message) {
    return MARKS + chat.count(text(message));
  }

  @Override
  public int estimateTokenCountInMessages(Iterable<ChatMessage> messages) {
    List<ChatMessage> all = new ArrayList<>();
    messages.forEach(all::add);
    return isConversation(all)
        ? chat.count(all)
        : all.stream().mapToInt(this::estimateTokenCountInMessage).sum();
  }

  /** Whether a template can write it: it begins with instructions or a user, and is all text. */
  private static boolean isConversation(List<ChatMessage> messages) {
    boolean begins =
        !messages.isEmpty()
            && (messages.getFirst() instanceof UserMessage
                || (messages.getFirst() instanceof SystemMessage
                    && messages.size() > 1
                    && messages.get(1) instanceof UserMessage));
    return begins
        && messages.stream().allMatch(LocalTokenCount::isText)
        && messages.stream().skip(1).noneMatch(each -> each.type() == ChatMessageType.SYSTEM);
  }

  private static boolean isText(ChatMessage message) {
    return switch (message) {
      case UserMessage user ->
          user.contents().stream().allMatch(each -> each.type() == ContentType.TEXT);
      case ToolExecutionResultMessage result ->
          result.contents().stream().allMatch(each -> each.type() == ContentType.TEXT);
      case SystemMessage system -> true;
      case AiMessage reply -> true;
      default -> false;
    };
  }

  private static String text(ChatMessage message) {
    return switch (message) {
      case SystemMessage system -> system.text();
      case UserMessage user ->
          user.contents().stream()
              .filter(TextContent.class::isInstance)
              .map(content -> ((TextContent) content).text())
              .collect(Collectors.joining("\n"));
      case AiMessage reply ->
          (reply.text() == null ? "" : reply.text())
              + reply.toolExecutionRequests().stream()
                  .map(LocalTokenCount::written)
                  .collect(Collectors.joining());
      case ToolExecutionResultMessage result -> text(result);
      default -> message.toString();
    };
  }

  private static String text(ToolExecutionResultMessage result) {
    return "<tool_response>\n"
        + result.contents().stream()
            .filter(TextContent.class::isInstance)
            .map(content -> ((TextContent) content).text())
            .collect(Collectors.joining("\n"))
        + "\n</tool_response>";
  }

  private static String written(ToolExecutionRequest call) {
    return "\n<tool_call>\n{\"name\": \""
        + call.name()
        + "\", \"arguments\": "
        + call.arguments()
        + "}\n</tool_call>";
  }
}
