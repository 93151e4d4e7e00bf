package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.model.ModelException;
import dev.qwen4j.testing.FewTries;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AgentLoopTest {
  private ScriptedModel model = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();

  private RunResult run(Limits limits, Tool... tools) {
    return Agent.builder()
        .model(model)
        .tools(List.of(tools))
        .limits(limits)
        .build()
        .run("go", listener);
  }

  private RunResult run(Tool... tools) {
    return run(Limits.DEFAULT, tools);
  }

  private static List<String> results(RunResult result) {
    return result.messages().stream()
        .filter(ToolExecutionResultMessage.class::isInstance)
        .map(message -> ((ToolExecutionResultMessage) message).text())
        .toList();
  }

  private static void assertEveryCallHasItsResult(List<ChatMessage> messages) {
    var open = new ArrayList<String>();
    for (ChatMessage message : messages) {
      if (message instanceof ToolExecutionResultMessage result) {
        assertThat(open.remove(result.id())).as("a call for " + result).isTrue();
      } else {
        assertThat(open).as("calls open before " + message).isEmpty();
      }
      if (message instanceof AiMessage ai) {
        ai.toolExecutionRequests().forEach(call -> open.add(call.id()));
      }
    }
    assertThat(open).isEmpty();
  }

  // The way of a run

  @Test
  void anAnswerWithoutCallsEndsTheRun() {
    model.enqueue(reply().thinking("Hm.").chunks("Hel", "lo").usage(new TokenUsage(7, 2)));
    RunResult result = run();
    assertThat(result.text()).isEqualTo("Hello");
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(result.turns()).isEqualTo(1);
    assertThat(result.usage()).isEqualTo(new TokenUsage(7, 2, 9));
    assertThat(((AiMessage) result.messages().getLast()).thinking()).isEqualTo("Hm.");
    assertThat(listener.text()).isEqualTo("Hello");
    assertThat(listener.thinking()).isEqualTo("Hm.");
    assertThat(listener.events().stream().map(event -> event.getClass().getSimpleName()))
        .containsExactly(
            "RunStarted",
            "TurnStarted",
            "ThinkingDelta",
            "TextDelta",
            "TextDelta",
            "TurnFinished",
            "RunFinished");
  }

  @Test
  void resultsComeInCallOrderAndUsageIsSummed() {
    model
        .enqueue(
            reply().text("Both.").call("upper", "{\"x\":\"a\"}").call("upper", "{\"x\":\"b\"}"))
        .enqueue(
            request -> {
              assertThat(request.messages()).hasSize(4);
              return reply().text("A and B");
            });
    RunResult result = run(TestTool.upper());
    assertThat(result.text()).isEqualTo("A and B");
    assertThat(results(result)).containsExactly("A", "B");
    assertThat(result.usage().totalTokenCount()).isEqualTo(30);
    assertThat(listener.events(AgentEvent.ToolCallFinished.class))
        .extracting(AgentEvent.ToolCallFinished::content)
        .containsExactly("A", "B");
    assertEveryCallHasItsResult(result.messages());
  }

  @Test
  void lookingToolsOfOneReplyOverlap() {
    var both = new CyclicBarrier(2);
    var tool =
        TestTool.looking(
            "meet",
            (call, context) -> {
              both.await(60, TimeUnit.SECONDS);
              return ToolResult.of("met");
            });
    model
        .enqueue(reply().call("meet", "{\"x\":\"1\"}").call("meet", "{\"x\":\"2\"}"))
        .enqueueText("done");
    assertThat(results(run(tool))).containsExactly("met", "met");
  }

  @Test
  void changingToolsOfOneReplyRunOneByOneInOrder() {
    var log = new ArrayList<String>(); // Not thread-safe on purpose.
    var tool =
        TestTool.changing(
            "write",
            (call, context) -> {
              String x = call.arguments().string("x");
              log.add("+" + x);
              Thread.sleep(x.equals("1") ? 20 : 0);
              log.add("-" + x);
              return ToolResult.of("wrote " + x);
            });
    model
        .enqueue(reply().call("write", "{\"x\":\"1\"}").call("write", "{\"x\":\"2\"}"))
        .enqueueText("done");
    run(tool);
    assertThat(log).containsExactly("+1", "-1", "+2", "-2");
  }

  @Test
  void callsThatTheHostLeftInTheTextAreRunAndNotShown() {
    model
        .enqueue(
            reply()
                .chunks(
                    "Let me see.\n{\"na", "me\": \"upper\", \"arguments\"", ": {\"x\": \"a\"}}"))
        .enqueue(reply().text("<think>ok</think>\n\nIt is A"));
    RunResult result = run(TestTool.upper());
    assertThat(results(result)).containsExactly("A");
    assertThat(listener.text()).isEqualTo("Let me see.\nIt is A");
    assertThat(result.text()).isEqualTo("It is A");
    assertThat(listener.thinking()).isEqualTo("ok");
    assertEveryCallHasItsResult(result.messages());
  }

  /** vLLM, Ollama and LM Studio do so when they lack the right parser for Qwen3-Coder. */
  @Test
  void coderXmlThatTheHostLeftInTheTextIsRunWithTheTypesOfTheSchema() {
    var tool = TestTool.upper();
    model
        .enqueue(
            reply()
                .chunks(
                    "I look.\n<tool_call>\n<func",
                    "tion=upper>\n<parameter=x>\na\n</parameter>\n<parameter=n>\n3\n",
                    "</parameter>\n</function>\n</tool_call>"))
        .enqueueText("It is A");
    RunResult result = run(tool);
    assertThat(tool.calls).containsExactly("{\"x\":\"a\",\"n\":3}");
    assertThat(result.text()).isEqualTo("It is A");
    assertThat(listener.text()).isEqualTo("I look.\nIt is A");
  }

  @Test
  void aCallThatIsBothInTheTextAndInTheReplyRunsOnce() {
    var tool = TestTool.upper();
    model
        .enqueue(
            reply()
                .text("{\"name\": \"upper\", \"arguments\": {\"x\": \"a\"}}")
                .call("upper", "{\"x\":\"a\"}"))
        .enqueueText("A");
    run(tool);
    assertThat(tool.calls).hasSize(1);
  }

  @Test
  void missingAndRepeatedIdsAreReplaced() {
    model
        .enqueue(
            reply()
                .call(null, "upper", "{\"x\":\"a\"}")
                .call("same", "upper", "{\"x\":\"b\"}")
                .call("same", "upper", "{\"x\":\"c\"}"))
        .enqueue(reply().call("same", "upper", "{\"x\":\"d\"}"))
        .enqueueText("done");
    RunResult result = run(TestTool.upper());
    assertThat(results(result)).containsExactly("A", "B", "C", "D");
    assertEveryCallHasItsResult(result.messages());
    assertThat(listener.events(AgentEvent.ToolCallStarted.class))
        .extracting(AgentEvent.ToolCallStarted::id)
        .doesNotHaveDuplicates();
  }

  // Instructions and conversations

  @Test
  void instructionsComeFirstAndAreNotRepeatedWhenTheConversationGoesOn() {
    model.enqueueText("one").enqueueText("two");
    Agent agent = Agent.builder().model(model).instructions("Be brief.").build();
    RunResult first =
        agent.run(
            List.of(SystemMessage.from("You are Q."), UserMessage.from("1")),
            listener,
            new Cancellation());
    var next = new ArrayList<>(first.messages());
    next.add(UserMessage.from("2"));
    agent.run(next, listener, new Cancellation());
    assertThat(model.requests())
        .allSatisfy(
            request ->
                assertThat(request.messages().getFirst())
                    .isEqualTo(SystemMessage.from("Be brief.\n\nYou are Q.")));
    assertThat(model.requests().getLast().messages()).hasSize(4);
  }

  @Test
  void aConversationMustEndWithTheUser() {
    Agent agent = Agent.builder().model(model).build();
    assertThatThrownBy(() -> agent.run(List.of(AiMessage.from("hi")), listener, new Cancellation()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must be a UserMessage, but it is a AiMessage");
  }

  // What goes wrong with calls

  @Test
  void anUnknownToolIsAnsweredWithTheNearestName() {
    model.enqueue(reply().call("uper", "{}")).enqueueText("sorry");
    assertThat(results(run(TestTool.upper())))
        .containsExactly("There is no tool 'uper'. Did you mean 'upper'? The tools are: upper.");
  }

  @Test
  void aToolsExceptionIsAnsweredWithItsMessageOnly() {
    var tool =
        TestTool.looking(
            "fail",
            (call, context) -> {
              throw new IllegalStateException("the disk is full");
            });
    model.enqueue(reply().call("fail", "{}")).enqueueText("sorry");
    RunResult result = run(tool);
    assertThat(results(result)).containsExactly("the disk is full");
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(listener.events(AgentEvent.ToolCallFinished.class).getFirst().isError()).isTrue();
  }

  @Test
  void aToolThatTakesTooLongIsStoppedAndTold() throws Exception {
    var cancelled = new CountDownLatch(1);
    var interrupted = new CountDownLatch(1);
    var tool =
        TestTool.looking(
            "sleep",
            (call, context) -> {
              context.cancellation().onCancel(cancelled::countDown);
              try {
                new CountDownLatch(1).await();
              } catch (InterruptedException e) {
                interrupted.countDown();
              }
              return ToolResult.of("late");
            });
    model.enqueue(reply().call("sleep", "{}")).enqueueText("sorry");
    RunResult result = run(Limits.DEFAULT.withToolTimeout(Duration.ofMillis(1500)), tool);
    assertThat(results(result))
        .containsExactly(
            "Timed out after 1500 ms and was stopped. The call may have taken effect in part.");
    assertThat(cancelled.await(60, TimeUnit.SECONDS)).isTrue();
    assertThat(interrupted.await(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void brokenArgumentsAreAnsweredWithThePositionAndKeptOutOfTheHistory() {
    model.enqueue(reply().call("upper", "{\"x\": \"a\" \"n\"}")).enqueueText("sorry");
    RunResult result = run(TestTool.upper());
    assertThat(results(result).getFirst())
        .contains("not valid JSON")
        .contains("line 1, column 11")
        .contains("{\"x\": \"a\" \"n\"}");
    AiMessage asked = (AiMessage) model.requests().getLast().messages().get(1);
    assertThat(asked.toolExecutionRequests().getFirst().arguments()).isEqualTo("{}");
  }

  @Test
  void brokenArgumentsWithOneReadingAreReadAndKeptInItsWords() {
    var tool = TestTool.upper();
    model
        .enqueue(
            reply()
                .call("upper", "{'x': 'a', 'n': 1,}")
                .call("upper", "\"{\\\"x\\\": \\\"b\\\"}\"")
                .call("upper", "{\"x\": \"c\""))
        .enqueueText("done");
    RunResult result = run(tool);
    assertThat(results(result)).containsExactly("A", "B", "C");
    AiMessage asked = (AiMessage) model.requests().getLast().messages().get(1);
    assertThat(asked.toolExecutionRequests().getFirst().arguments())
        .isEqualTo("{\"x\":\"a\",\"n\":1}");
    assertThat(listener.notices()).anyMatch(text -> text.startsWith("Read broken JSON as"));
  }

  @Test
  void thoughtsThatTheHostSentAsTextAreNotTheAnswer() {
    model.enqueueText("Hm, six by seven.\n</think>\n\n42");
    RunResult result = run();
    assertThat(result.text()).isEqualTo("42");
    assertThat(((AiMessage) result.messages().getLast()).thinking()).isEqualTo("Hm, six by seven.");
  }

  @Test
  void aCallCutOffByTheOutputLimitIsToldSo() {
    model
        .enqueue(reply().call("upper", "{\"x\": \"abc").finish(FinishReason.LENGTH))
        .enqueueText("sorry");
    assertThat(results(run(TestTool.upper())).getFirst())
        .contains("cut off at its length limit")
        .contains("write less at once");
  }

  // Approval

  @Test
  void aDenialIsToldToTheModelAndTheToolDoesNotRun() {
    var tool = TestTool.changing("delete", (call, context) -> ToolResult.of("gone"));
    model.enqueue(reply().call("delete", "{}")).enqueueText("I may not.");
    RunResult result =
        Agent.builder()
            .model(model)
            .tool(tool)
            .approval(Approval.readOnly())
            .build()
            .run("go", listener);
    assertThat(tool.calls).isEmpty();
    assertThat(results(result).getFirst()).startsWith("Denied: This run may only look");
  }

  @Test
  void anApprovalMayChangeTheArguments() {
    var tool = TestTool.upper();
    model.enqueue(reply().call("upper", "{\"x\":\"a\"}")).enqueueText("done");
    Agent.builder()
        .model(model)
        .tool(tool)
        .approval((call, of) -> new Decision.AllowChanged(ToolArguments.parse("{\"x\":\"b\"}")))
        .build()
        .run("go");
    assertThat(tool.calls).containsExactly("{\"x\":\"b\"}");
  }

  @Test
  void aCallWhoseApprovalFailsDoesNotRun() {
    var tool = TestTool.upper();
    model.enqueue(reply().call("upper", "{\"x\":\"a\"}")).enqueueText("done");
    RunResult result =
        Agent.builder()
            .model(model)
            .tool(tool)
            .approval(
                (call, of) -> {
                  throw new IllegalStateException("no terminal");
                })
            .build()
            .run("go");
    assertThat(tool.calls).isEmpty();
    assertThat(results(result))
        .containsExactly("Not run, because its approval failed: no terminal");
  }

  // Progress

  @Test
  void anIdenticalCallIsAnsweredFromMemory() {
    var tool = TestTool.upper();
    model
        .enqueue(reply().call("upper", "{\"x\":\"a\", \"n\": 1}"))
        .enqueue(reply().call("upper", "{\"n\": 1, \"x\":\"a\"}"))
        .enqueueText("A");
    RunResult result = run(tool);
    assertThat(tool.calls).hasSize(1);
    assertThat(results(result).getLast()).startsWith("A\n\n(You made this same call before");
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(model.requests().getLast().messages().getLast().toString())
        .contains("brought nothing new");
    assertThat(result.messages()).filteredOn(UserMessage.class::isInstance).hasSize(1);
  }

  @Test
  void anIdenticalCallRunsAgainAfterAChange() {
    var read = TestTool.looking("read", (call, context) -> ToolResult.of("content"));
    var write = TestTool.changing("write", (call, context) -> ToolResult.of("ok"));
    model
        .enqueue(reply().call("read", "{}"))
        .enqueue(reply().call("write", "{\"x\":\"1\"}"))
        .enqueue(reply().call("read", "{}"))
        .enqueue(reply().call("write", "{\"x\":\"2\"}").call("read", "{}"))
        .enqueueText("done");
    RunResult result = run(read, write);
    assertThat(read.calls).hasSize(3);
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(listener.notices()).isEmpty();
  }

  /** What the real 0.5B model does: it feeds the result back into the tool for ever. */
  @Test
  void aModelThatGoesRoundInCirclesIsMadeToAnswer() {
    var calculator = TestTool.looking("calculator", (call, context) -> ToolResult.of("7006652"));
    model
        .enqueue(
            reply().text("{\"name\": \"calculator\", \"arguments\": {\"x\": \"1234 * 5678\"}}"))
        .otherwise(
            request ->
                request.toolSpecifications().isEmpty()
                    ? reply().text("7006652")
                    : reply()
                        .text("{\"name\": \"calculator\", \"arguments\": {\"x\": \"7006652\"}}"));
    RunResult result = run(calculator);
    assertThat(result.stopReason()).isEqualTo(StopReason.NO_PROGRESS);
    assertThat(result.text()).isEqualTo("7006652");
    assertThat(result.turns()).as("a result handed back ends it at once").isEqualTo(3);
    ChatRequest forced = model.requests().getLast();
    assertThat(forced.messages().getLast())
        .isEqualTo(
            UserMessage.from(
                """
                %s

                The tools found:
                - calculator {"x":"1234 * 5678"}: 7006652

                Answer now, briefly, from what you have, without calling tools.\
                """
                    .formatted(question(forced))));
    assertThat(result.messages().getLast()).isEqualTo(AiMessage.from("7006652"));
  }

  /** The other way of the real 0.5B model: the result handed back, then a call of every tool. */
  @Test
  void whatAModelMakesUpBehindAResultThatItHandsBackCountsForNothing() {
    model
        .enqueue(reply().call("upper", "{\"x\":\"a\"}"))
        .enqueue(reply().call("upper", "{\"x\":\"A\"}").call("look", "{\"x\":\"everywhere\"}"))
        .enqueue(reply().call("upper", "{\"x\":\"a\"}"))
        .enqueueText("A");
    var look = TestTool.looking("look", (call, context) -> ToolResult.of("trees"));
    RunResult result = run(TestTool.upper(), look);
    assertThat(result.stopReason()).isEqualTo(StopReason.NO_PROGRESS);
    ChatRequest forced = model.requests().getLast();
    assertThat(forced.messages().toString()).doesNotContain("trees");
    assertThat(forced.messages()).hasSize(4);
  }

  @Test
  void aToolThatIsGivenTheResultOfAnotherGoesOn() {
    model
        .enqueue(reply().call("look", "{\"x\":\"a\"}"))
        .enqueue(reply().call("upper", "{\"x\":\"A\"}"))
        .enqueueText("A");
    var look = TestTool.looking("look", (call, context) -> ToolResult.of("A"));
    assertThat(run(TestTool.upper(), look).stopReason()).isEqualTo(StopReason.ANSWER);
  }

  private static String question(ChatRequest request) {
    return request.messages().stream()
        .filter(UserMessage.class::isInstance)
        .map(message -> ((UserMessage) message).singleText())
        .findFirst()
        .orElseThrow();
  }

  /** What the real 0.5B model does next: it writes the same two calls in turn, without an end. */
  @Test
  void aReplyThatRepeatsItsCallsWithoutEndIsCutShort() {
    String calls =
        """
        {"name": "upper", "arguments": {"x": "a"}}
        {"name": "upper", "arguments": {"x": "b"}}
        """;
    model
        .enqueue(reply().chunks(calls, calls, calls.substring(0, 60)).hang())
        .enqueueText("A and B");
    var tool = TestTool.upper();
    RunResult result = run(tool);
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(results(result)).containsExactly("A", "B");
    assertEveryCallHasItsResult(result.messages());
  }

  @Test
  void afterANudgeARepeatedCallCountsAgainstTheTurnWhateverElseItBrings() {
    model
        .enqueue(reply().call("upper", "{\"x\":\"a\"}"))
        .enqueue(reply().call("upper", "{\"x\":\"a\"}"))
        .enqueue(reply().call("upper", "{\"x\":\"a\"}").call("upper", "{\"x\":\"invented\"}"))
        .enqueueText("A");
    RunResult result = run(TestTool.upper());
    assertThat(result.stopReason()).isEqualTo(StopReason.NO_PROGRESS);
    assertThat(result.text()).isEqualTo("A");
    assertThat(model.requests().getLast().messages())
        .as("shows the useful turn and none of the circles")
        .hasSize(4);
  }

  @Test
  void aForcedAnswerThatIsOnlyACallGivesTheLastResultInstead() {
    model.otherwise(
        request -> reply().text("{\"name\": \"upper\", \"arguments\": {\"x\": \"a\"}}"));
    RunResult result = run(TestTool.upper());
    assertThat(result.stopReason()).isEqualTo(StopReason.NO_PROGRESS);
    assertThat(result.answered()).isFalse();
    assertThat(result.text())
        .startsWith(
            "Stopped by no_progress before there was an answer. The tools found:\n"
                + "- upper {\"x\":\"a\"}: A");
    assertEveryCallHasItsResult(result.messages());
  }

  @Test
  void aModelThatCallsEvenWhenItMustAnswerIsShownNothingButTheQuestionAndWhatWasFound() {
    model.otherwise(
        request ->
            request.messages().getLast().toString().contains("The tools found")
                    && request.messages().size() == 2
                ? reply().text("It is A.")
                : reply().text("{\"name\": \"upper\", \"arguments\": {\"x\": \"a\"}}"));
    RunResult result =
        Agent.builder()
            .model(model)
            .instructions("Be brief.")
            .tool(TestTool.upper())
            .limits(Limits.DEFAULT.withMaxTurns(1))
            .build()
            .run("Upper of a?", listener);
    assertThat(result.text()).isEqualTo("It is A.");
    assertThat(result.answered()).isTrue();
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TURNS);
    assertThat(model.requests().getLast().messages().getLast().toString())
        .contains("Upper of a?", "- upper {\"x\":\"a\"}: A");
  }

  /** What the real 0.5B model does now and then when it is made to answer. */
  @Test
  void aForcedAnswerThatOnlySaysTheQuestionBackIsNone() {
    model
        .enqueue(reply().call("upper", "{\"x\":\"a\"}"))
        .enqueueText("The question was: go!")
        .enqueueText("It is A.");
    RunResult result = run(Limits.DEFAULT.withMaxTurns(1), TestTool.upper());
    assertThat(result.text()).isEqualTo("It is A.");
    assertThat(result.answered()).isTrue();
  }

  @Test
  void aRowOfFailuresEndsTheRun() {
    model.otherwise(
        request ->
            request.toolSpecifications().isEmpty()
                ? reply().text("I cannot.")
                : reply().call("nope" + request.messages().size(), "{}"));
    RunResult result = run(TestTool.upper());
    assertThat(result.stopReason()).isEqualTo(StopReason.NO_PROGRESS);
    assertThat(result.text()).isEqualTo("I cannot.");
    assertThat(result.turns()).isEqualTo(9);
  }

  @Test
  void anEmptyReplyIsAskedAgainOnce() {
    model.enqueue(reply()).enqueueText("here");
    assertThat(run().text()).isEqualTo("here");
    model.enqueue(reply()).enqueue(reply().thinking("only thoughts"));
    RunResult result = run();
    assertThat(result.text()).isEqualTo("The model replied with nothing, twice.");
    assertThat(result.answered()).isFalse();
    assertThat(result.stopReason()).isEqualTo(StopReason.NO_PROGRESS);
    assertThat(model.remaining()).isZero();
  }

  @Test
  void aReplyOfNothingIsForgivenOnceItHasGoneOn() {
    model
        .enqueue(reply())
        .enqueue(reply().call("upper", "{\"x\":\"a\"}"))
        .enqueue(reply())
        .enqueue(reply().call("upper", "{\"x\":\"b\"}"))
        .enqueueText("A and B");
    RunResult result = run(TestTool.upper());
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(result.text()).isEqualTo("A and B");
  }

  private static final String MADE_UP =
      "{\"name\": \"upper\" \"arguments\": {\"x\": \"b\"} \"result\": \"C\"}\n</tool_response>";

  /** What the real 0.5B model does now and then, with the result before its eyes. */
  @Test
  void anAnswerOfBrokenCallsIsNone() {
    model.enqueueText(MADE_UP).enqueueText("It is B.");
    assertThat(run(TestTool.upper()).text()).isEqualTo("It is B.");

    model
        .enqueue(reply().call("upper", "{\"x\":\"a\"}"))
        .enqueueText(MADE_UP)
        .enqueueText(MADE_UP)
        .enqueueText(MADE_UP)
        .enqueueText("It is A.");
    RunResult result = run(TestTool.upper());
    assertThat(result.text()).isEqualTo("It is A.");
    assertThat(result.answered()).isTrue();
    assertThat(result.stopReason()).isEqualTo(StopReason.NO_PROGRESS);
    assertThat(model.remaining()).isZero();
  }

  @Test
  void whatWasFoundIsSaidWhenOnlyBrokenCallsCome() {
    model
        .enqueue(reply().call("upper", "{\"x\":\"a\"}"))
        .otherwise(request -> reply().text(MADE_UP));
    RunResult result = run(TestTool.upper());
    assertThat(result.text()).contains("The tools found:").contains(": A").doesNotContain("result");
    assertThat(result.answered()).isFalse();
  }

  // Limits

  private void endlessCaller() {
    model.otherwise(
        request ->
            request.toolSpecifications().isEmpty()
                ? reply().text("so far")
                : reply()
                    .call("upper", "{\"x\":\"a" + request.messages().size() + "\"}")
                    .call("upper", "{\"x\":\"b" + request.messages().size() + "\"}"));
  }

  @Test
  void turnsAreLimited() {
    endlessCaller();
    RunResult result = run(Limits.DEFAULT.withMaxTurns(3), TestTool.upper());
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TURNS);
    assertThat(result.text()).isEqualTo("so far");
    assertThat(result.turns()).isEqualTo(4);
  }

  @Test
  void aReplyOfNothingDoesNotGetRoundALimit() {
    for (Limits limits :
        List.of(Limits.DEFAULT.withMaxTurns(1), Limits.DEFAULT.withMaxTokens(15))) {
      model = new ScriptedModel().enqueue(reply());
      endlessCaller();
      RunResult result = run(limits, TestTool.upper());
      assertThat(result.stopReason().isLimit()).isTrue();
      assertThat(result.text()).isEqualTo("so far");
      assertThat(model.requests()).hasSize(2);
    }
  }

  @Test
  void toolCallsAreLimitedInTheMiddleOfATurn() {
    endlessCaller();
    var tool = TestTool.upper();
    RunResult result = run(Limits.DEFAULT.withMaxToolCalls(3), tool);
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TOOL_CALLS);
    assertThat(tool.calls).hasSize(3);
    assertThat(results(result).getLast()).startsWith("Not run: this run may make 3 tool calls");
    assertEveryCallHasItsResult(result.messages());
  }

  @Test
  void tokensAreLimited() {
    endlessCaller();
    RunResult result = run(Limits.DEFAULT.withMaxTokens(30), TestTool.upper());
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TOKENS);
    assertThat(result.turns()).isEqualTo(3);
    assertThat(result.text()).isEqualTo("so far");
  }

  @Test
  void theRunSaysHowManyTurnsAHostDidNotCount() {
    model.enqueue(reply().text("hi").usage(null));
    RunResult result = run();
    assertThat(result.usage()).isEqualTo(new TokenUsage(0, 0, 0));
    assertThat(result.spent().unmeasuredTurns()).isEqualTo(1);
    assertThat(listener.events(AgentEvent.TurnFinished.class).getFirst().usage()).isNull();
    model.enqueue(reply().text("hi").usage(new TokenUsage()));
    assertThat(run().stopReason()).isEqualTo(StopReason.ANSWER);
  }

  @Test
  void costIsLimited() {
    endlessCaller();
    RunResult result =
        Agent.builder()
            .model(model)
            .tool(TestTool.upper())
            .prices(new Prices(1_000, 20_000)) // 0.01 + 0.10 a turn
            .limits(Limits.DEFAULT.withMaxCost(0.3))
            .build()
            .run("go", listener);
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_COST);
    assertThat(result.text()).isEqualTo("so far");
    assertThat(result.turns()).isEqualTo(4);
    assertThat(result.spent().cost()).isCloseTo(0.44, org.assertj.core.data.Offset.offset(1e-9));
  }

  @Test
  void aLimitOnCostNeedsPrices() {
    Agent.Builder agent = Agent.builder().model(model).limits(Limits.DEFAULT.withMaxCost(1));
    assertThatThrownBy(agent::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(".prices(");
  }

  @Test
  void aToolMaySayHowLongItsCallsMayTake() {
    var slow =
        TestTool.looking(
                "slow",
                (call, context) -> {
                  new CountDownLatch(1).await();
                  return ToolResult.of("never");
                })
            .timingOutAfter(Duration.ofMillis(40));
    model.enqueue(reply().call("slow", "{}")).enqueueText("sorry");
    RunResult result = run(slow);
    assertThat(results(result).getFirst()).startsWith("Timed out after 40 ms");
  }

  /** "Parallel" tools that run one after the other are a complaint about other frameworks. */
  @Test
  void tenLooksGoOnAtTheSameTime() {
    var all = new CyclicBarrier(10);
    var look =
        TestTool.looking(
            "look",
            (call, context) -> {
              all.await(60, TimeUnit.SECONDS);
              return ToolResult.of(call.arguments().string("x"));
            });
    var ten = reply();
    for (int i = 0; i < 10; i++) {
      ten.call("look", "{\"x\":\"" + i + "\"}");
    }
    model.enqueue(ten).enqueueText("done");
    RunResult result = run(look);
    assertThat(results(result)).containsExactly("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
  }

  @Test
  void theCostOfAReplyThatWasCutShortIsCountedWhenTheModelSaysItAtOnce() throws Exception {
    String call = "{\"name\": \"upper\", \"arguments\": {\"x\": \"a\"}}\n";
    FewTries.oneSucceeds(
        () -> {
          model =
              new ScriptedModel()
                  .enqueue(reply().chunks(call, call, call).hang(new TokenUsage(100, 33)))
                  .enqueue(reply().text("A").usage(new TokenUsage(200, 2)));
          RunResult result = run(TestTool.upper());
          assertThat(result.usage()).isEqualTo(new TokenUsage(300, 35, 335));
          assertThat(result.spent().unmeasuredTurns()).isZero();
        });
  }

  @Test
  void aCancelledReplyIsCountedToo() throws Exception {
    FewTries.oneSucceeds(
        () -> {
          var cancellation = new Cancellation();
          model =
              new ScriptedModel()
                  .enqueue(
                      reply()
                          .text("So far")
                          .then(cancellation::cancel)
                          .hang(new TokenUsage(100, 4)));
          RunResult result =
              Agent.builder()
                  .model(model)
                  .build()
                  .run(List.of(UserMessage.from("go")), listener, cancellation);
          assertThat(result.stopReason()).isEqualTo(StopReason.CANCELLED);
          assertThat(result.answered()).isFalse();
          assertThat(result.usage()).isEqualTo(new TokenUsage(100, 4, 104));
        });
  }

  @Test
  void aReplyThatNobodyCanPriceIsMarkedAndNotEstimated() {
    model.enqueue(reply().text("So").fail(new ModelException("the connection broke")));
    RunResult result = run();
    assertThat(result.spent()).isEqualTo(new Spent(1, new TokenUsage(0, 0, 0), 1, 0));
  }

  @Test
  void aRequestThatWasRefusedCostsNothing() {
    model.enqueue(reply().fail(new ModelException("refused", 401, null, null, null)));
    assertThat(run().spent()).isEqualTo(new Spent(1, new TokenUsage(0, 0, 0), 0, 0));
  }

  @Test
  void aReplyThatDoesNotEndIsCutOff() {
    model.enqueue(reply().chunks("on ", "and ", "on ", "and ").hang());
    RunResult result = run(Limits.DEFAULT.withMaxReplyTokens(3));
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TOKENS);
    assertThat(result.text()).isEqualTo("on and on and ");
    assertThat(result.answered()).isFalse();
    assertThat(model.requests().getFirst().maxOutputTokens()).isEqualTo(3);
    assertThat(result.messages().getLast()).isEqualTo(AiMessage.from("on and on and "));
  }

  @Test
  void anAnswerThatEndsAtTheModelsOwnLimitIsNotPassedOffAsWhole() {
    model.enqueue(reply().text("The beginn").finish(FinishReason.LENGTH));
    RunResult result = run();
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TOKENS);
    assertThat(result.text()).isEqualTo("The beginn");
    assertThat(result.answered()).isFalse();
    assertThat(listener.notices()).anyMatch(text -> text.contains("cut off"));
  }

  @Test
  void thinkingThatFillsTheWholeReplyIsFollowedByAShortAnswer() {
    model.enqueue(reply().thinking("Hm. Hm.").finish(FinishReason.LENGTH)).enqueueText("Forty-two");
    RunResult result = run();
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TOKENS);
    assertThat(result.text()).isEqualTo("Forty-two");
    assertThat(result.answered()).isTrue();
  }

  @Test
  void timeThatRunsOutInAToolLeavesSomeForAnAnswer() throws Exception {
    var tool =
        TestTool.looking(
            "sleep",
            (call, context) -> {
              new CountDownLatch(1).await();
              return ToolResult.of("never");
            });
    FewTries.withEverMoreTime(
        Duration.ofMillis(500),
        time -> {
          model = new ScriptedModel().enqueue(reply().call("sleep", "{}")).enqueueText("no time");
          RunResult result = run(Limits.DEFAULT.withMaxTime(time), tool);
          assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TIME);
          assertThat(result.text()).isEqualTo("no time");
          assertThat(results(result))
              .singleElement()
              .asString()
              .startsWith("Interrupted: the time of the whole run is up");
        });
  }

  @Test
  void timeThatRunsOutInAReplyKeepsTheTextSoFar() throws Exception {
    FewTries.withEverMoreTime(
        Duration.ofMillis(300),
        time -> {
          model = new ScriptedModel().enqueue(reply().text("The beginning").hang());
          RunResult result = run(Limits.DEFAULT.withMaxTime(time));
          assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TIME);
          assertThat(result.text()).isEqualTo("The beginning");
        });
  }

  @Test
  void aModelThatHangsTwiceEndsWithTheTime() {
    model.otherwise(request -> reply().hang());
    RunResult result = run(Limits.DEFAULT.withMaxTime(Duration.ofMillis(300)));
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TIME);
    assertThat(result.text()).isEqualTo("Stopped by max_time before there was an answer.");
  }

  // Failures

  @Test
  void aFailingModelEndsTheRunWithTheConversationKept() {
    var failure = new ModelException("401: check the key");
    model.enqueue(reply().call("upper", "{\"x\":\"a\"}")).enqueue(reply().text("So").fail(failure));
    RunResult result = run(TestTool.upper());
    assertThat(result.stopReason()).isEqualTo(StopReason.ERROR);
    assertThat(result.error()).contains("401: check the key");
    assertThat(result.failure()).isSameAs(failure);
    assertThat(result.text()).isEqualTo("So");
    assertThat(result.messages()).hasSize(4);
    assertThat(listener.events().getLast()).isInstanceOf(AgentEvent.RunFinished.class);
  }

  @Test
  void aModelThatThrowsInsteadOfCallingBackIsAFailureToo() {
    RunResult result = run(); // Nothing is scripted: the model throws an AssertionError.
    assertThat(result.stopReason()).isEqualTo(StopReason.ERROR);
    assertThat(result.error().orElseThrow()).contains("one more than the script has replies");
  }

  @Test
  void whatTheListenerThrowsEndsTheRunAndStopsItsWork() throws Exception {
    var stopped = new CountDownLatch(1);
    model.enqueue(
        reply()
            .text("a")
            .then(
                () -> {
                  try {
                    new CountDownLatch(1).await();
                  } catch (InterruptedException e) {
                    stopped.countDown();
                  }
                }));
    Agent agent = Agent.builder().model(model).build();
    assertThatThrownBy(
            () ->
                agent.run(
                    "go",
                    event -> {
                      if (event instanceof AgentEvent.TextDelta) {
                        throw new IllegalStateException("the pipe is closed");
                      }
                    }))
        .hasMessage("the pipe is closed");
    assertThat(stopped.await(60, TimeUnit.SECONDS)).isTrue();
  }
}
