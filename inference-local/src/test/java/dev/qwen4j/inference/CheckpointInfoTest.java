package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.inference.CheckpointInfo.Ability;
import dev.qwen4j.inference.CheckpointInfo.Verdict;
import dev.qwen4j.inference.internal.engine.Checkpoints;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.QuantizedCopy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a checkpoint's files say about it. */
class CheckpointInfoTest {
  private @TempDir Path folder;

  static List<String> models() {
    return Golden.MODELS;
  }

  @ParameterizedTest
  @MethodSource("models")
  void everyArchitectureIsSaidToRunWithWhatItTakes(String model) {
    CheckpointInfo info = CheckpointInfo.read(Golden.model(model));

    assertThat(info.verdict()).isInstanceOf(Verdict.Runs.class);
    assertThat(info.architecture()).startsWith("qwen");
    assertThat(info.type()).isEqualTo("F32");
    assertThat(info.bytes()).isGreaterThan(4 * info.parameters() - 1);
    assertThat(info.memory(100).orElseThrow()).isGreaterThan(info.memory(1).orElseThrow());
    assertThat(info.abilities()).contains(Ability.CHAT);
  }

  @Test
  void whatAModelCanDoIsReadFromItsTemplateAndItsPooling() {
    Path chat =
        RewrittenModel.of("qwen3")
            .text("tokenizer.chat_template", "{% if tools %}{% endif %}<|im_start|><think>")
            .writeTo(folder);
    assertThat(CheckpointInfo.read(chat).abilities())
        .containsExactlyInAnyOrder(Ability.CHAT, Ability.TOOLS, Ability.THINKING);
    Path embedding = RewrittenModel.of("qwen3").int32("qwen3.pooling_type", 3).writeTo(folder);
    assertThat(CheckpointInfo.read(embedding).abilities()).containsExactly(Ability.EMBED);
    Path reranker = RewrittenModel.of("qwen3").zeros("cls.output.weight", 64, 2).writeTo(folder);
    assertThat(CheckpointInfo.read(reranker).abilities()).containsExactly(Ability.RERANK);
  }

  @Test
  void lookingAtQuantisedWeightsCopiesNone() throws IOException {
    Checkpoints.open(
            Golden.model("qwen3"),
            new Checkpoints.Opening(
                1, TensorType.Q8_0, folder, null, QuantizedCopy.Listener.SILENT))
        .close();
    Path small = onlyFileIn(folder);

    assertThat(CheckpointInfo.read(small).verdict())
        .isInstanceOfSatisfying(Verdict.Runs.class, runs -> assertThat(runs.extraBytes()).isZero());
  }

  private static Path onlyFileIn(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".gguf")).findAny().orElseThrow();
    }
  }

  @Test
  void whatDoesNotRunSaysWhy() {
    RewrittenModel model = RewrittenModel.of("qwen3");
    model.take("blk.1.ffn_up.weight");
    CheckpointInfo info = CheckpointInfo.read(model.writeTo(folder));

    assertThat(info.verdict())
        .isInstanceOfSatisfying(
            Verdict.Refused.class,
            refused -> assertThat(refused.reason()).contains("blk.1.ffn_up.weight"));
    assertThat(info.memory(1)).isEmpty();
  }

  @Test
  void longArraysAreCountedAndOtherValuesShown() {
    CheckpointInfo info = CheckpointInfo.read(Golden.model("qwen3"));

    assertThat(info.metadata())
        .containsEntry("tokenizer.ggml.tokens", "512 x string")
        .containsEntry("qwen3.block_count", "3")
        .containsEntry("general.architecture", "qwen3");
  }
}
