package dev.qwen4j.inference.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelReferenceTest {
  private static final List<String> REPOSITORY =
      List.of(
          "README.md",
          "Qwen3-4B-F16.gguf",
          "Qwen3-4B-Q4_K_M.gguf",
          "Qwen3-4B-Q5_K_M.gguf",
          "Qwen3-4B-Q8_0.gguf",
          "mmproj-F16.gguf");

  @Test
  void readsPathsAndRepositories() {
    assertThat(ModelReference.parse("some/model.gguf"))
        .isEqualTo(new ModelReference.LocalFile(Path.of("some/model.gguf")));
    assertThat(ModelReference.parse("hf:Qwen/Qwen3-0.6B-GGUF"))
        .isEqualTo(
            new ModelReference.Repository(
                ModelReference.Source.HUGGING_FACE, "Qwen", "Qwen3-0.6B-GGUF", null));
    assertThat(ModelReference.parse("modelscope:Qwen/Qwen3-0.6B-GGUF:Q8_0"))
        .isEqualTo(
            new ModelReference.Repository(
                ModelReference.Source.MODEL_SCOPE, "Qwen", "Qwen3-0.6B-GGUF", "Q8_0"))
        .hasToString("modelscope:Qwen/Qwen3-0.6B-GGUF:Q8_0");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"hf:", "hf:Qwen", "hf:/x", "hf:a/b/c", "hf:a/b:", "hf:../b", "hf:a/b:c d", " "})
  void aMalformedReferenceNamesTheForm(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ModelReference.parse(text))
        .withMessageContaining(":owner/repo[:quant]")
        .withMessageContaining("found");
  }

  @ParameterizedTest
  @CsvSource({
    "Qwen3-4B-Q4_K_M.gguf, Q4_K_M",
    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf, Q4_K_M",
    "qwen2.5-0.5b-instruct-fp16.gguf, F16",
    "Qwen3-30B-A3B-UD-IQ1_S.gguf, IQ1_S",
    "Qwen3-4B.Q8_0.gguf, Q8_0",
    "BF16/Qwen3-4B-BF16.gguf, BF16",
    "Q6_K/model.gguf, Q6_K",
    "qwen3-mxfp4.gguf, MXFP4"
  })
  void readsTheQuantisationFromAName(String path, String quant) {
    assertThat(GgufChoice.quant(path)).hasValue(quant);
  }

  @Test
  void namesWithoutAQuantisationHaveNone() {
    assertThat(GgufChoice.quant("model.gguf")).isEmpty();
    assertThat(GgufChoice.quant("Qwen2.5-7B.gguf")).isEmpty();
  }

  @Test
  void takesTheDefaultOrWhatComesClosest() {
    assertThat(GgufChoice.choose("hf:o/r", REPOSITORY, null)).isEqualTo("Qwen3-4B-Q4_K_M.gguf");
    assertThat(GgufChoice.choose("hf:o/r", List.of("m-Q8_0.gguf", "m-F16.gguf"), null))
        .isEqualTo("m-Q8_0.gguf");
    assertThat(GgufChoice.choose("hf:o/r", List.of("model.gguf", "mmproj.gguf"), null))
        .isEqualTo("model.gguf");
  }

  @Test
  void takesWhatIsAskedForInAnyCase() {
    assertThat(GgufChoice.choose("hf:o/r", REPOSITORY, "q5_k_m")).isEqualTo("Qwen3-4B-Q5_K_M.gguf");
    assertThat(GgufChoice.choose("hf:o/r", REPOSITORY, "FP16")).isEqualTo("Qwen3-4B-F16.gguf");
    assertThat(GgufChoice.choose("hf:o/r", REPOSITORY, "Qwen3-4B-Q8_0.gguf"))
        .isEqualTo("Qwen3-4B-Q8_0.gguf");
  }

  @Test
  void whatIsNotThereIsAnsweredWithWhatIs() {
    assertRefused(
        REPOSITORY,
        "Q3_K_M",
        "hf:o/r: no Q3_K_M in this repository; it has F16, Q4_K_M, Q5_K_M, Q8_0");
    assertRefused(
        List.of("model.safetensors"),
        null,
        "hf:o/r: no GGUF file in this repository, nor a config.json with model*.safetensors; look"
            + " for one whose name ends in -GGUF");
    assertRefused(
        List.of("a-Q4_K_M.gguf", "b-Q4_K_M.gguf"),
        null,
        "hf:o/r: several files fit; name one as hf:owner/repo:FILE.gguf: a-Q4_K_M.gguf,"
            + " b-Q4_K_M.gguf");
  }

  @Test
  void ofASplitModelTheFirstPartStandsForAll() {
    List<String> split =
        List.of("m-Q4_K_M-00001-of-00002.gguf", "m-Q4_K_M-00002-of-00002.gguf", "m-Q2_K.gguf");

    assertThat(GgufChoice.choose("hf:o/r", split, null)).isEqualTo(split.getFirst());
    assertThat(GgufChoice.choose("hf:o/r", split, "q4_k_m")).isEqualTo(split.getFirst());
    assertThat(GgufChoice.parts(split.getFirst())).isEqualTo(split.subList(0, 2));
    assertThat(GgufChoice.parts("m-Q2_K.gguf")).containsExactly("m-Q2_K.gguf");
  }

  private static void assertRefused(List<String> paths, @Nullable String choice, String message) {
    assertThatExceptionOfType(HubException.class)
        .isThrownBy(() -> GgufChoice.choose("hf:o/r", paths, choice))
        .withMessage(message);
  }
}
