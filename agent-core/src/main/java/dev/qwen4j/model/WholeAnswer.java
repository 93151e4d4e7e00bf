package dev.qwen4j.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.jspecify.annotations.Nullable;

/** The answer of a server that was asked for a stream and sent one JSON object instead. */
final class WholeAnswer {
  private static final ObjectMapper JSON = new ObjectMapper();

  private WholeAnswer() {}

  /**
   * The same answer as a stream of one chunk.
   *
   * @return null if {@code body} is no chat completion
   */
  static @Nullable String asStream(String body) {
    JsonNode answer;
    try {
      answer = JSON.readTree(body);
    } catch (JsonProcessingException e) {
      return null; // Whatever it is, it is quoted in the error that follows.
    }
    JsonNode choice = answer.path("choices").path(0);
    if (!(choice.path("message") instanceof ObjectNode message)) {
      return null;
    }
    ObjectNode chunk = JSON.createObjectNode().put("object", "chat.completion.chunk");
    for (String field : new String[] {"id", "model", "created", "usage"}) {
      if (answer.has(field)) {
        chunk.set(field, answer.get(field));
      }
    }
    ObjectNode piece = chunk.putArray("choices").addObject().put("index", 0);
    piece.set("delta", message);
    String finish = choice.path("finish_reason").asText("stop");
    piece.put("finish_reason", finish.equals("null") ? "stop" : finish);
    return "data: " + chunk + "\n\ndata: [DONE]\n\n";
  }
}
