package dev.qwen4j.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * What a server says about an error, whichever of the common shapes it uses: {@code {"error":
 * {"message", "code"}}} (OpenAI, DashScope's compatible mode), {@code {"error": "text"}} (Ollama),
 * {@code {"code", "message"}} (DashScope, older vLLM), {@code {"detail": …}} (FastAPI), or plain
 * text.
 *
 * @param code a word or a number; empty when there is none
 * @param message the message; the whole text when it has none of these shapes
 * @param isError whether one of the shapes was found
 */
record ErrorBody(String code, String message, boolean isError) {
  private static final ObjectMapper JSON = new ObjectMapper();

  static ErrorBody read(String body) {
    try {
      return read(JSON.readTree(body), body);
    } catch (JsonProcessingException e) {
      // Not JSON: a proxy's page or plain text, which is then itself the message.
      return new ErrorBody("", body, false);
    }
  }

  static ErrorBody read(JsonNode root, String text) {
    JsonNode error = root.path("error");
    if (error.isTextual()) {
      return new ErrorBody(root.path("code").asText(""), error.textValue(), true);
    }
    if (error.isObject()) {
      String code = error.path("code").asText("");
      return new ErrorBody(
          code.isEmpty() ? error.path("type").asText("") : code,
          error.path("message").asText(error.toString()),
          true);
    }
    if (root.path("message").isTextual() && !root.has("choices")) {
      return new ErrorBody(root.path("code").asText(""), root.path("message").textValue(), true);
    }
    if (root.has("detail") && !root.has("choices")) {
      JsonNode detail = root.path("detail");
      return new ErrorBody("", detail.isTextual() ? detail.textValue() : detail.toString(), true);
    }
    return new ErrorBody("", text, false);
  }

  /** The HTTP status that the code stands for, or 0. */
  int status() {
    return code.matches("[45]\\d\\d") ? Integer.parseInt(code) : 0;
  }
}
