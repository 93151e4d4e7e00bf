package dev.qwen4j.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.data.message.AudioContent;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.UserMessage;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Puts into the body of a request what LangChain4j's OpenAI client cannot say: sound behind a URL,
 * sound as DashScope wants it, the marks up to which DashScope keeps a prompt in its cache, and
 * that it shall look into its own storage for files with addresses of {@code oss://}. Everything
 * else passes as it is, byte for byte.
 */
final class RequestBody {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** In the place of a sound's data, where a colon can stand for nothing else. */
  private static final String URL = "url:";

  private final EndpointKind kind;
  private final boolean marksCache;

  RequestBody(EndpointKind kind, boolean marksCache) {
    this.kind = kind;
    this.marksCache = marksCache;
  }

  /** Sounds behind URLs, in a form that LangChain4j lets through. */
  static List<ChatMessage> passable(List<ChatMessage> messages) {
    var all = new ArrayList<ChatMessage>();
    for (ChatMessage message : messages) {
      all.add(
          message instanceof UserMessage user
                  && user.contents().stream().anyMatch(RequestBody::isFar)
              ? user.toBuilder()
                  .contents(user.contents().stream().map(RequestBody::passable).toList())
                  .build()
              : message);
    }
    return all;
  }

  private static boolean isFar(Content content) {
    return content instanceof AudioContent audio && audio.audio().url() != null;
  }

  private static Content passable(Content content) {
    if (!(content instanceof AudioContent audio) || audio.audio().url() == null) {
      return content;
    }
    URI url = audio.audio().url();
    String path = String.valueOf(url.getPath()).toLowerCase(Locale.ROOT);
    String ending = path.substring(path.lastIndexOf('.') + 1);
    String type = audio.audio().mimeType();
    return AudioContent.from(
        URL + url, type != null ? type : "audio/" + (ending.matches("\\w{2,4}") ? ending : "mp3"));
  }

  /** The headers that this body needs besides those of every request. */
  Map<String, String> headers(String body) {
    return kind.isDashScope() && body.contains("\"oss://")
        ? Map.of("X-DashScope-OssResourceResolve", "enable")
        : Map.of();
  }

  /** The body as it is sent. */
  String shaped(String body) {
    if (!marksCache && !body.contains("\"input_audio\"")) {
      return body;
    }
    try {
      if (JSON.readTree(body) instanceof ObjectNode request) {
        for (JsonNode message : request.path("messages")) {
          message.path("content").forEach(this::shapeSound);
        }
        if (marksCache) {
          markCache(request);
        }
        return request.toString();
      }
      return body;
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("what LangChain4j wrote is not JSON", e);
    }
  }

  private void shapeSound(JsonNode part) {
    if (!(part instanceof ObjectNode object)
        || !(part.path("input_audio") instanceof ObjectNode sound)) {
      return;
    }
    String data = sound.path("data").asText();
    if (data.startsWith(URL)) {
      String url = data.substring(URL.length());
      if (kind.isDashScope()) {
        sound.put("data", url);
      } else { // vLLM's and SGLang's word for it.
        object.removeAll();
        object.put("type", "audio_url").putObject("audio_url").put("url", url);
      }
    } else if (kind.isDashScope()) {
      sound.put("data", "data:;base64," + data);
    }
  }

  /** Marks the ends of what stays the same: the instructions, and the whole conversation so far. */
  private static void markCache(ObjectNode request) {
    JsonNode messages = request.path("messages");
    if (messages.isEmpty()) {
      return;
    }
    if (messages.get(0).path("role").asText().equals("system")) {
      mark((ObjectNode) messages.get(0));
    }
    mark((ObjectNode) messages.get(messages.size() - 1));
  }

  private static void mark(ObjectNode message) {
    JsonNode content = message.get("content");
    if (content != null && content.isTextual()) {
      message.putArray("content").addObject().put("type", "text").put("text", content.textValue());
    }
    if (message.get("content") instanceof ArrayNode parts
        && !parts.isEmpty()
        && parts.get(parts.size() - 1) instanceof ObjectNode last) {
      last.putObject("cache_control").put("type", "ephemeral");
    }
  }
}
