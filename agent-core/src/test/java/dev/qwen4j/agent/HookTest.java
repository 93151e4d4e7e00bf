package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.agent.Hook.Verdict;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Guardrails and other hooks: what passes, what is rewritten, what is blocked. */
class HookTest {
  private final RecordingListener listener = new RecordingListener();

  private RunResult run(Agent agent, String input) {
    return agent.run(List.of(UserMessage.from(input)), listener, new Cancellation());
  }

  private static String lastResult(RunResult result) {
    return result.messages().stream()
        .filter(ToolExecutionResultMessage.class::isInstance)
        .map(message -> ((ToolExecutionResultMessage) message).text())
        .reduce("", (first, second) -> second);
  }

  @Test
  void aBlockedInputNeverReachesTheModelOrTheSession(@TempDir Path folder) throws IOException {
    var model = new ScriptedModel();
    Agent agent =
        Agent.builder().model(model).hook(Hook.onInput(text -> Verdict.block("Not that."))).build();
    try (Session session = Session.open(folder.resolve("s.jsonl"))) {
      RunResult result = agent.run(session, "bad words", listener, new Cancellation());
      assertThat(result.stopReason()).isEqualTo(StopReason.BLOCKED);
      assertThat(result.answered()).isFalse();
      assertThat(result.text()).isEqualTo("Not that.");
      assertThat(session.messages()).isEmpty();
    }
    assertThat(model.requests()).isEmpty();
    assertThat(listener.events())
        .hasExactlyElementsOfTypes(AgentEvent.RunStarted.class, AgentEvent.RunFinished.class);
  }

  @Test
  void aRewrittenInputIsWhatTheModelReads() {
    var model = new ScriptedModel().enqueueText("ok");
    Agent agent =
        Agent.builder()
            .model(model)
            .hook(Hook.onInput(text -> Verdict.rewrite(text.replaceAll("\\d{16}", "(card)"))))
            .build();
    run(agent, "My card is 1234567812345678.");
    assertThat(((UserMessage) model.requests().getFirst().messages().getLast()).singleText())
        .isEqualTo("My card is (card).");
  }

  @Test
  void whatIsTakenOutOfAReplyIsNeverShown() {
    var model =
        new ScriptedModel()
            .enqueue(reply().thinking("sk-123").chunks("The key is ", "sk-1", "23."));
    Agent agent =
        Agent.builder()
            .model(model)
            .hook(Hook.onReply(text -> Verdict.rewrite(text.replaceAll("sk-\\d+", "***"))))
            .build();
    RunResult result = run(agent, "Which key?");
    assertThat(result.text()).isEqualTo("The key is ***.");
    assertThat(listener.text()).isEqualTo("The key is ***.");
    assertThat(listener.thinking()).isEmpty();
    assertThat(result.messages().toString()).doesNotContain("sk-123");
  }

  @Test
  void aBlockedReplyEndsTheRunWithTheReasonInItsPlace() {
    var model = new ScriptedModel().enqueue(reply().text("rude").call("upper", "{\"x\":\"a\"}"));
    TestTool upper = TestTool.upper();
    Agent agent =
        Agent.builder()
            .model(model)
            .tool(upper)
            .hook(Hook.onReply(text -> Verdict.block("The reply was rude.")))
            .build();
    RunResult result = run(agent, "Say something.");
    assertThat(result.stopReason()).isEqualTo(StopReason.BLOCKED);
    assertThat(result.text()).isEqualTo("The reply was rude.");
    assertThat(result.messages().getLast()).isEqualTo(AiMessage.from("The reply was rude."));
    assertThat(upper.calls).isEmpty();
    assertThat(listener.text()).isEqualTo("The reply was rude.");
    assertThat(result.usage().totalTokenCount()).as("it has cost what it has cost").isPositive();
  }

  @Test
  void aForcedAnswerIsCheckedToo() {
    var model =
        new ScriptedModel().enqueue(reply().call("upper", "{\"x\":\"a\"}")).enqueueText("secret");
    Agent agent =
        Agent.builder()
            .model(model)
            .tool(TestTool.upper())
            .limits(Limits.DEFAULT.withMaxTurns(1))
            .hook(Hook.onReply(t -> t.contains("secret") ? Verdict.block("No.") : Verdict.pass()))
            .build();
    assertThat(run(agent, "go").stopReason()).isEqualTo(StopReason.BLOCKED);
  }

  @Test
  void aBlockedCallDoesNotRunAndTheModelReadsWhy() {
    var model =
        new ScriptedModel().enqueue(reply().call("upper", "{\"x\":\"rm\"}")).enqueueText("I see.");
    TestTool upper = TestTool.upper();
    var asked = new ArrayList<String>();
    Agent agent =
        Agent.builder()
            .model(model)
            .tool(upper)
            .hook(
                Hook.onToolCall(
                    call ->
                        call.arguments().string("x").equals("rm")
                            ? Verdict.block("rm is not for you.")
                            : Verdict.pass()))
            .approval(
                (call, tool) -> {
                  asked.add(call.name());
                  return new Decision.Allow();
                })
            .build();
    RunResult result = run(agent, "go");
    assertThat(result.text()).isEqualTo("I see.");
    assertThat(upper.calls).isEmpty();
    assertThat(asked).as("who is asked about a call that is blocked").isEmpty();
    assertThat(lastResult(result)).isEqualTo("Blocked: rm is not for you.");
    assertThat(listener.notices()).containsExactly("upper: Blocked: rm is not for you.");
  }

  @Test
  void rewrittenArgumentsAreCheckedAndApprovedAsTheyWillRun() {
    var model =
        new ScriptedModel()
            .enqueue(reply().call("upper", "{\"x\":\"a\"}").call("upper", "{\"x\":\"b\"}"))
            .enqueueText("done");
    TestTool upper = TestTool.upper();
    var approved = new ArrayList<String>();
    Hook rewriting =
        Hook.onToolCall(
            call -> {
              String json =
                  call.arguments().string("x").equals("a") ? "{\"x\":\"safe\"}" : "{\"n\":[]}";
              return Verdict.rewrite(new ToolCall(call.id(), "another", ToolArguments.parse(json)));
            });
    Agent agent =
        Agent.builder()
            .model(model)
            .tool(upper)
            .hook(rewriting)
            .approval(
                (call, tool) -> {
                  approved.add(call.name() + " " + call.arguments().json());
                  return new Decision.Allow();
                })
            .build();
    RunResult result = run(agent, "go");
    assertThat(upper.calls).containsExactly("{\"x\":\"safe\"}");
    assertThat(approved).containsExactly("upper {\"x\":\"safe\"}");
    assertThat(lastResult(result))
        .startsWith("Not run, because a hook changed it:")
        .contains("$.n");
  }

  @Test
  void aQuestionAboutARewrittenCallIsAnsweredForItAsItWillRun() {
    var model =
        new ScriptedModel().enqueue(reply().call("upper", "{\"x\":\"a\"}")).enqueueText("done");
    TestTool upper = TestTool.upper();
    Agent agent =
        Agent.builder()
            .model(model)
            .tool(upper)
            .hook(
                Hook.onToolCall(
                    call ->
                        Verdict.rewrite(
                            new ToolCall(
                                call.id(), call.name(), ToolArguments.parse("{\"x\":\"safe\"}")))))
            .approval((call, tool) -> new Decision.Ask("May it?"))
            .build();
    RunResult waiting = run(agent, "go");
    assertThat(waiting.questions().getFirst().arguments()).isEqualTo("{\"x\":\"safe\"}");
    var answer = new Answer(waiting.questions().getFirst(), new Decision.Allow());
    RunResult result =
        agent.resume(waiting.messages(), List.of(answer), listener, new Cancellation());
    assertThat(result.text()).isEqualTo("done");
    assertThat(upper.calls).containsExactly("{\"x\":\"safe\"}");
  }

  @Test
  void hooksAreAskedInOrderAndEachSeesWhatTheOneBeforeMade() {
    var model =
        new ScriptedModel().enqueue(reply().call("upper", "{\"x\":\"a\"}")).enqueueText("done");
    Agent agent =
        Agent.builder()
            .model(model)
            .tool(TestTool.upper())
            .hook(appending("1"))
            .hook(appending("2"))
            .build();
    RunResult result = run(agent, "in");
    assertThat(((UserMessage) model.requests().getFirst().messages().getFirst()).singleText())
        .isEqualTo("in12");
    assertThat(lastResult(result)).isEqualTo("A12");
    assertThat(result.text()).isEqualTo("done12");
    assertThat(model.requests()).allSatisfy(r -> assertThat(r.modelName()).isEqualTo("m12"));
  }

  private static Hook appending(String mark) {
    return new Hook() {
      @Override
      public Verdict<String> beforeRun(String input) {
        return Verdict.rewrite(input + mark);
      }

      @Override
      public Verdict<ChatRequest> beforeModel(ChatRequest request) {
        String name = (request.modelName() == null ? "m" : request.modelName()) + mark;
        return Verdict.rewrite(request.toBuilder().modelName(name).build());
      }

      @Override
      public Verdict<AiMessage> afterReply(AiMessage reply) {
        return reply.text() == null
            ? Verdict.pass()
            : Verdict.rewrite(reply.toBuilder().text(reply.text() + mark).build());
      }

      @Override
      public Verdict<ToolResult> afterTool(ToolCall call, ToolResult result) {
        return Verdict.rewrite(ToolResult.of(result.text() + mark));
      }
    };
  }

  @Test
  void aRequestThatIsBlockedIsNotSent() {
    var model = new ScriptedModel();
    Hook noRequests =
        new Hook() {
          @Override
          public Verdict<ChatRequest> beforeModel(ChatRequest request) {
            return Verdict.block("The day's budget is spent.");
          }
        };
    RunResult result = run(Agent.builder().model(model).hook(noRequests).build(), "go");
    assertThat(result.stopReason()).isEqualTo(StopReason.BLOCKED);
    assertThat(result.text()).isEqualTo("The day's budget is spent.");
    assertThat(model.requests()).isEmpty();
  }

  @Test
  void aHookThatFailsBlocks() {
    var model = new ScriptedModel();
    Hook failing =
        Hook.onInput(
            text -> {
              throw new IllegalStateException("no connection to the filter");
            });
    RunResult result = run(Agent.builder().model(model).hook(failing).build(), "go");
    assertThat(result.stopReason()).isEqualTo(StopReason.BLOCKED);
    assertThat(result.text()).isEqualTo("A check failed: no connection to the filter");
  }

  @Test
  void aBlockedResultIsReplacedByTheReason() {
    var model =
        new ScriptedModel().enqueue(reply().call("upper", "{\"x\":\"a\"}")).enqueueText("done");
    Hook filter =
        new Hook() {
          @Override
          public Verdict<ToolResult> afterTool(ToolCall call, ToolResult result) {
            return Verdict.block("it holds somebody's address");
          }
        };
    RunResult result =
        run(Agent.builder().model(model).tool(TestTool.upper()).hook(filter).build(), "go");
    assertThat(lastResult(result)).isEqualTo("Blocked: it holds somebody's address");
  }

  @Test
  void aHookMayListenToEachRunByItself() {
    var heard = new ArrayList<RecordingListener>();
    Hook ear =
        new Hook() {
          @Override
          public Optional<AgentListener> listener() {
            heard.add(new RecordingListener());
            return Optional.of(heard.getLast());
          }
        };
    var model = new ScriptedModel().enqueueText("one").enqueueText("two");
    Agent agent = Agent.builder().model(model).hook(ear).build();
    run(agent, "first");
    List<ChatMessage> goOn = List.of(UserMessage.from("second"));
    agent.run(goOn, event -> {}, new Cancellation());
    assertThat(heard).hasSize(2);
    assertThat(heard.getFirst().events()).isEqualTo(listener.events());
    assertThat(heard.getLast().text()).isEqualTo("two");
  }
}
