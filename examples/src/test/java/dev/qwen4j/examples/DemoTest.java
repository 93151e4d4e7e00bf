package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.rag.DocumentIndex;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * From the command line to the kernels and back, on the model in the box: nothing is scripted. The
 * tasks are ones that it solves with room to spare; whoever trains it anew runs these too.
 */
class DemoTest {
  @TempDir private Path folder;
  private Map<String, String> environment = Map.of();

  @BeforeEach
  void useAFolderOfItsOwn() throws IOException {
    environment = Map.of("QWEN4J_CACHE", folder.resolve("cache").toString());
    Files.createDirectories(folder.resolve("work"));
  }

  private Outcome run(String... more) {
    String[] all = new String[more.length + 4];
    all[0] = "run";
    all[1] = "--json";
    all[2] = "--workspace";
    all[3] = folder.resolve("work").toString();
    System.arraycopy(more, 0, all, 4, more.length);
    return Outcome.of("", environment, all);
  }

  @Test
  void demoSolvesThreeTasksInView() {
    Outcome outcome = Outcome.of("", environment, "demo");

    assertThat(outcome.exitCode()).as(outcome.out() + outcome.err()).isZero();
    assertThat(outcome.out())
        .contains("> What is 318 * 47?", "→ calculator {\"expression\":\"318 * 47\"}", "14946")
        .contains("→ search_files", "→ read_file", "the party is on Friday.")
        .contains("← rent: 700", "1070", "tokens/s", "./qwen4j pull hf:");
    assertThat(outcome.err()).isEmpty();
  }

  @Test
  void demoWithJsonIsATaskWithItsEventsThreeTimes() {
    Outcome outcome = Outcome.of("", environment, "demo", "--json");

    assertThat(outcome.lines("task")).hasSize(3);
    assertThat(outcome.lines("result"))
        .hasSize(3)
        .allSatisfy(result -> assertThat(result.path("stop_reason").asText()).isEqualTo("answer"));
    assertThat(outcome.lines("tool_call"))
        .extracting(call -> call.path("name").asText())
        .containsExactly("calculator", "search_files", "read_file", "read_file", "calculator");
  }

  @Test
  void runWithoutAModelSaysThatItTakesTheDemoModelAndHowToGetARealOne() {
    Outcome outcome = run("What is 12 * 34?");

    assertThat(outcome.exitCode()).isZero();
    assertThat(outcome.hasOneClearLine().err())
        .contains("demo model", "./qwen4j pull hf:Qwen/Qwen3-4B-GGUF:Q4_K_M");
    JsonNode call = outcome.lines("tool_call").getFirst();
    assertThat(call.path("name").asText()).isEqualTo("calculator");
    assertThat(call.path("arguments").path("expression").asText()).isEqualTo("12 * 34");
    assertThat(outcome.lines("tool_result").getFirst().path("content").asText()).isEqualTo("408");
    assertThat(outcome.result().path("text").asText()).contains("408");
  }

  @Test
  void theAnswerComesPieceByPiece() {
    Outcome outcome = run("What is 12 * 34?");

    List<String> pieces =
        outcome.lines("text").stream().map(line -> line.path("delta").asText()).toList();
    assertThat(pieces).hasSizeGreaterThan(3);
    assertThat(String.join("", pieces)).isEqualTo(outcome.result().path("text").asText());
  }

  @Test
  void anErrorOfAToolIsReadAndCorrected() throws IOException {
    Files.writeString(folder.resolve("work/letter.txt"), "Anna meets Peter at noon.\n");

    Outcome outcome = run("What does leter.txt say?");

    assertThat(outcome.lines("tool_result"))
        .extracting(result -> result.path("is_error").asBoolean())
        .containsExactly(true, false);
    assertThat(outcome.result().path("text").asText()).contains("Anna meets Peter at noon.");
  }

  @Test
  void callsOfOneReplyRunSideBySide() {
    Outcome outcome = run("What time is it in Tokyo and in Paris?");

    assertThat(outcome.lines("turn_started")).hasSize(2);
    assertThat(outcome.lines("tool_call"))
        .extracting(call -> call.path("arguments").path("zone").asText())
        .containsExactly("Asia/Tokyo", "Europe/Paris");
  }

  @Test
  void chatRemembersWhatWasSaid() {
    Outcome outcome =
        Outcome.of(
            "Save the note wifi: blue kettle\nWhat does the note wifi say?\n", environment, "chat");

    assertThat(outcome.exitCode()).as(outcome.err()).isZero();
    assertThat(outcome.out()).contains("→ save_note", "→ read_note", "← blue kettle");
    assertThat(outcome.hasOneClearLine().err()).contains("demo model");
  }

  @Test
  void aSessionGoesOnInAnotherProcess() {
    String session = folder.resolve("session.jsonl").toString();
    run("--session", session, "What is 12 * 34?");

    Outcome outcome = run("--resume", session, "What is 20 + 22?");

    assertThat(outcome.exitCode()).as(outcome.err()).isZero();
    assertThat(outcome.result().path("text").asText()).contains("42");
  }

  @Test
  void answersFromDocumentsAreCited() throws IOException {
    Path documents = Files.createDirectories(folder.resolve("documents"));
    Files.writeString(documents.resolve("a.txt"), "Belmora was founded in 1712 by Kranz.\n");
    Files.writeString(documents.resolve("b.txt"), "Tolvik needs 12 weeks.\n");
    var surroundings = new Surroundings(System.in, System.out, System.err, environment, "");
    var recording = new RecordingListener();
    try (DocumentIndex index = DocumentIndex.open(folder.resolve("index"));
        OpenModel model =
            new ModelSource.Demo().open(new GenerationOptions(), surroundings, notice -> {})) {
      index.add(documents);
      Agent agent = ExampleAgent.withoutTools(model).tools(index).build();

      RunResult result =
          agent.run(
              List.of(UserMessage.from("What do my documents say about Belmora?")),
              recording,
              new Cancellation());

      assertThat(result.text()).isEqualTo("Belmora was founded in 1712 by Kranz. [1]");
      assertThat(result.turns()).isEqualTo(2);
    }
  }

  @Test
  void theSameTaskIsSolvedInTheSameWordsEveryTime() {
    Outcome first = run("Convert 42 km to miles.");
    Outcome second = run("Convert 42 km to miles.");

    assertThat(second.result().path("text").asText())
        .isEqualTo(first.result().path("text").asText())
        .contains("26.09759 miles");
  }

  @Test
  void debugAgentTellsTheCallsAndTheAnswerOfATaskWithItsOwnWorld() {
    String task =
        """
        {"prompt":"What does plan.txt say?","tools":["read_file","calculator"],\
        "files":{"plan.txt":"Anna meets Peter at noon.\\n"}}
        """;
    Outcome outcome = Outcome.of(task, environment, "debug", "agent");

    assertThat(outcome.exitCode()).as(outcome.err()).isZero();
    JsonNode answer = outcome.lines().getFirst();
    assertThat(answer.path("calls").get(0).path("name").asText()).isEqualTo("read_file");
    assertThat(answer.path("calls").get(0).path("result").asText()).contains("at noon");
    assertThat(answer.path("text").asText()).contains("Anna meets Peter at noon.");
    assertThat(answer.path("stop_reason").asText()).isEqualTo("answer");
  }

  @Test
  void aToolThatIsNotThereIsNotCalled() {
    String task = "{\"prompt\":\"What does plan.txt say?\",\"tools\":[\"calculator\"]}\n";
    Outcome outcome = Outcome.of(task, environment, "debug", "agent");

    assertThat(outcome.exitCode()).as(outcome.err()).isZero();
    JsonNode answer = outcome.lines().getFirst();
    assertThat(answer.path("calls")).isEmpty();
    assertThat(answer.path("text").asText()).isEqualTo("I have no tool for that.");
  }

  @Test
  void theLastLineOfAFileIsTakenOnce() {
    String task =
        """
        {"prompt":"Add up the numbers in plan.txt.","tools":["read_file","calculator"],\
        "files":{"plan.txt":"6634\\n3134\\n2361\\n718\\n"}}
        """;
    Outcome outcome = Outcome.of(task, environment, "debug", "agent");

    JsonNode answer = outcome.lines().getFirst();
    assertThat(answer.path("calls").get(1).path("arguments").asText())
        .contains("\"6634 + 3134 + 2361 + 718\"");
    assertThat(answer.path("text").asText()).isEqualTo("The total is 12847.");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"tools\":[\"calculator\"]} | \"prompt\" must be a string, but was missing",
        "{\"prompt\":\"Hi\",\"tools\":[\"fly\"]} | save_note, read_note",
        "{\"prompt\":\"Hi\",\"files\":[]} | \"files\" must be an object of strings, but was []",
        "{\"prompt\":\"Hi\",\"notes\":{\"a\":1}} | \"notes.a\" must be a string, but was 1",
        "{\"prompt\":\"Hi\",\"files\":{\"../a\":\"\"}} | must not leave its folder, but ../a does",
        "{\"prompt\":\"Hi\",\"clock\":\"noon\"} | such as 2026-11-22T12:00:00Z",
        "{\"prompt\":\"Hi\",\"zone\":\"Atlantis\"} | a zone such as Europe/Paris",
        "Hi | line 1: expected a JSON object"
      })
  void debugAgentSaysWhatIsWrongWithATask(String line, String complaint) {
    Outcome outcome = Outcome.of(line, environment, "debug", "agent");

    assertThat(outcome.exitCode()).isEqualTo(1);
    // The first line of the two says that it is the demo model.
    assertThat(outcome.err().lines()).hasSize(2).last().asString().contains("line 1", complaint);
  }

  @Test
  void whatNoToolCanDoIsRefusedInPlainWords() {
    Outcome outcome = run("Book a table for 4 people.");

    assertThat(outcome.lines("tool_call")).isEmpty();
    assertThat(outcome.result().path("text").asText()).isEqualTo("I have no tool for that.");
  }

  @Test
  void toolsAreCalledWithThinkingSwitchedOffToo() {
    Outcome outcome = run("--no-thinking", "Convert 42 km to miles.");

    assertThat(outcome.lines("tool_call"))
        .extracting(call -> call.path("name").asText())
        .containsExactly("convert_units");
    assertThat(outcome.result().path("text").asText()).contains("26.09759 miles");
  }

  @Test
  void aTurnLimitEndsTheRunBeforeTheAnswer() throws IOException {
    Files.writeString(folder.resolve("work/plan.txt"), "Anna meets Peter at noon.\n");

    Outcome outcome = run("--max-turns", "1", "What does plan.txt say?");

    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("max_turns");
    assertThat(outcome.lines("tool_call")).hasSizeLessThanOrEqualTo(1);
  }
}
