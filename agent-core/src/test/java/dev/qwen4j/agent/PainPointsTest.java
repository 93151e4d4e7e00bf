package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * What users of other agents complained about and no other test prevents. {@code
 * docs/pain-points.md} has the whole list.
 */
class PainPointsTest {
  private final RecordingListener listener = new RecordingListener();

  private RunResult run(Agent agent) {
    return agent.run(List.of(UserMessage.from("go")), listener, new Cancellation());
  }

  @Test
  void whatIsStreamedIsWhatIsNewAndNotASnapshotOfAllSoFar() {
    var model = new ScriptedModel().enqueue(reply().chunks("One ", "two ", "three."));
    run(Agent.builder().model(model).build());
    assertThat(listener.events(AgentEvent.TextDelta.class))
        .extracting(AgentEvent.TextDelta::delta)
        .containsExactly("One ", "two ", "three.");
  }

  @Test
  void noModelIsAskedBehindTheUsersBack() {
    var model =
        new ScriptedModel().enqueue(reply().call("upper", "{\"x\":\"a\"}")).enqueueText("A");
    RunResult result = run(Agent.builder().model(model).tool(TestTool.upper()).build());
    assertThat(model.requests()).hasSize(2).hasSize(result.turns());
    assertThat(listener.events(AgentEvent.TurnFinished.class)).hasSize(2);
  }

  @Test
  void aToolThatThrowsAnErrorDoesNotHangTheProgram() {
    var broken =
        TestTool.looking(
            "broken",
            (call, context) -> {
              throw new NoClassDefFoundError("some/Driver");
            });
    var model = new ScriptedModel().enqueue(reply().call("broken", "{}")).enqueueText("Sorry.");
    RunResult result = run(Agent.builder().model(model).tool(broken).build());
    assertThat(result.text()).isEqualTo("Sorry.");
    assertThat(((ToolExecutionResultMessage) result.messages().get(2)).isError()).isTrue();
  }

  @Test
  void oneFailingCallDoesNotTakeItsNeighboursWithIt() {
    var tool =
        TestTool.looking(
            "look",
            (call, context) -> {
              if (call.arguments().string("x").equals("b")) {
                throw new IllegalStateException("no b");
              }
              return ToolResult.of(call.arguments().string("x"));
            });
    var model =
        new ScriptedModel()
            .enqueue(
                reply()
                    .call("look", "{\"x\":\"a\"}")
                    .call("look", "{\"x\":\"b\"}")
                    .call("look", "{\"x\":\"c\"}"))
            .enqueueText("ok");
    run(Agent.builder().model(model).tool(tool).build());
    assertThat(listener.events(AgentEvent.ToolCallFinished.class))
        .extracting(AgentEvent.ToolCallFinished::content)
        .containsExactly("a", "no b", "c");
  }

  @Test
  void everythingThatWasDoneIsKeptWhenALimitEndsTheRun() {
    var model =
        new ScriptedModel()
            .otherwise(
                request ->
                    request.toolSpecifications().isEmpty()
                        ? reply().text("So far: A.")
                        : reply().call("upper", "{\"x\":\"a" + request.messages().size() + "\"}"));
    RunResult result =
        run(
            Agent.builder()
                .model(model)
                .tool(TestTool.upper())
                .limits(Limits.DEFAULT.withMaxTurns(3))
                .build());
    assertThat(result.answered()).isTrue();
    assertThat(result.messages())
        .filteredOn(ToolExecutionResultMessage.class::isInstance)
        .hasSize(3);
  }

  @Test
  void aDenialIsNotRunUnderAnotherSpelling() {
    var ran = new ArrayList<String>();
    var tool =
        TestTool.changing(
            "delete",
            (call, context) -> {
              ran.add(call.arguments().json());
              return ToolResult.of("gone");
            });
    var model =
        new ScriptedModel()
            .enqueue(reply().call("Delete", "{\"x\":\"all\"}"))
            .enqueue(reply().call("delete", "{'x': 'all',}"))
            .enqueueText("I may not.");
    run(
        Agent.builder()
            .model(model)
            .tool(tool)
            .approval((call, which) -> new Decision.Deny("never " + call.name()))
            .build());
    assertThat(ran).isEmpty();
    assertThat(listener.events(AgentEvent.ToolCallFinished.class))
        .extracting(AgentEvent.ToolCallFinished::content)
        .containsOnly("Denied: never delete");
  }

  @Test
  void aProgressingRunIsNotHaltedForUsingOneToolOften() {
    int[] n = {0};
    var model =
        new ScriptedModel()
            .otherwise(
                request ->
                    n[0]++ < 15
                        ? reply().call("upper", "{\"x\":\"item " + n[0] + "\"}")
                        : reply().text("All fifteen done."));
    RunResult result = run(Agent.builder().model(model).tool(TestTool.upper()).build());
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(listener.notices()).isEmpty();
  }

  @Test
  void aToolsNameMayBeInChinese() {
    TestTool weather = TestTool.looking("查天气", (call, context) -> ToolResult.of("晴"));
    var model =
        new ScriptedModel()
            .enqueue(reply().call("查天气", "{\"x\":\"北京\"}"))
            .enqueueText(
                "<tool_call>{\"name\": \"查天气\", \"arguments\": {\"x\": \"上海\"}}</tool_call>")
            .enqueueText("都是晴天。");
    RunResult result = run(Agent.builder().model(model).tool(weather).build());
    assertThat(result.text()).isEqualTo("都是晴天。");
    assertThat(weather.calls).containsExactly("{\"x\":\"北京\"}", "{\"x\":\"上海\"}");
  }

  @Test
  void aSlowModelIsNotTimedOutWhileItWrites() {
    var slow = reply();
    for (int i = 0; i < 12; i++) {
      slow.then(PainPointsTest::pause).text("w ");
    }
    var model = new ScriptedModel().enqueue(slow);
    RunResult result =
        run(
            Agent.builder()
                .model(model)
                .limits(Limits.DEFAULT.withMaxTime(Duration.ofSeconds(60)))
                .build());
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(result.text().strip()).hasSize(23);
  }

  private static void pause() {
    try {
      Thread.sleep(10);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aStreamedTurnsCallsAreInTheConversationAsTheModelWroteThem() {
    var model =
        new ScriptedModel()
            .enqueue(reply().chunks("Let me ", "see.").call("id", "upper", "{\"x\":\"a\"}"))
            .enqueueText("A");
    RunResult result = run(Agent.builder().model(model).tool(TestTool.upper()).build());
    AiMessage said = (AiMessage) result.messages().get(1);
    assertThat(said.text()).isEqualTo("Let me see.");
    assertThat(said.toolExecutionRequests().getFirst().arguments()).isEqualTo("{\"x\":\"a\"}");
    assertThat(Set.copyOf(model.requests().get(1).messages())).contains(said);
  }
}
