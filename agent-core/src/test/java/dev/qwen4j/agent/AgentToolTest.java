package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.session.Session;
import dev.qwen4j.session.SessionEntry;
import dev.qwen4j.testing.FewTries;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An agent that works for another one: one stream of events, one budget, one place to ask. */
class AgentToolTest {
  private static final String TASK = "{\"task\":\"find x\"}";

  @TempDir private Path folder;
  private ScriptedModel main = new ScriptedModel();
  private final ScriptedModel helper = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();
  private final TestTool write =
      TestTool.changing(
          "write", (call, of) -> ToolResult.of("wrote " + call.arguments().string("x")));

  private Agent.Builder helper(Tool... tools) {
    return Agent.builder()
        .name("helper")
        .description("Finds things.")
        .instructions("You find things.")
        .model(helper)
        .tools(List.of(tools));
  }

  private Agent.Builder main(Agent... helpers) {
    Agent.Builder builder = Agent.builder().model(main);
    for (Agent each : helpers) {
      builder.tool(each.asTool());
    }
    return builder;
  }

  private static List<String> results(RunResult result) {
    return result.messages().stream()
        .filter(ToolExecutionResultMessage.class::isInstance)
        .map(message -> ((ToolExecutionResultMessage) message).text())
        .toList();
  }

  @Test
  void theHelperSeesItsTaskOnlyAndItsAnswerIsTheResult() {
    main.enqueue(reply().text("I ask.").call("c1", "helper", TASK)).enqueueText("x is 3.");
    helper.enqueue(reply().call("h1", "upper", "{\"x\":\"a\"}")).enqueueText("3");

    RunResult result = main(helper(TestTool.upper()).build()).build().run("Where is x?", listener);

    assertThat(result.text()).isEqualTo("x is 3.");
    assertThat(results(result)).containsExactly("3");
    assertThat(helper.requests().getFirst().messages()).hasSize(2);
    assertThat(helper.requests().getFirst().messages().getLast())
        .isEqualTo(UserMessage.from("find x"));
    assertThat(main.requests().getFirst().toolSpecifications().getFirst().description())
        .isEqualTo("Finds things.");
  }

  @Test
  void itsEventsComeInTheOneStreamUnderItsPath() {
    main.enqueue(reply().call("c1", "helper", TASK)).enqueueText("Done.");
    helper.enqueue(reply().call("h1", "upper", "{\"x\":\"a\"}")).enqueueText("3");
    var threads = new HashSet<Thread>();

    main(helper(TestTool.upper()).build())
        .build()
        .run(
            "go",
            event -> {
              threads.add(Thread.currentThread());
              listener.onEvent(event);
            });

    assertThat(threads).containsExactly(Thread.currentThread());
    assertThat(
            listener.events().stream()
                .map(event -> event.agent() + " " + event.getClass().getSimpleName()))
        .containsExactly(
            "main RunStarted",
            "main TurnStarted",
            "main TurnFinished",
            "main ToolCallStarted",
            "main/helper RunStarted",
            "main/helper TurnStarted",
            "main/helper TurnFinished",
            "main/helper ToolCallStarted",
            "main/helper ToolCallFinished",
            "main/helper TurnStarted",
            "main/helper TextDelta",
            "main/helper TurnFinished",
            "main/helper RunFinished",
            "main ToolCallFinished",
            "main TurnStarted",
            "main TextDelta",
            "main TurnFinished",
            "main RunFinished");
  }

  @Test
  void whatItSpendsCountsAgainstTheLimitsOfWhoeverAsked() {
    main.enqueue(reply().call("c1", "helper", TASK)).enqueueText("Enough.");
    helper
        .enqueue(reply().call("h1", "upper", "{\"x\":\"a\"}").usage(new TokenUsage(900, 100)))
        .enqueueText("As far as I got: A");

    RunResult result =
        main(helper(TestTool.upper()).build())
            .limits(Limits.DEFAULT.withMaxTokens(1000))
            .build()
            .run("go", listener);

    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TOKENS);
    assertThat(result.text()).isEqualTo("Enough.");
    assertThat(results(result)).containsExactly("As far as I got: A");
    assertThat(result.usage().totalTokenCount()).isEqualTo(1000 + 3 * 15);
    assertThat(result.turns()).isEqualTo(4);
  }

  @Test
  void itsToolCallsCountToo() {
    main.enqueue(reply().call("c1", "helper", TASK)).enqueueText("Enough.");
    helper
        .enqueue(reply().call("h1", "upper", "{\"x\":\"a\"}").call("h2", "upper", "{\"x\":\"b\"}"))
        .enqueueText("A");
    var tool = TestTool.upper();

    RunResult result =
        main(helper(tool).build())
            .limits(Limits.DEFAULT.withMaxToolCalls(2))
            .build()
            .run("go", listener);

    assertThat(tool.calls).hasSize(1);
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TOOL_CALLS);
  }

  @Test
  void itsTurnsAreItsOwn() {
    main.enqueue(reply().call("c1", "helper", TASK)).enqueueText("Done.");
    helper
        .enqueue(reply().call("h1", "upper", "{\"x\":\"a\"}"))
        .enqueue(reply().call("h2", "upper", "{\"x\":\"b\"}"))
        .enqueueText("B");

    RunResult result =
        main(helper(TestTool.upper()).build())
            .limits(Limits.DEFAULT.withMaxTurns(2))
            .build()
            .run("go", listener);

    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
  }

  @Test
  void severalWorkAtTheSameTime() {
    var both = new CyclicBarrier(2);
    var meet =
        TestTool.looking(
            "meet",
            (call, context) -> {
              both.await(60, TimeUnit.SECONDS);
              return ToolResult.of("met");
            });
    main.enqueue(reply().call("c1", "helper", TASK).call("c2", "helper", "{\"task\":\"y\"}"))
        .enqueueText("Done.");
    helper.otherwise(
        request ->
            request.messages().getLast() instanceof ToolExecutionResultMessage
                ? reply().text("I met somebody.")
                : reply().call("h", "meet", "{}"));

    RunResult result = main(helper(meet).build()).build().run("go", listener);

    assertThat(results(result)).containsExactly("I met somebody.", "I met somebody.");
  }

  @Test
  void cancellationReachesIt() {
    var cancellation = new Cancellation();
    main.enqueue(reply().call("c1", "helper", TASK));
    helper.enqueue(reply().then(cancellation::cancel).hang()); // For ever, but for an interrupt.

    RunResult result =
        main(helper().build()).build().run(List.of(UserMessage.from("go")), listener, cancellation);

    assertThat(result.stopReason()).isEqualTo(StopReason.CANCELLED);
    assertThat(listener.events(AgentEvent.RunFinished.class))
        .extracting(finished -> finished.result().stopReason())
        .containsOnly(StopReason.CANCELLED);
  }

  @Test
  void itsTimeIsBoundedByThatOfWhoeverAsked() throws Exception {
    helper.otherwise(request -> reply().hang());
    FewTries.withEverMoreTime(
        Duration.ofSeconds(1),
        time -> {
          main =
              new ScriptedModel().enqueue(reply().call("c1", "helper", TASK)).enqueueText("Late.");

          RunResult result =
              main(helper().build())
                  .limits(Limits.DEFAULT.withMaxTime(time))
                  .build()
                  .run("go", listener);

          assertThat(result.text()).isEqualTo("Late.");
          assertThat(results(result)).singleElement().asString().contains("max_time");
        });
  }

  @Test
  void whatTheCallersApprovalDeniesItMayNotDo() {
    main.enqueue(reply().call("c1", "helper", TASK)).enqueueText("Done.");
    helper.enqueue(reply().call("h1", "write", "{\"x\":\"a\"}")).enqueueText("I may not.");

    main(helper(write).build())
        .approval(ApprovalRules.parse("{\"deny\":[\"write\"],\"otherwise\":\"allow\"}"))
        .build()
        .run("go", listener);

    assertThat(write.calls).isEmpty();
    assertThat(results(listener.events(AgentEvent.RunFinished.class).getFirst().result()))
        .singleElement()
        .asString()
        .startsWith("Denied:");
  }

  @Test
  void aQuestionOfItsOwnSuspendsTheWholeRunAndGoesOnInAnotherProcess() throws IOException {
    Path file = folder.resolve("s.jsonl");
    var rules = ApprovalRules.parse("{\"ask\":[\"write\"],\"otherwise\":\"allow\"}");
    Agent agent = main(helper(write).build()).approval(rules).build();
    main.enqueue(reply().call("c1", "helper", TASK));
    helper.enqueue(reply().call("h1", "write", "{\"x\":\"a\"}"));
    RunResult asked;
    try (Session session = Session.open(file)) {
      asked = agent.run(session, "go", listener, new Cancellation());
    }
    assertThat(asked.stopReason()).isEqualTo(StopReason.SUSPENDED);
    assertThat(asked.questions())
        .singleElement()
        .satisfies(question -> assertThat(question.call()).isEqualTo("c1/h1"));
    assertThat(listener.events(AgentEvent.QuestionAsked.class))
        .singleElement()
        .satisfies(event -> assertThat(event.agent()).isEqualTo("main/helper"));
    assertThat(write.calls).isEmpty();

    helper.enqueueText("Written.");
    main.enqueueText("Done.");
    try (Session session = Session.open(file)) {
      assertThat(session.questions()).isEqualTo(asked.questions());
      var answer = new Answer(session.questions().getFirst(), new Decision.Allow());
      RunResult result = agent.resume(session, List.of(answer), listener, new Cancellation());
      assertThat(result.text()).isEqualTo("Done.");
      assertThat(results(result)).containsExactly("Written.");
      assertThat(session.questions()).isEmpty();
    }
    assertThat(write.calls).hasSize(1);
    assertThat(helper.requests()).hasSize(2);
    assertThat(main.requests()).hasSize(2);
  }

  @Test
  void withoutASessionNobodyCanAnswerItsQuestion() {
    var rules = ApprovalRules.parse("{\"ask\":[\"write\"],\"otherwise\":\"allow\"}");
    main.enqueue(reply().call("c1", "helper", TASK)).enqueueText("Done.");
    helper.enqueue(reply().call("h1", "write", "{\"x\":\"a\"}")).enqueueText("I may not.");

    RunResult result = main(helper(write).build()).approval(rules).build().run("go", listener);

    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(write.calls).isEmpty();
    assertThat(listener.notices()).anyMatch(text -> text.contains("nobody is here to be asked"));
  }

  @Test
  void anAnswerToACallOfItsThatDoesNotWaitIsRefused() throws IOException {
    var rules = ApprovalRules.parse("{\"ask\":[\"write\"],\"otherwise\":\"allow\"}");
    Agent agent = main(helper(write).build()).approval(rules).build();
    main.enqueue(reply().call("c1", "helper", TASK));
    helper.enqueue(reply().call("h1", "write", "{\"x\":\"a\"}"));
    try (Session session = Session.open(folder.resolve("s"))) {
      RunResult asked = agent.run(session, "go", listener, new Cancellation());
      var question = asked.questions().getFirst();
      var other =
          new dev.qwen4j.session.Question(
              question.call(), "write", "{\"x\":\"b\"}", question.text());
      var answer = new Answer(other, new Decision.Allow());
      assertThatThrownBy(() -> agent.resume(session, List.of(answer), listener, new Cancellation()))
          .hasMessage("No call 'c1/h1' waits for an answer.");
    }
    assertThat(write.calls).isEmpty();
  }

  /** As after a kill: the journal stops in the middle of the helper's work. */
  @Test
  void afterACrashItGoesOnWhereItStopped() throws IOException {
    Path file = folder.resolve("s.jsonl");
    Agent agent = main(helper(write).build()).build();
    main.enqueue(reply().call("c1", "helper", TASK));
    helper.enqueue(reply().call("h1", "write", "{\"x\":\"a\"}"));
    helper.otherwise(request -> reply().hang());
    try (Session session = Session.open(file)) {
      assertThatThrownBy(
              () ->
                  agent.run(
                      session,
                      "go",
                      event -> {
                        if (event instanceof AgentEvent.ToolCallFinished done && done.isNested()) {
                          throw new IllegalStateException("gone");
                        }
                      },
                      new Cancellation()))
          .hasMessage("gone");
      assertThat(session.entries().getLast()).isInstanceOf(SessionEntry.Within.class);
    }
    var after = new ScriptedModel().enqueueText("Written.");
    Agent restarted = main(helper(write).model(after).build()).build();
    main.enqueueText("Done.");
    try (Session session = Session.open(file)) {
      RunResult result = restarted.resume(session, List.of(), listener, new Cancellation());
      assertThat(results(result)).containsExactly("Written.");
    }
    assertThat(write.calls).as("runs of the tool").hasSize(1);
    assertThat(main.requests()).hasSize(2);
  }

  @Test
  void aHelperThatFailsIsAResultToReactTo() {
    main.enqueue(reply().call("c1", "helper", TASK)).enqueueText("Without it, then.");
    helper.enqueue(reply().fail(new IllegalStateException("no route to host")));

    RunResult result = main(helper().build()).build().run("go", listener);

    assertThat(results(result)).containsExactly("The agent helper failed: no route to host");
    assertThat(result.text()).isEqualTo("Without it, then.");
  }

  @Test
  void aNameThatNoToolMayHaveIsRefused() {
    Agent agent = Agent.builder().name("my helper").model(helper).build();
    assertThatThrownBy(agent::asTool)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'my helper'");
  }

  @Test
  void aToolThatEndsTheRunHasTheLastWord() {
    var done =
        new Tool() {
          @Override
          public dev.langchain4j.agent.tool.ToolSpecification specification() {
            return dev.langchain4j.agent.tool.ToolSpecification.builder().name("done").build();
          }

          @Override
          public boolean endsRun() {
            return true;
          }

          @Override
          public ToolResult call(
              dev.qwen4j.tool.ToolCall call, dev.qwen4j.tool.ToolContext context) {
            return ToolResult.of("That is it.");
          }
        };
    main.enqueue(reply().call("c1", "done", "{}"));

    RunResult result = Agent.builder().model(main).tool(done).build().run("go", listener);

    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(result.text()).isEqualTo("That is it.");
    assertThat(result.answered()).isTrue();
  }
}
