package dev.qwen4j.memory;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Facts across conversations: in a file, as tools, and as context whose beginning stays the same.
 */
class MemoryTest {
  @TempDir private Path folder;
  private final ScriptedModel model = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();

  private Path file() {
    return folder.resolve("deep/memory.jsonl");
  }

  private Agent agent() {
    return Agent.builder()
        .model(model)
        .instructions("Be kind.")
        .memory(Memory.file(file()))
        .build();
  }

  private static String told(ChatRequest request) {
    return ((SystemMessage) request.messages().getFirst()).text();
  }

  private static List<String> texts(List<Memory.Fact> facts) {
    return facts.stream().map(Memory.Fact::text).toList();
  }

  @Test
  void factsOutliveTheProgram() throws IOException {
    Memory memory = Memory.file(file());
    memory.add("Ada likes tea.");
    Memory.Fact wrong = memory.add("Ada lives\n in  Bonn.");
    assertThat(wrong.text()).isEqualTo("Ada lives in Bonn.");
    assertThat(memory.forget(wrong.id())).isTrue();
    assertThat(memory.forget(wrong.id())).isFalse();
    memory.add("Ada lives in Köln.");

    assertThat(texts(Memory.file(file()).recall("", 10)))
        .containsExactly("Ada lives in Köln.", "Ada likes tea.");
  }

  @Test
  void whatIsKnownIsNotKeptTwice() throws IOException {
    Memory memory = Memory.file(file());
    assertThat(memory.add("ada likes TEA.").id()).isEqualTo(memory.add("Ada likes tea.").id());
    assertThat(memory.recall("", 10)).hasSize(1);
  }

  @Test
  void recallFindsByWordsAndTheirStemsAndInChinese() throws IOException {
    Memory memory = Memory.file(file());
    memory.add("The deployments run on Fridays.");
    memory.add("Ada likes tea.");
    memory.add("用户住在北京。");
    assertThat(texts(memory.recall("When do we deploy? deployment", 1)))
        .containsExactly("The deployments run on Fridays.");
    assertThat(texts(memory.recall("北京的天气", 3))).containsExactly("用户住在北京。");
    assertThat(memory.recall("unrelated", 3)).isEmpty();
  }

  @Test
  void aLineThatWasCutOffIsSkippedAndLosesNothingElse() throws IOException {
    Memory memory = Memory.file(file());
    memory.add("one");
    Files.writeString(file(), "{\"fact\":\"tw", StandardOpenOption.APPEND);
    memory.add("three");
    assertThat(texts(memory.recall("", 10))).containsExactly("three", "one");
  }

  @Test
  void anotherFileIsNotTakenForAMemory() throws IOException {
    Path notes = Files.writeString(folder.resolve("notes.md"), "# Notes\n");
    assertThatThrownBy(() -> Memory.file(notes).recall("", 1))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("notes.md: not a memory")
        .hasMessageContaining("# Notes");
    assertThatThrownBy(() -> Memory.file(notes).add("x")).isInstanceOf(IOException.class);
    assertThat(notes).hasContent("# Notes\n");
  }

  private void addTwenty(String name) {
    try {
      for (int i = 0; i < 20; i++) {
        Memory.file(file()).add(name + i);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void severalWritersLoseNothing() throws IOException {
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int writer = 0; writer < 8; writer++) {
        String name = "writer " + writer + " fact ";
        pool.execute(() -> addTwenty(name));
      }
    }
    assertThat(Memory.file(file()).recall("", 1000)).hasSize(160);
  }

  @Test
  void theModelRemembersRecallsAndForgets() throws IOException {
    model
        .enqueue(reply().call("1", "remember", "{\"fact\":\"Ada likes tea.\"}"))
        .enqueue(reply().call("2", "recall", "{\"words\":\"tea\"}"))
        .enqueue(
            request -> {
              String shown = request.messages().getLast().toString();
              String id = shown.replaceAll("(?s).*\\[([0-9a-f]{8})].*", "$1");
              return reply().call("3", "forget", "{\"id\":\"" + id + "\"}");
            })
        .enqueueText("Done.");
    RunResult result = agent().run("go", listener);
    assertThat(result.text()).isEqualTo("Done.");
    assertThat(Memory.file(file()).recall("", 10)).isEmpty();
    assertThat(Files.readString(file())).contains("Ada likes tea.");
  }

  @Test
  void whatIsKnownStandsAtTheEndOfTheInstructionsOfALaterConversation() throws IOException {
    Memory.file(file()).add("Ada likes tea.");
    model.enqueueText("Tea?");
    agent().run("Hello", listener);
    assertThat(told(model.requests().getFirst()))
        .matches(
            "Be kind\\.\n\n# Known from earlier conversations\n- \\[[0-9a-f]{8}] Ada likes tea\\.");
  }

  @Test
  void theBeginningOfAConversationDoesNotChangeWithTheMemory() throws IOException {
    Memory.file(file()).add("Ada likes tea.");
    model.enqueueText("Tea?").enqueueText("Noted.").enqueueText("New.");
    RunResult first = agent().run("Hello", listener);
    Memory.file(file()).add("Ada has a cat.");
    var next = new ArrayList<>(first.messages());
    next.add(UserMessage.from("And?"));
    agent().run(next, listener, new Cancellation());
    agent().run("Hello again", listener);
    assertThat(told(model.requests().get(1))).isEqualTo(told(model.requests().get(0)));
    assertThat(told(model.requests().get(2))).contains("Ada has a cat.");
  }

  @Test
  void theSameHoldsInASession() throws IOException {
    Memory.file(file()).add("Ada likes tea.");
    model.enqueueText("Tea?").enqueueText("Noted.");
    for (String input : List.of("Hello", "And?")) {
      try (Session session = Session.open(folder.resolve("s.jsonl"))) {
        agent().run(session, input, listener, new Cancellation());
      }
      Memory.file(file()).add("Learnt after " + input);
    }
    assertThat(told(model.requests().get(1))).isEqualTo(told(model.requests().get(0)));
  }

  @Test
  void manyFactsAreToldInPartAndRecalledInWhole() throws IOException {
    Memory memory = Memory.file(file());
    for (int i = 0; i < 40; i++) {
      memory.add("Fact number " + i);
    }
    assertThat(memory.told())
        .contains("Fact number 39\n", "Fact number 10\n")
        .doesNotContain("Fact number 9\n")
        .endsWith("There is more: use recall.");
  }

  @Test
  void withoutFactsNothingIsTold() {
    model.enqueueText("Hi.");
    agent().run("Hello", listener);
    assertThat(told(model.requests().getFirst())).isEqualTo("Be kind.");
    assertThat(file()).doesNotExist();
  }

  @Test
  void aFactHasASize() {
    assertThatThrownBy(() -> Memory.file(file()).add(" ")).hasMessageContaining("1 to 1000");
    assertThatThrownBy(() -> Memory.file(file()).add("x".repeat(1001)))
        .hasMessageContaining("has 1001");
  }
}
