package dev.qwen4j.inference.internal.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ids against HuggingFace tokenizers and llama.cpp. */
class TokenizerGoldenTest {
  private static final Tokenizer QWEN3 = new Tokenizer(TokenizerTables.of(QwenVocabulary.QWEN3));

  /** llama.cpp's vectors for the text of the same index. */
  private record Vector(String text, List<Integer> ids) {}

  @Test
  void encodesAsHuggingFaceDoes() {
    List<JsonNode> rows = rows("tokenizer-qwen3.jsonl");
    assertThat(rows).hasSize(200);
    for (JsonNode row : rows) {
      String text = row.path("text").textValue();
      List<Integer> expected = ids(row.path("ids"));
      assertThat(boxed(QWEN3.encodeWithMarkers(text))).as("<%s>", text).isEqualTo(expected);
      assertThat(QWEN3.decode(QWEN3.encode(text))).isEqualTo(nfc(text));
    }
  }

  /**
   * Random mixtures of scripts, marks and spaces, encoded by HuggingFace tokenizers 0.23 with this
   * vocabulary and the published patterns. (Of 40 000 such texts 16 differ: they hold combining
   * marks newer than the Unicode version in that library's NFC.)
   */
  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen35"})
  void encodesRandomTextAsHuggingFaceDoes(String pre) {
    Tokenizer tokenizer =
        new Tokenizer(TokenizerTables.of(QwenVocabulary.withPre(QwenVocabulary.QWEN3, pre)));
    List<JsonNode> rows = rows("tokenizer-edges.jsonl");
    assertThat(rows).hasSize(200);
    for (JsonNode row : rows) {
      String text = row.path("text").textValue();
      assertThat(boxed(tokenizer.encode(text))).as("<%s>", text).isEqualTo(ids(row.path(pre)));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen35"})
  void encodesAsLlamaCppDoesWhereTextIsNormalised(String pre) {
    Tokenizer tokenizer =
        new Tokenizer(TokenizerTables.of(QwenVocabulary.withPre(QwenVocabulary.QWEN3, pre)));

    for (Vector vector : vectors(pre)) {
      IntList unnormalised = new IntList();
      tokenizer.encodeNormalised(vector.text(), unnormalised);
      assertThat(boxed(unnormalised.toArray()))
          .as("<%s>", vector.text())
          .containsExactlyElementsOf(vector.ids());
      if (nfc(vector.text()).equals(vector.text())) {
        assertThat(boxed(tokenizer.encode(vector.text()))).containsExactlyElementsOf(vector.ids());
      }
    }
  }

  /**
   * llama.cpp encodes an accent apart; HuggingFace, which Qwen was trained with, composes first.
   */
  @Test
  void theVectorsThatDifferAreTheThreeWithDecomposedAccents() {
    Tokenizer tokenizer =
        new Tokenizer(TokenizerTables.of(QwenVocabulary.withPre(QwenVocabulary.QWEN3, "qwen35")));

    List<Vector> different =
        vectors("qwen35").stream()
            .filter(vector -> !boxed(tokenizer.encode(vector.text())).equals(vector.ids()))
            .toList();

    assertThat(different)
        .extracting(vector -> vector.text().substring(0, 2))
        .containsExactly("e\u0301", "re", "a\u0300");
    assertThat(different)
        .allSatisfy(
            vector ->
                assertThat(tokenizer.encode(vector.text()))
                    .containsExactly(tokenizer.encode(nfc(vector.text()))));
    assertThat(vectors("qwen2")).allMatch(vector -> nfc(vector.text()).equals(vector.text()));
  }

  private static List<Vector> vectors(String pre) {
    String[] texts =
        QwenVocabulary.resource("ggml-vocab-" + pre + ".gguf.inp")
            .split("\n__ggml_vocab_test__\n", -1);
    String[] ids = QwenVocabulary.resource("ggml-vocab-" + pre + ".gguf.out").split("\n", -1);
    assertThat(texts).hasSameSizeAs(ids).hasSizeGreaterThan(45);
    return IntStream.range(0, texts.length)
        .mapToObj(
            i ->
                new Vector(
                    texts[i],
                    Stream.of(ids[i].trim().split(" +"))
                        .filter(id -> !id.isEmpty())
                        .map(Integer::valueOf)
                        .toList()))
        .toList();
  }

  private static List<JsonNode> rows(String file) {
    return QwenVocabulary.resource(file).lines().map(TokenizerGoldenTest::json).toList();
  }

  private static List<Integer> ids(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::intValue).toList();
  }

  private static List<Integer> boxed(int[] ids) {
    return Arrays.stream(ids).boxed().toList();
  }

  private static String nfc(String text) {
    return Normalizer.normalize(text, Normalizer.Form.NFC);
  }

  private static JsonNode json(String line) {
    try {
      return new ObjectMapper().readTree(line);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(line, e);
    }
  }
}
