package dev.qwen4j.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.qwen4j.dialect.LenientJson;
import java.util.Optional;

/**
 * The form that an answer must have: one JSON object that fits the schema of a record. A model is
 * told so in words, held to it by its host where that can, and corrected where it cannot.
 */
final class AnswerForm<T> {
  private static final JsonMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  /** What was read: a value, or why there is none. */
  sealed interface Read<T> {
    record Value<T>(T value) implements Read<T> {}

    record Nothing<T>(String why) implements Read<T> {}
  }

  private final Class<T> type;
  private final SchemaCheck check;
  private final ResponseFormat format;

  /**
   * For a record.
   *
   * @throws IllegalArgumentException if {@code type} is none, or has no form in JSON
   */
  AnswerForm(Class<T> type) {
    JsonObjectSchema schema = RecordSchema.of(type);
    this.type = type;
    this.format =
        ResponseFormat.builder()
            .type(ResponseFormatType.JSON)
            .jsonSchema(JsonSchema.builder().name(type.getSimpleName()).rootElement(schema).build())
            .build();
    try {
      this.check =
          SchemaCheck.ofParameters(
              ToolSpecification.builder().name("answer").parameters(schema).build());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("what LangChain4j wrote is not JSON", e);
    }
  }

  /** For hosts that can hold a model to it. */
  ResponseFormat format() {
    return format;
  }

  /** The form in words, for the model. */
  String inWords() {
    return "Answer with nothing but one JSON object that fits this JSON schema:\n" + check.json();
  }

  /** What the model is told of an answer that does not have the form. */
  String correction(String why) {
    return "That answer cannot be used: " + why + " Write the whole JSON object again, corrected.";
  }

  /** Reads an answer: the object may stand in a fence or among words, and be a little broken. */
  Read<T> read(String answer) {
    Optional<String> object = object(answer);
    if (object.isEmpty()) {
      return new Read.Nothing<>(
          "it is not one JSON object, but begins with '"
              + SchemaCheck.abbreviate(answer.strip())
              + "'.");
    }
    try {
      JsonNode node = JSON.readTree(object.get());
      SchemaCheck.Fit fit = check.fit(node);
      return fit.fits()
          ? new Read.Value<>(JSON.treeToValue(node, type))
          : new Read.Nothing<>(fit.problems());
    } catch (JsonProcessingException e) { // The record's own constructor may refuse, too.
      Throwable cause = e.getCause() == null ? e : e.getCause();
      return new Read.Nothing<>(String.valueOf(cause.getMessage()).lines().findFirst().orElse(""));
    }
  }

  /** The whole answer, or the longest stretch of it from one brace to another. */
  private static Optional<String> object(String answer) {
    int first = answer.indexOf('{');
    int last = answer.lastIndexOf('}');
    return LenientJson.object(answer.strip())
        .or(
            () ->
                first >= 0 && last > first
                    ? LenientJson.object(answer.substring(first, last + 1))
                    : Optional.empty())
        .or(() -> first >= 0 ? LenientJson.object(answer.substring(first)) : Optional.empty());
  }
}
