package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.qwen4j.agent.ContextPolicy;
import dev.qwen4j.rag.DocumentIndex;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The model in the box as a file, and the prompts it was trained on. */
class DemoModelTest {
  @TempDir private Path cache;

  @Test
  void isUnpackedOnceAndAgainWhenItsFileIsDamaged() throws IOException {
    var surroundings = surroundings();
    Path file = DemoModel.file(surroundings);
    byte[] whole = Files.readAllBytes(file);
    assertThat(whole.length).isBetween(1, 8 << 20);
    var before = Files.getLastModifiedTime(file);

    assertThat(DemoModel.file(surroundings)).isEqualTo(file);
    assertThat(Files.getLastModifiedTime(file)).isEqualTo(before);

    Files.writeString(file, "half of it");
    assertThat(DemoModel.file(surroundings)).isEqualTo(file).hasBinaryContent(whole);
    Files.write(file, new byte[whole.length]);
    assertThat(DemoModel.file(surroundings)).isEqualTo(file).hasBinaryContent(whole);
    try (Stream<Path> files = Files.list(file.getParent())) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void aCacheThatCannotBeWrittenIsOneLine() throws IOException {
    Path notAFolder = Files.writeString(cache.resolve("file"), "");

    Outcome outcome = Outcome.of("", Map.of("QWEN4J_CACHE", notAFolder.toString()), "demo");

    assertThat(outcome.exitCode()).isEqualTo(1);
    assertThat(outcome.hasOneClearLine().err()).contains("QWEN4J_CACHE");
  }

  @Test
  void itsTrainingShowedItTheDeclarationsOfTheToolsWordForWord() throws IOException {
    JsonNode trained =
        new ObjectMapper()
            .readTree(Path.of("../inference-local/demo-model/declarations.json").toFile());
    var model = new OpenModel("scripted", new ScriptedModel(), ContextPolicy.UNKNOWN, () -> {});
    var demo = ExampleAgent.of(new ModelSource.Demo(), model, cache).build();
    var example = ExampleAgent.of(model, cache).build();
    List<Tool> tools = new ArrayList<>(demo.tools());
    try (DocumentIndex index = DocumentIndex.open(cache.resolve("index"))) {
      tools.addAll(index.tools());
    }
    example.tools().stream().filter(tool -> tool.name().equals("fetch_url")).forEach(tools::add);

    assertThat(demo.instructions()).isEqualTo(trained.path("demo_instructions").asText());
    assertThat(example.instructions()).isEqualTo(trained.path("example_instructions").asText());
    List<String> declared = new ArrayList<>();
    for (Tool tool : tools) {
      declared.add(tool.specification().toJson());
    }
    assertThat(trained.path("tools"))
        .extracting(JsonNode::toString)
        .containsExactlyInAnyOrderElementsOf(declared);
  }

  private Surroundings surroundings() {
    return new Surroundings(
        System.in, System.out, System.err, Map.of("QWEN4J_CACHE", cache.toString()), "");
  }
}
