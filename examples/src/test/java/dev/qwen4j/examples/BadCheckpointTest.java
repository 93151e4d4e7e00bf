package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that are no usable checkpoint: one line, exit code 1, in every command that opens them. */
class BadCheckpointTest {
  @TempDir private Path folder;

  private static void fails(Path file, String... words) {
    fails(file.toString(), words);
  }

  private static void fails(String model, String... words) {
    Outcome human = Outcome.of("run", "-m", model, "Hello");
    assertThat(human.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(human.err()).contains(words);

    Outcome json = Outcome.of("run", "--json", "-m", model, "Hello");
    assertThat(json.exitCode()).isEqualTo(1);
    assertThat(json.result().path("stop_reason").asText()).isEqualTo("error");
    assertThat(json.result().path("error").asText()).contains(words).doesNotContain("\n");

    for (String command : new String[] {"chat", "bench", "debug logits", "debug score"}) {
      Outcome other = Outcome.of((command + " -m " + model).split(" "));
      assertThat(other.hasOneClearLine().exitCode()).as(command).isEqualTo(1);
    }
  }

  @Test
  void aMissingFile() {
    fails(folder.resolve("nowhere.gguf"), "nowhere.gguf");
  }

  @Test
  void aFolder() {
    fails(folder, folder.toString());
  }

  @Test
  void aTruncatedFile() throws IOException {
    fails(TinyModel.truncated(folder), "truncated.gguf");
  }

  @Test
  void anEmptyFile() throws IOException {
    fails(Files.createFile(folder.resolve("empty.gguf")), "empty.gguf");
  }

  @Test
  void aWrongMagic() throws IOException {
    fails(TinyModel.changed(folder, "GGUF", "GGML"), "changed.gguf");
  }

  @Test
  void anUnknownArchitecture() throws IOException {
    fails(TinyModel.changed(folder, "qwen3", "qwenX"), "qwenX");
  }

  @Test
  void anUnknownWeightType() throws IOException {
    fails(TinyModel.unknownType(folder), "output_norm.weight", "99");
  }

  @Test
  void aPromptLongerThanTheContext() throws IOException {
    String model = TinyModel.in(folder).toString();

    Outcome outcome =
        Outcome.of("word ".repeat(50_000), Map.of(), "run", "--no-tools", "-m", model, "-");

    assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(outcome.err()).contains("context");
  }

  @Test
  void aRepositoryThatIsNotInTheCacheWhileOffline() {
    Map<String, String> offline = Map.of("QWEN4J_OFFLINE", "1", "QWEN4J_CACHE", folder.toString());

    Outcome outcome = Outcome.of("", offline, "run", "-m", "hf:Qwen/Qwen3-0.6B-GGUF", "Hello");

    assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(outcome.err()).contains("QWEN4J_OFFLINE");
  }
}
