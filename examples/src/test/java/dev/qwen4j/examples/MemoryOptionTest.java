package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --memory FILE}: what one run learns, the next one knows. */
class MemoryOptionTest {
  private final ScriptedEndpoint endpoint = new ScriptedEndpoint();
  @TempDir private Path folder;

  @AfterEach
  void stop() {
    endpoint.close();
  }

  @Test
  void whatOneRunLearnsTheNextOneKnows() {
    String memory = folder.resolve("memory.jsonl").toString();
    endpoint.calls("c", "remember", "{\"fact\": \"Ada likes tea.\"}").answers("Noted.");
    endpoint.answers("Tea?");

    Outcome first = Outcome.of("run", "--json", "-m", endpoint.model(), "--memory", memory, "Hi");
    Outcome.of("Hello\n", Map.of(), "chat", "-m", endpoint.model(), "--memory", memory);

    assertThat(first.result().path("text").asText()).isEqualTo("Noted.");
    assertThat(endpoint.requests().getFirst().getBodyAsString()).doesNotContain("Ada");
    assertThat(endpoint.requests().getLast().getBodyAsString()).contains("] Ada likes tea.");
  }

  @Test
  void withoutTheOptionThereIsNoMemory() {
    endpoint.answers("Hi.");
    Outcome.of("run", "--json", "-m", endpoint.model(), "Hi");
    assertThat(endpoint.requests().getFirst().getBodyAsString()).doesNotContain("remember");
  }

  @Test
  void aFileThatIsNoMemoryIsOneClearLine() throws Exception {
    Path notes = Files.writeString(folder.resolve("notes.md"), "# Notes\n");
    Outcome outcome = Outcome.of("run", "-m", endpoint.model(), "--memory", notes.toString(), "Hi");
    assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(outcome.err()).contains("notes.md: not a memory");
    assertThat(notes).hasContent("# Notes\n");
  }
}
