package dev.qwen4j.team;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.Answer;
import dev.qwen4j.agent.ApprovalRules;
import dev.qwen4j.agent.Decision;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Handing over: a structured call, a clean context, one stream, one budget, one session. */
class TeamTest {
  private static final String TRANSFER =
      "{\"reason\": \"It is about money.\", \"message\": \"The invoice is number 7.\"}";

  @TempDir private Path folder;
  private final ScriptedModel triageModel = new ScriptedModel();
  private final ScriptedModel billingModel = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();
  private final NoteTool pay = new NoteTool("pay", true);

  private final Agent triage =
      Agent.builder()
          .name("triage")
          .description("Hears everybody first.")
          .instructions("You find out who can help.")
          .model(triageModel)
          .tool(new NoteTool("look_up", false))
          .build();

  private Agent.Builder billing() {
    return Agent.builder()
        .name("billing")
        .description("Knows invoices.")
        .instructions("You know invoices.")
        .model(billingModel)
        .tool(pay);
  }

  private Team team() {
    return Team.builder().agents(triage, billing().build()).build();
  }

  @Test
  void whoeverIsHandedTheWorkAnswers() {
    triageModel.enqueue(reply().call("t1", "transfer_to_billing", TRANSFER));
    billingModel.enqueueText("It is paid.");

    RunResult result = team().run("Is my invoice paid?", listener);

    assertThat(result.text()).isEqualTo("It is paid.");
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(result.turns()).isEqualTo(2);
    assertThat(listener.events(AgentEvent.Handoff.class))
        .containsExactly(
            new AgentEvent.Handoff(
                "team", "billing", "It is about money.", "The invoice is number 7."));
    assertThat(listener.events().getLast()).isEqualTo(new AgentEvent.RunFinished("team", result));
    assertThat(listener.events().stream().map(AgentEvent::agent))
        .contains("team", "team/triage", "team/billing");
  }

  @Test
  void theReceiverGetsACleanContext() {
    triageModel
        .enqueue(
            reply().thinking("Hm.").text("I look.").call("t0", "look_up", "{\"x\":\"secret\"}"))
        .enqueue(reply().text("To billing.").call("t1", "transfer_to_billing", TRANSFER));
    billingModel.enqueueText("It is paid.");
    List<ChatMessage> conversation =
        List.of(
            UserMessage.from("Hello"), AiMessage.from("Hello!"), UserMessage.from("My invoice?"));

    team().run(conversation, listener, new Cancellation());

    List<ChatMessage> seen = billingModel.requests().getFirst().messages();
    assertThat(seen).hasSize(4);
    assertThat(seen.getFirst()).isEqualTo(SystemMessage.from("You know invoices."));
    assertThat(seen.subList(1, 3)).isEqualTo(conversation.subList(0, 2));
    assertThat(((UserMessage) seen.getLast()).singleText())
        .isEqualTo(
            "My invoice?\n\n[triage hands over to you. Reason: It is about money. Message: The"
                + " invoice is number 7.]");
    assertThat(billingModel.requests().getFirst().toolSpecifications())
        .extracting(ToolSpecification::name)
        .containsExactly("pay", "transfer_to_triage");
  }

  @Test
  void theConversationThatIsKeptHoldsWhatWasSaidAloud() {
    triageModel.enqueue(reply().call("t1", "transfer_to_billing", TRANSFER)).enqueueText("Bye.");
    billingModel.enqueueText("It is paid.");

    RunResult first = team().run("Is my invoice paid?", listener);
    assertThat(first.messages()).hasSize(2);
    var next = new java.util.ArrayList<>(first.messages());
    next.add(UserMessage.from("Thanks"));
    RunResult second = team().run(next, listener, new Cancellation());

    assertThat(second.text()).isEqualTo("Bye.");
    assertThat(triageModel.requests().getLast().messages().stream().map(SharedTalk::text))
        .endsWith("Is my invoice paid?", "It is paid.", "Thanks");
  }

  @Test
  void handingOverInCirclesEndsWithSomebodyWhoMustAnswer() {
    String back = "{\"reason\": \"Not mine.\", \"message\": \"\"}";
    triageModel.enqueue(reply().call("t1", "transfer_to_billing", back));
    billingModel.enqueue(reply().call("b1", "transfer_to_triage", back));
    triageModel.enqueueText("Then I answer.");

    RunResult result =
        Team.builder().agents(triage, billing().build()).maxHandoffs(2).build().run("?", listener);

    assertThat(result.text()).isEqualTo("Then I answer.");
    assertThat(triageModel.requests().getLast().toolSpecifications())
        .extracting(ToolSpecification::name)
        .containsExactly("look_up");
  }

  @Test
  void theLimitsHoldForAllTogether() {
    triageModel.enqueue(reply().call("t1", "transfer_to_billing", TRANSFER));

    RunResult result =
        Team.builder()
            .agents(triage, billing().build())
            .limits(Limits.DEFAULT.withMaxTokens(15))
            .build()
            .run("?", listener);

    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TOKENS);
    assertThat(billingModel.requests()).isEmpty();
  }

  @Test
  void cancellationEndsTheTeam() {
    var cancellation = new Cancellation();
    triageModel.enqueue(
        reply().call("t1", "transfer_to_billing", TRANSFER).then(cancellation::cancel));

    RunResult result = team().run(List.of(UserMessage.from("?")), listener, cancellation);

    assertThat(result.stopReason()).isEqualTo(StopReason.CANCELLED);
  }

  @Test
  void aSuspendedMemberGoesOnInAnotherProcess() throws Exception {
    Path file = folder.resolve("team.jsonl");
    Team team =
        Team.builder()
            .agents(
                triage,
                billing()
                    .approval(ApprovalRules.parse("{\"ask\":[\"pay\"],\"otherwise\":\"allow\"}"))
                    .build())
            .build();
    triageModel.enqueue(reply().call("t1", "transfer_to_billing", TRANSFER));
    billingModel.enqueue(reply().call("b1", "pay", "{\"x\":\"7\"}"));
    try (Session session = Session.open(file)) {
      RunResult asked = team.run(session, "Pay it", listener, new Cancellation());
      assertThat(asked.stopReason()).isEqualTo(StopReason.SUSPENDED);
      assertThat(asked.questions().getFirst().call()).isEqualTo("2-billing/b1");
    }
    billingModel.enqueueText("Paid.");
    try (Session session = Session.open(file)) {
      var answer = new Answer(session.questions().getFirst(), new Decision.Allow());
      RunResult result = team.resume(session, List.of(answer), listener, new Cancellation());
      assertThat(result.text()).isEqualTo("Paid.");
      assertThat(session.messages().stream().map(SharedTalk::text))
          .containsExactly("Pay it", "Paid.");
      assertThat(session.questions()).isEmpty();
      assertThat(SharedTalk.speaker(session.messages().getLast())).contains("billing");
    }
    try (Session session = Session.open(file)) {
      assertThat(SharedTalk.speaker(session.messages().getLast())).contains("billing");
    }
    assertThat(triageModel.requests()).as("asked once").hasSize(1);
    assertThat(pay.calls).containsExactly("{\"x\":\"7\"}");
  }

  @Test
  void afterACrashTheMemberThatWasAtWorkGoesOn() throws Exception {
    Path file = folder.resolve("team.jsonl");
    triageModel.enqueue(reply().call("t1", "transfer_to_billing", TRANSFER));
    billingModel.enqueue(reply().call("b1", "pay", "{\"x\":\"7\"}"));
    try (Session session = Session.open(file)) {
      assertThatThrownBy(
              () ->
                  team()
                      .run(
                          session,
                          "Pay it",
                          event -> {
                            if (event instanceof AgentEvent.ToolCallFinished call
                                && call.name().equals("pay")) {
                              throw new IllegalStateException("gone");
                            }
                          },
                          new Cancellation()))
          .hasMessage("gone");
    }
    billingModel.enqueueText("Paid.");
    try (Session session = Session.open(file)) {
      RunResult result = team().resume(session, List.of(), listener, new Cancellation());
      assertThat(result.text()).isEqualTo("Paid.");
      assertThatThrownBy(() -> team().resume(session, List.of(), listener, new Cancellation()))
          .hasMessageContaining("nothing to resume");
    }
    assertThat(pay.calls).hasSize(1);
    assertThat(triageModel.requests()).hasSize(1);
  }

  @Test
  void aFailureIsTheTeams() {
    triageModel.enqueue(reply().fail(new IllegalStateException("no route to host")));

    RunResult result = team().run("?", listener);

    assertThat(result.stopReason()).isEqualTo(StopReason.ERROR);
    assertThat(result.error()).contains("no route to host");
  }

  @Test
  void namesAreChecked() {
    assertThatThrownBy(() -> Team.builder().build()).hasMessageContaining(".agents(…)");
    assertThatThrownBy(() -> Team.builder().agents(triage, triage))
        .hasMessageContaining("Two agents are named 'triage'");
    Agent odd = Agent.builder().name("a b").model(triageModel).build();
    assertThatThrownBy(() -> Team.builder().agents(odd).build()).hasMessageContaining("'a b'");
  }
}
