package dev.qwen4j.inference.internal.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The Jinja library against Python's Jinja, on the templates that Qwen publishes. */
class JinjaTemplateTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final Map<String, String> FILES =
      Map.of(
          "qwen2.5", "Qwen-Qwen2.5-7B-Instruct",
          "qwen3", "Qwen-Qwen3-0.6B",
          "qwq", "Qwen-QwQ-32B",
          "qwen3-coder", "Qwen3-Coder",
          "qwen3.5", "Qwen3.5-4B");

  @TestFactory
  Stream<DynamicTest> rendersThePublishedTemplatesByteForByte() {
    return ChatTemplateGoldenTest.resource("chat-templates.jsonl")
        .lines()
        .map(
            line ->
                DynamicTest.dynamicTest(
                    line.substring(0, Math.min(60, line.length())), () -> assertAsPython(line)));
  }

  private static void assertAsPython(String line) throws Exception {
    JsonNode row = JSON.readTree(line);
    String file = FILES.get(row.get("family").asText());
    String source = ChatTemplateGoldenTest.resource("chat-templates/" + file + ".jinja");
    assertThat(render(source, TemplateInput.fromJson(line)).text())
        .isEqualTo(row.get("rendered").asText());
  }

  private static Prompt render(String source, TemplateInput input) {
    PromptWriter out = new PromptWriter();
    new JinjaTemplate(source, Map.of()).render(input, out);
    return out.finish();
  }

  private static TemplateInput said(String text) {
    return new TemplateInput(
        List.of(TemplateInput.Message.of("user", text)), List.of(), TemplateInput.Options.REPLY);
  }

  /** Stretches of published templates left out, or there twice. */
  @Test
  void damagedTemplatesRenderOrAreRefusedInOneLine() {
    SplittableRandom random = new SplittableRandom(20261122);
    int refused = 0;
    for (String file : FILES.values()) {
      String source = ChatTemplateGoldenTest.resource("chat-templates/" + file + ".jinja");
      for (int i = 0; i < 40; i++) {
        int from = random.nextInt(source.length());
        int to = Math.min(source.length(), from + random.nextInt(1, 200));
        String damaged =
            random.nextBoolean()
                ? source.substring(0, from) + source.substring(to)
                : source.substring(0, to) + source.substring(from);
        try {
          assertThat(render(damaged, said("hi"))).isNotNull();
        } catch (IllegalArgumentException e) {
          refused++;
          assertThat(e)
              .hasMessageStartingWith("the model's chat template cannot be rendered: line ")
              .hasMessageMatching("[^\\n]*");
        }
      }
    }
    assertThat(refused).isGreaterThan(20);
  }

  @Test
  void markersCountInTheTemplatesWordsAndNotInMessages() {
    Prompt prompt = render("<|a|>{{ messages[0].content|trim }}<|b|>", said(" x<|b|>y "));

    assertThat(prompt.text()).isEqualTo("<|a|>x<|b|>y<|b|>");
    assertThat(prompt.pieces().stream().filter(Prompt.Piece::trusted).map(Prompt.Piece::text))
        .containsExactly("<|a|>x<", "b|>y<|b|>");
  }

  @Test
  void aPromptThatEndsInThinkingSaysSo() {
    assertThat(render("{{ messages[0].content }}<think>\n\n", said("x")).startsInThinking())
        .isTrue();
    assertThat(render("{{ messages[0].content }}", said("x")).startsInThinking()).isFalse();
  }

  @Test
  void whatTheTemplateRefusesIsTheCallersToRead() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> render("{{ raise_exception('one user only') }}", said("x")))
        .withMessageContaining("one user only");
  }

  @Test
  void loopsKnowTheirNeighboursAndTheirConditions() {
    String source =
        "{% for c in messages if c.role != 'x' %}{{ loop.previtem is defined }}{% endfor %}"
            + "{% for m in messages %}[{{ loop.nextitem.role }}]{% endfor %}";
    TemplateInput two =
        new TemplateInput(
            List.of(TemplateInput.Message.of("x", "a"), TemplateInput.Message.of("user", "b")),
            List.of(),
            TemplateInput.Options.REPLY);

    assertThat(render(source, two).text()).endsWith("[user][]");
  }

  @Test
  void timesAreWrittenInPythonsFormat() {
    LocalDateTime time = LocalDateTime.of(2026, 3, 7, 14, 5, 9);

    assertThat(JinjaFunctions.format(time, "%d %B %Y, %H:%M:%S 100%%"))
        .isEqualTo("07 March 2026, 14:05:09 100%");
  }
}
