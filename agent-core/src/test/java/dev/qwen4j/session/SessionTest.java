package dev.qwen4j.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.output.TokenUsage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SessionTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final List<ChatMessage> CONVERSATION =
      List.of(
          UserMessage.from(TextContent.from("Look 世界"), ImageContent.from("aGk=", "image/png")),
          AiMessage.builder()
              .thinking("Hm.\nA file.")
              .text("Reading.")
              .toolExecutionRequests(
                  List.of(
                      ToolExecutionRequest.builder()
                          .id("1")
                          .name("read")
                          .arguments("{\"path\":\"a\"}")
                          .build()))
              .build(),
          ToolExecutionResultMessage.builder()
              .id("1")
              .toolName("read")
              .text("no\n```\nsuch file")
              .isError(true)
              .build(),
          AiMessage.from("It is not there."));

  @TempDir private Path folder;

  private Path file() {
    return folder.resolve("session.jsonl");
  }

  private Session written() throws IOException {
    Session session = Session.open(file());
    session.record(new SessionEntry.Instructions("Be brief."));
    for (ChatMessage message : CONVERSATION) {
      session.record(
          new SessionEntry.Message(
              message, message instanceof AiMessage ? new TokenUsage(10, 2) : null));
    }
    return session;
  }

  @Test
  void everythingIsThereAgainInAnotherProcess() throws IOException {
    List<SessionEntry> entries;
    try (Session session = written()) {
      session.record(new SessionEntry.Started("9", true));
      session.record(new SessionEntry.Asked(new Question("8", "write", "{}", "May it?")));
      session.record(new SessionEntry.Answered("8", "deny", "no"));
      session.record(new SessionEntry.Ended("suspended", false, ""));
      entries = session.entries();
    }
    try (Session session = Session.open(file())) {
      assertThat(session.entries()).isEqualTo(entries);
      assertThat(session.messages()).isEqualTo(CONVERSATION);
      assertThat(session.instructions()).isEqualTo("Be brief.");
      assertThat(session.startedCalls()).containsExactly("9");
      assertThat(session.questions()).isEmpty();
      assertThat(session.answers()).containsOnlyKeys("8");
    }
  }

  @Test
  void aFileThatWasCutOffAnywhereOpensWithAllWholeLines() throws IOException {
    written().close();
    byte[] whole = Files.readAllBytes(file());
    for (int length = 0; length < whole.length; length++) {
      Path cut = folder.resolve("cut");
      byte[] part = java.util.Arrays.copyOf(whole, length);
      Files.write(cut, part);
      long lines = new String(part, UTF_8).chars().filter(c -> c == '\n').count();
      try (Session session = Session.open(cut)) {
        assertThat(session.entries()).as("cut at " + length).hasSize((int) Math.max(1, lines));
        session.record(new SessionEntry.Message(UserMessage.from("more"), null));
      }
      try (Session session = Session.open(cut)) {
        assertThat(session.messages()).last().isEqualTo(UserMessage.from("more"));
      }
      Files.delete(cut);
    }
  }

  @Test
  void damageBeforeTheEndIsAnErrorThatNamesTheLine() throws IOException {
    written().close();
    String text = Files.readString(file());
    Files.writeString(file(), text.replace("\"type\":\"instructions\"", "\"type\":\"nonsense\""));
    assertThatThrownBy(() -> Session.open(file()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("line 2: unknown type 'nonsense'");
  }

  @Test
  void aFileThatIsNoSessionIsLeftAlone() throws IOException {
    for (String text : List.of("hello", "# Notes\n\nfoo\n", "{\"a\":1}\n", "{\"type\":\"x\"")) {
      Files.writeString(file(), text);
      assertThatThrownBy(() -> Session.open(file()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("not a session");
      assertThat(file()).hasContent(text);
    }
    assertThatThrownBy(() -> Session.open(folder)).hasMessageContaining("a directory");
    assertThatThrownBy(() -> Session.openExisting(folder.resolve("none")))
        .isInstanceOf(IOException.class);
  }

  @Test
  void aJournalOfALaterVersionIsNotTouched() throws IOException {
    written().close();
    String later = Files.readString(file()).replace("\"version\":1", "\"version\":2");
    Files.writeString(file(), later);
    assertThatThrownBy(() -> Session.open(file())).hasMessageContaining("version 2");
    assertThat(file()).hasContent(later);
  }

  @Test
  void aSessionIsOpenOnceAtATime() throws IOException {
    try (Session session = written()) {
      assertThatThrownBy(() -> Session.open(file()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("already open");
      assertThat(session.messages()).hasSize(4);
    }
    Session.open(file()).close();
  }

  @Test
  void itCanBeLookedIntoWhileItGoesOnAndIsLeftAsItIs() throws IOException {
    try (Session session = written()) {
      Files.writeString(file(), "{\"type\":\"mess", StandardOpenOption.APPEND); // Being written.
      String before = Files.readString(file());
      try (Session looked = Session.read(file())) {
        assertThat(looked.messages()).isEqualTo(session.messages());
        assertThatThrownBy(() -> looked.rewind(0)).hasMessageContaining("only to be read");
      }
      assertThat(file()).hasContent(before);
    }
    assertThatThrownBy(() -> Session.read(folder.resolve("none"))).isInstanceOf(IOException.class);
  }

  @Test
  void anInterruptedThreadCanStillWrite() throws IOException {
    try (Session session = written()) {
      Thread.currentThread().interrupt();
      session.record(new SessionEntry.Ended("cancelled", false, ""));
      assertThat(Thread.interrupted()).isTrue();
      session.record(new SessionEntry.Message(UserMessage.from("more"), null));
    }
    try (Session session = Session.open(file())) {
      assertThat(session.messages()).hasSize(5);
    }
  }

  @Test
  void aFullDiskLeavesNoHalfLineAndNoHalfFork() throws Exception {
    Process program =
        new ProcessBuilder(
                "sh",
                "-c",
                "ulimit -f 128 && exec \"$0\" \"$@\"", // No file may become larger, as on a full
                // disk.
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:-UsePerfData",
                "-cp",
                System.getProperty("java.class.path"),
                FullDisk.class.getName(),
                file().toString(),
                folder.resolve("fork").toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("output").toFile())
            .start();
    assertThat(program.waitFor()).as(Files.readString(folder.resolve("output"))).isZero();
    assertThat(Files.readString(file())).endsWith("\n");
    try (Session session = Session.open(file())) {
      assertThat(session.messages().getFirst()).isEqualTo(UserMessage.from(FullDisk.LONG));
      assertThat(session.messages().getLast()).isEqualTo(UserMessage.from(FullDisk.SHORT));
    }
    assertThat(folder.resolve("fork")).doesNotExist();
  }

  @Test
  void aForkGoesItsOwnWay() throws IOException {
    try (Session session = written();
        Session fork = session.fork(folder.resolve("fork"), 3)) {
      fork.record(new SessionEntry.Message(AiMessage.from("Something else."), null));
      assertThat(fork.messages().subList(0, 3)).isEqualTo(CONVERSATION.subList(0, 3));
      assertThat(fork.messages()).hasSize(4).isNotEqualTo(CONVERSATION);
      assertThat(fork.instructions()).isEqualTo("Be brief.");
      assertThat(fork.id()).isNotEqualTo(session.id());
      assertThat(((SessionEntry.Opened) fork.entries().getFirst()).forkedFrom())
          .isEqualTo(session.id());
      assertThat(session.messages()).isEqualTo(CONVERSATION);
      assertThatThrownBy(() -> session.fork(folder.resolve("fork"), 1))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void rewindingForgetsNothingInTheFile() throws IOException {
    try (Session session = written()) {
      session.rewind(1);
      assertThat(session.messages()).isEqualTo(CONVERSATION.subList(0, 1));
      session.record(new SessionEntry.Message(AiMessage.from("Instead."), null));
    }
    try (Session session = Session.open(file())) {
      assertThat(session.messages())
          .containsExactly(CONVERSATION.getFirst(), AiMessage.from("Instead."));
    }
    assertThat(Files.readString(file())).contains("It is not there.");
  }

  @Test
  void thereIsNoGoingBackToBetweenACallAndItsResult() throws IOException {
    try (Session session = written()) {
      assertThatThrownBy(() -> session.rewind(2))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("calls without results");
      assertThatThrownBy(() -> session.rewind(5)).hasMessageContaining("has 4 messages");
      assertThat(session.messages()).isEqualTo(CONVERSATION);
    }
  }

  @Test
  void itReadsAsMarkdown() throws IOException {
    try (Session session = written()) {
      assertThat(session.toMarkdown().replace(session.id(), "ID"))
          .isEqualTo(
              """
              # Session ID

              ## Instructions

              Be brief.

              ## User

              Look 世界
              (image)

              ## Assistant

              > Hm.
              > A file.

              Reading.

              Calls `read`:

              ```json
              {"path":"a"}
              ```

              Error of `read`:

              ````
              no
              ```
              such file
              ````

              ## Assistant

              It is not there.
              """);
    }
  }

  @Test
  void itReadsAsAnOpenAiRequest() throws IOException {
    try (Session session = written()) {
      assertThat(JSON.readTree(session.toOpenAiJson()))
          .isEqualTo(
              JSON.readTree(
                  """
                  [{"role":"system","content":"Be brief."},
                   {"role":"user","content":[{"type":"text","text":"Look 世界"},
                     {"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]},
                   {"role":"assistant","content":"Reading.","reasoning_content":"Hm.\\nA file.",
                    "tool_calls":[{"id":"1","type":"function",
                      "function":{"name":"read","arguments":"{\\"path\\":\\"a\\"}"}}]},
                   {"role":"tool","tool_call_id":"1","content":"no\\n```\\nsuch file"},
                   {"role":"assistant","content":"It is not there."}]
                  """));
    }
  }
}
