package dev.qwen4j.team;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import org.junit.jupiter.api.Test;

/** A model picks who answers; golden case of Qwen-Agent: {@code Call: B} makes B answer. */
class RouterTest {
  private final ScriptedModel picking = new ScriptedModel();
  private final ScriptedModel mathModel = new ScriptedModel();
  private final ScriptedModel poetModel = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();
  private final Agent math =
      Agent.builder()
          .name("math")
          .description("Calculates.")
          .instructions("You calculate.")
          .model(mathModel)
          .build();
  private final Agent poet =
      Agent.builder().name("poet").description("Writes verse.").model(poetModel).build();

  private Router.Builder router() {
    return Router.builder().model(picking).agents(math, poet);
  }

  @Test
  void theOneThatIsPickedAnswersAndSeesNothingOfThePicking() {
    picking.enqueue(
        reply().text("For math.").call("r", "route", "{\"agent\":\"math\",\"reason\":\"a sum\"}"));
    mathModel.enqueueText("42");

    RunResult result = router().build().run("What is 6 * 7?", listener);

    assertThat(result.text()).isEqualTo("42");
    assertThat(result.messages()).hasSize(2);
    assertThat(mathModel.requests().getFirst().messages())
        .containsExactly(SystemMessage.from("You calculate."), UserMessage.from("What is 6 * 7?"));
    assertThat(SharedTalk.text(picking.requests().getFirst().messages().getLast()))
        .isEqualTo("What is 6 * 7?");
    assertThat(((SystemMessage) picking.requests().getFirst().messages().getFirst()).text())
        .contains("- math: Calculates.\n- poet: Writes verse.");
    assertThat(listener.events(AgentEvent.Handoff.class))
        .containsExactly(new AgentEvent.Handoff("router", "math", "a sum", ""));
  }

  @Test
  void aPlainNameCountsAsAPick() {
    picking.enqueueText("poet");
    poetModel.enqueueText("Roses are red.");
    assertThat(router().build().run("A verse!", listener).text()).isEqualTo("Roses are red.");
    assertThat(listener.notices()).isEmpty();
  }

  @Test
  void whenNobodyIsPickedTheOneForThatAnswersAndANoticeSaysSo() {
    picking.enqueueText("I think it is 42.");
    poetModel.enqueueText("Ask me for verse.");

    RunResult result = router().otherwise(poet).build().run("What is 6 * 7?", listener);

    assertThat(result.text()).isEqualTo("Ask me for verse.");
    assertThat(listener.notices())
        .containsExactly("The model picked none of the agents; poet answers.");
  }

  @Test
  void anAgentThatThereIsNotIsNotPicked() {
    picking
        .enqueue(reply().call("r", "route", "{\"agent\":\"cook\"}"))
        .enqueue(reply().call("r", "route", "{\"agent\":\"poet\"}"));
    poetModel.enqueueText("Verse.");
    assertThat(router().build().run("?", listener).text()).isEqualTo("Verse.");
  }

  @Test
  void aFailureToPickIsAFailure() {
    picking.enqueue(reply().fail(new IllegalStateException("down")));
    RunResult result = router().build().run("?", listener);
    assertThat(result.stopReason()).isEqualTo(StopReason.ERROR);
    assertThat(result.error()).contains("down");
  }

  @Test
  void aRouterNeedsAModelAndAgents() {
    assertThatThrownBy(() -> Router.builder().agents(math).build())
        .hasMessageContaining(".model(…)");
    assertThatThrownBy(() -> Router.builder().model(picking).build())
        .hasMessageContaining(".agents(…)");
  }
}
