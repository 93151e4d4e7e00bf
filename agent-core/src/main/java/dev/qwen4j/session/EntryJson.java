package dev.qwen4j.session;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ChatMessageDeserializer;
import dev.langchain4j.data.message.ChatMessageSerializer;
import dev.langchain4j.model.output.TokenUsage;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Entries as JSON objects of one line; messages in LangChain4j's own form. */
final class EntryJson {
  /** The version of the format, in the first line of every journal. */
  static final int VERSION = 1;

  /** How the first line of every journal begins. */
  static final String FIRST = "{\"type\":\"opened\"";

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private EntryJson() {}

  static String write(SessionEntry entry) {
    return node(entry).toString();
  }

  private static ObjectNode node(SessionEntry entry) {
    ObjectNode line = JSON.createObjectNode();
    switch (entry) {
      case SessionEntry.Opened(String id, Instant at, String forkedFrom) -> {
        line.put("type", "opened").put("version", VERSION).put("id", id).put("at", at.toString());
        if (forkedFrom != null) {
          line.put("forked_from", forkedFrom);
        }
      }
      case SessionEntry.Instructions(String text) ->
          line.put("type", "instructions").put("text", text);
      case SessionEntry.Message(ChatMessage message, TokenUsage usage) -> {
        line.put("type", "message").set("message", tree(message));
        if (usage != null) {
          line.put("input_tokens", usage.inputTokenCount());
          line.put("output_tokens", usage.outputTokenCount());
        }
      }
      case SessionEntry.Started(String call, boolean changesState) ->
          line.put("type", "started").put("call", call).put("changes_state", changesState);
      case SessionEntry.Asked(Question question) ->
          line.put("type", "asked")
              .put("call", question.call())
              .put("tool", question.tool())
              .put("arguments", question.arguments())
              .put("text", question.text());
      case SessionEntry.Answered(String call, String decision, String detail) ->
          line.put("type", "answered")
              .put("call", call)
              .put("decision", decision)
              .put("detail", detail);
      case SessionEntry.Ended(String stopReason, boolean answered, String text) ->
          line.put("type", "ended")
              .put("stop_reason", stopReason)
              .put("answered", answered)
              .put("text", text);
      case SessionEntry.Compacted(List<ChatMessage> messages) -> {
        ArrayNode all = line.put("type", "compacted").putArray("messages");
        messages.forEach(message -> all.add(tree(message)));
      }
      case SessionEntry.Rewound(int messages) ->
          line.put("type", "rewound").put("messages", messages);
      case SessionEntry.Within(String part, SessionEntry inner) ->
          line.put("type", "within").put("part", part).set("entry", node(inner));
    }
    return line;
  }

  /**
   * Reads one line.
   *
   * @throws IllegalArgumentException if it is none of the entries, with what is wrong
   */
  static SessionEntry read(String line) {
    JsonNode node;
    try {
      node = JSON.readTree(line);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON: " + e.getOriginalMessage(), e);
    }
    return entry(node);
  }

  private static SessionEntry entry(JsonNode node) {
    return switch (text(node, "type")) {
      case "opened" -> opened(node);
      case "instructions" -> new SessionEntry.Instructions(text(node, "text"));
      case "message" -> new SessionEntry.Message(message(node.path("message")), usage(node));
      case "started" ->
          new SessionEntry.Started(text(node, "call"), node.path("changes_state").asBoolean(true));
      case "asked" ->
          new SessionEntry.Asked(
              new Question(
                  text(node, "call"),
                  text(node, "tool"),
                  text(node, "arguments"),
                  text(node, "text")));
      case "answered" ->
          new SessionEntry.Answered(
              text(node, "call"), text(node, "decision"), text(node, "detail"));
      case "ended" ->
          new SessionEntry.Ended(
              text(node, "stop_reason"), node.path("answered").asBoolean(), text(node, "text"));
      case "compacted" -> compacted(node.path("messages"));
      case "within" -> new SessionEntry.Within(text(node, "part"), entry(node.path("entry")));
      case "rewound" -> new SessionEntry.Rewound(node.path("messages").asInt());
      default -> throw new IllegalArgumentException("unknown type '" + text(node, "type") + "'");
    };
  }

  private static SessionEntry opened(JsonNode node) {
    int version = node.path("version").asInt();
    if (version != VERSION) {
      throw new IllegalArgumentException(
          "version " + version + " of the journal's format, this program knows " + VERSION);
    }
    try {
      return new SessionEntry.Opened(
          text(node, "id"), Instant.parse(text(node, "at")), optional(node, "forked_from"));
    } catch (DateTimeParseException e) {
      throw new IllegalArgumentException("\"at\" is not a time: " + e.getMessage(), e);
    }
  }

  private static SessionEntry compacted(JsonNode list) {
    List<ChatMessage> messages = new ArrayList<>();
    list.forEach(each -> messages.add(message(each)));
    return new SessionEntry.Compacted(messages);
  }

  private static JsonNode tree(ChatMessage message) {
    try {
      return JSON.readTree(ChatMessageSerializer.messageToJson(message));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("what LangChain4j wrote is not JSON", e);
    }
  }

  private static ChatMessage message(JsonNode node) {
    try {
      return ChatMessageDeserializer.messageFromJson(node.toString());
    } catch (RuntimeException e) { // Whatever LangChain4j makes of it.
      throw new IllegalArgumentException("not a message: " + firstLine(e), e);
    }
  }

  private static @Nullable TokenUsage usage(JsonNode node) {
    return node.has("input_tokens") || node.has("output_tokens")
        ? new TokenUsage(node.path("input_tokens").asInt(), node.path("output_tokens").asInt())
        : null;
  }

  private static String text(JsonNode node, String name) {
    String value = optional(node, name);
    if (value == null) {
      throw new IllegalArgumentException("\"" + name + "\" is missing");
    }
    return value;
  }

  private static @Nullable String optional(JsonNode node, String name) {
    return node.path(name).isTextual() ? node.path(name).textValue() : null;
  }

  private static String firstLine(RuntimeException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}
