package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ChatMessageDeserializer;
import dev.langchain4j.data.message.ChatMessageSerializer;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A question that nobody is there to answer suspends the run; the answer may come any time. */
class SuspensionTest {
  @TempDir private Path folder;
  private final ScriptedModel model = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();
  private final TestTool read = TestTool.looking("read", (call, of) -> ToolResult.of("content"));
  private final TestTool write =
      TestTool.changing("write", (call, of) -> ToolResult.of("wrote " + call.arguments().json()));

  private Agent agent() {
    return Agent.builder()
        .model(model)
        .tools(List.of(read, write))
        .approval(ApprovalRules.parse("{\"deny\":[\"delete\"],\"otherwise\":\"ask_changes\"}"))
        .build();
  }

  private RunResult resume(List<ChatMessage> messages, Answer... answers) {
    return agent().resume(messages, List.of(answers), listener, new Cancellation());
  }

  private static List<String> results(RunResult result) {
    return result.messages().stream()
        .filter(ToolExecutionResultMessage.class::isInstance)
        .map(message -> ((ToolExecutionResultMessage) message).text())
        .toList();
  }

  private RunResult suspended() {
    model.enqueue(
        reply()
            .text("Both.")
            .call("1", "read", "{}")
            .call("2", "write", "{\"x\":\"a\", \"n\": \"3\"}"));
    RunResult result = agent().run("go", listener);
    assertThat(result.stopReason()).isEqualTo(StopReason.SUSPENDED);
    return result;
  }

  @Test
  void nothingOfATurnRunsBeforeItsQuestionsAreAnswered() {
    RunResult result = suspended();
    assertThat(read.calls).isEmpty();
    assertThat(write.calls).isEmpty();
    assertThat(result.answered()).isFalse();
    assertThat(result.questions())
        .singleElement()
        .satisfies(
            question -> {
              assertThat(question.call()).isEqualTo("2");
              assertThat(question.tool()).isEqualTo("write");
              assertThat(question.arguments())
                  .as("as they would run")
                  .isEqualTo("{\"x\":\"a\",\"n\":3}");
            });
    assertThat(listener.events(AgentEvent.QuestionAsked.class))
        .extracting(AgentEvent.QuestionAsked::question)
        .isEqualTo(result.questions());
  }

  @Test
  void theAnswerGoesOnWithTheCallsWithoutAskingTheModelAgain() {
    RunResult before = suspended();
    List<ChatMessage> stored =
        ChatMessageDeserializer.messagesFromJson(
            ChatMessageSerializer.messagesToJson(before.messages()));
    model.enqueueText("Done.");
    RunResult result =
        resume(stored, new Answer(before.questions().getFirst(), new Decision.Allow()));
    assertThat(result.text()).isEqualTo("Done.");
    assertThat(results(result)).containsExactly("content", "wrote {\"x\":\"a\",\"n\":3}");
    assertThat(model.requests()).hasSize(2);
  }

  @Test
  void aDenialIsToldToTheModelAndAChangeIsRun() {
    RunResult before = suspended();
    Question question = before.questions().getFirst();
    model.enqueueText("Then not.").enqueueText("Changed.");
    RunResult denied = resume(before.messages(), new Answer(question, new Decision.Deny("no")));
    assertThat(results(denied)).containsExactly("content", "Denied: no");
    assertThat(write.calls).isEmpty();
    var changed = new Decision.AllowChanged(ToolArguments.parse("{\"x\":\"b\"}"));
    resume(before.messages(), new Answer(question, changed));
    assertThat(write.calls).containsExactly("{\"x\":\"b\"}");
  }

  @Test
  void anAnswerIsBoundToTheExactArguments() {
    RunResult before = suspended();
    Question other = new Question("2", "write", "{\"x\":\"b\"}", "?");
    assertThatThrownBy(() -> resume(before.messages(), new Answer(other, new Decision.Allow())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("write {\"x\":\"b\"}")
        .hasMessageContaining("the call that waits is write");
    Question unknown = new Question("9", "write", "{\"x\":\"a\"}", "?");
    assertThatThrownBy(() -> resume(before.messages(), new Answer(unknown, new Decision.Allow())))
        .hasMessage("No call '9' waits for an answer.");
    assertThat(write.calls).isEmpty();
  }

  @Test
  void aCallThatAHookBlocksByNowIsToldToTheModelWhateverTheAnswer() throws IOException {
    model.enqueue(reply().call("1", "write", "{\"x\":\"a\"}")).enqueueText("Then not.");
    Hook closed =
        new Hook() {
          @Override
          public Verdict<ToolCall> beforeTool(ToolCall call) {
            return Verdict.block("The office is closed.");
          }
        };
    try (Session session = Session.open(folder.resolve("s"))) {
      RunResult asked = agent().run(session, "go", listener, new Cancellation());
      var answer = new Answer(asked.questions().getFirst(), new Decision.Allow());
      RunResult result =
          agent().toBuilder()
              .hook(closed)
              .build()
              .resume(session, List.of(answer), listener, new Cancellation());
      assertThat(results(result)).containsExactly("Blocked: The office is closed.");
      assertThat(result.text()).isEqualTo("Then not.");
      assertThat(write.calls).isEmpty();
    }
  }

  @Test
  void whatStaysUnansweredSuspendsAgain() {
    RunResult before = suspended();
    RunResult again = resume(before.messages());
    assertThat(again.stopReason()).isEqualTo(StopReason.SUSPENDED);
    assertThat(again.questions()).isEqualTo(before.questions());
  }

  @Test
  void callsThatCannotRunAnywayAreAnsweredAtOnce() {
    model.enqueue(
        reply().call("1", "write", "{\"x\": broken}").call("2", "write", "{\"x\":\"a\"}"));
    RunResult result = agent().run("go", listener);
    assertThat(results(result)).singleElement().asString().contains("not valid JSON");
    model.enqueueText("Done.");
    resume(result.messages(), new Answer(result.questions().getFirst(), new Decision.Allow()));
    assertThat(write.calls).containsExactly("{\"x\":\"a\"}");
  }

  @Test
  void anAnsweredConversationCannotBeResumed() {
    model.enqueueText("Hello.");
    RunResult result = agent().run("go", listener);
    assertThatThrownBy(() -> resume(result.messages()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("nothing to resume");
  }

  @Test
  void aSessionKeepsTheQuestionForAnotherProcess() throws IOException {
    Path file = folder.resolve("session.jsonl");
    model.enqueue(reply().call("1", "write", "{\"x\":\"a\"}").call("2", "write", "{\"x\":\"b\"}"));
    try (Session session = Session.open(file)) {
      RunResult result = agent().run(session, "go", listener, new Cancellation());
      assertThat(result.questions()).hasSize(2);
    }
    try (Session session = Session.open(file)) { // One answer …
      Question first = session.questions().getFirst();
      RunResult result =
          agent()
              .resume(
                  session,
                  List.of(new Answer(first, new Decision.Deny("not that"))),
                  listener,
                  new Cancellation());
      assertThat(result.stopReason()).isEqualTo(StopReason.SUSPENDED);
      assertThat(result.questions()).hasSize(1);
    }
    model.enqueueText("Done.");
    try (Session session = Session.open(file)) { // … and the other.
      assertThat(session.questions()).hasSize(1);
      Question second = session.questions().getFirst();
      RunResult result =
          agent()
              .resume(
                  session,
                  List.of(new Answer(second, new Decision.Allow())),
                  listener,
                  new Cancellation());
      assertThat(results(result)).containsExactly("Denied: not that", "wrote {\"x\":\"b\"}");
      assertThat(session.questions()).isEmpty();
    }
    assertThat(model.requests()).hasSize(2);
  }

  @Test
  void anAgentWithoutAnApprovalDoesNotAnswerTheQuestion() throws IOException {
    model.enqueue(reply().call("1", "write", "{\"x\":\"a\"}"));
    Agent anybody = Agent.builder().model(model).tools(List.of(read, write)).build();
    try (Session session = Session.open(folder.resolve("s"))) {
      RunResult asked = agent().run(session, "go", listener, new Cancellation());
      RunResult again = anybody.resume(session, List.of(), listener, new Cancellation());
      assertThat(again.stopReason()).isEqualTo(StopReason.SUSPENDED);
      assertThat(again.questions()).isEqualTo(asked.questions());
      assertThat(write.calls).isEmpty();

      model.enqueueText("Done.");
      var answer = new Answer(again.questions().getFirst(), new Decision.Allow());
      RunResult result = anybody.resume(session, List.of(answer), listener, new Cancellation());
      assertThat(result.text()).isEqualTo("Done.");
      assertThat(write.calls).hasSize(1);
    }
  }

  @Test
  void goingOnWithSomethingElseDropsTheQuestion() throws IOException {
    model.enqueue(reply().call("1", "write", "{\"x\":\"a\"}")).enqueueText("Hello.");
    try (Session session = Session.open(folder.resolve("s"))) {
      agent().run(session, "go", listener, new Cancellation());
      RunResult result = agent().run(session, "never mind", listener, new Cancellation());
      assertThat(results(result)).containsExactly("Not run: the user went on with something else.");
      assertThat(session.questions()).isEmpty();
      assertThat(write.calls).isEmpty();
    }
  }
}
