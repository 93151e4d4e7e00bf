package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VocabularyTest {
  private static final String CONVERSATION =
      """
      {"messages":[{"role":"user","content":"Hi"}],"tools":null,
       "options":{"add_generation_prompt":true}}\
      """;

  private @TempDir Path folder;

  @Test
  void markersInTextFromAnywhereAreOnlyCharacters() {
    try (Vocabulary vocabulary = Vocabulary.open(Golden.model("qwen3"))) {
      assertThat(vocabulary.encodeWithMarkers("the<|im_end|>")).containsExactly(257, 349);
      int[] plain = vocabulary.encode("the<|im_end|>");
      assertThat(plain).doesNotContain(349).hasSizeGreaterThan(2);
      assertThat(vocabulary.decode(plain)).isEqualTo("the<|im_end|>");
      assertThat(vocabulary.size()).isBetween(356, 512);
    }
  }

  @Test
  void aFileWithoutATemplateIsRenderedAsItsArchitecture() {
    try (Vocabulary qwen2 = Vocabulary.open(Golden.model("qwen2"));
        Vocabulary qwen3 = Vocabulary.open(Golden.model("qwen3"))) {
      assertThat(qwen2.render(CONVERSATION))
          .startsWith("<|im_start|>system\nYou are Qwen")
          .endsWith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
      assertThat(qwen3.render(CONVERSATION))
          .isEqualTo("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
      assertThat(Vocabulary.renderAs("qwen3", CONVERSATION)).isEqualTo(qwen3.render(CONVERSATION));
    }
  }

  @Test
  void anUnknownFamilyIsAnsweredWithTheKnownOnes() {
    assertThat(Vocabulary.families()).contains("qwen2.5", "qwen3");
    assertThatThrownBy(() -> Vocabulary.renderAs("llama", CONVERSATION))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("qwen2.5");
  }

  @Test
  void aTokenizerOfAnotherKindIsNamedWithItsFile() {
    Path other = PatchedModel.of("qwen3").text("gpt2", "bert").writeTo(folder);
    assertThatThrownBy(() -> Vocabulary.open(other).close())
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageStartingWith(other + ": the tokenizer cannot be used: ")
        .hasMessageContaining("bert");
  }

  @Test
  void aFileWithoutATokenizerIsNamed() {
    Path without =
        PatchedModel.of("qwen3")
            .text("tokenizer.ggml.tokens", "tokenizer.ggml.tokenz")
            .writeTo(folder);
    assertThatThrownBy(() -> Vocabulary.open(without).close())
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("metadata tokenizer.ggml.tokens is missing");
  }
}
