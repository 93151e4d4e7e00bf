package dev.qwen4j.inference.internal.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every rendering against the original Jinja templates, byte for byte. */
class ChatTemplateGoldenTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What the original cannot render and we can: content null, arguments as a JSON string. */
  private static final Set<String> WIDER =
      Set.of("null content with call", "null content, reasoning and call", "string arguments");

  @TestFactory
  Stream<DynamicTest> rendersTheGoldenConversations() {
    return rows("chat-templates.jsonl")
        .map(row -> DynamicTest.dynamicTest(name(row), () -> assertRendersAsOriginal(row)));
  }

  @TestFactory
  Stream<DynamicTest> rendersTheEdgesAsTheOriginal() {
    return rows("chat-templates-edges.jsonl")
        .filter(row -> row.path("rendered").isTextual())
        .map(row -> DynamicTest.dynamicTest(name(row), () -> assertRendersAsOriginal(row)));
  }

  @TestFactory
  Stream<DynamicTest> refusesInOneLineWhatTheOriginalRefuses() {
    return rows("chat-templates-edges.jsonl")
        .filter(row -> !row.path("rendered").isTextual())
        .filter(row -> !WIDER.contains(row.path("case").asText()))
        .map(
            row ->
                DynamicTest.dynamicTest(
                    name(row),
                    () ->
                        assertThatIllegalArgumentException()
                            .isThrownBy(() -> render(row))
                            .withMessageContaining("expected")
                            .withMessageNotContaining("\n")));
  }

  @Test
  void bothGoldenFilesAreWholeAndNearlyAllEdgesComparable() {
    assertThat(rows("chat-templates.jsonl")).hasSize(75);
    assertThat(rows("chat-templates-edges.jsonl").filter(row -> row.path("rendered").isTextual()))
        .hasSizeGreaterThan(190);
  }

  private static void assertRendersAsOriginal(JsonNode row) {
    assertThat(render(row)).isEqualTo(row.path("rendered").textValue());
  }

  private static String render(JsonNode row) {
    return ChatTemplate.forFamily(row.path("family").asText())
        .render(TemplateInput.fromJson(row.toString()))
        .text();
  }

  private static String name(JsonNode row) {
    return row.path("family").asText() + ": " + row.path("case").asText();
  }

  private static Stream<JsonNode> rows(String file) {
    return resource(file)
        .lines()
        .map(
            line -> {
              try {
                return JSON.readTree(line);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
  }

  static String resource(String file) {
    try (InputStream in =
        Objects.requireNonNull(
            ChatTemplateGoldenTest.class.getResourceAsStream("/golden/text/" + file), file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
