package dev.qwen4j.team;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
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

/** An agent is tried on a user whom a model plays. */
class DialogueSimulationTest {
  @TempDir private Path folder;
  private final ScriptedModel assistant = new ScriptedModel();
  private final ScriptedModel user = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();

  private DialogueSimulation.Builder simulation() {
    return DialogueSimulation.builder()
        .assistant(
            Agent.builder()
                .name("clerk")
                .model(assistant)
                .tool(new NoteTool("look_up", false))
                .build())
        .user(user, "a hurried traveller", "to know when the train leaves");
  }

  private static ScriptedModel.Reply end(boolean met) {
    return reply()
        .call("e", "end_dialogue", "{\"goal_met\": " + met + ", \"reason\": \"It is said.\"}");
  }

  @Test
  void theyTakeTurnsUntilTheGoalIsMet() {
    user.enqueueText("When?").enqueueText("To Bonn.").enqueue(end(true));
    assistant
        .enqueueText("Where to?")
        .enqueue(reply().call("l", "look_up", "{}"))
        .enqueueText("At nine.");

    RunResult result = simulation().build().run(listener);

    assertThat(result.answered()).isTrue();
    assertThat(result.text()).isEqualTo("It is said.");
    assertThat(result.messages().stream().map(SharedTalk::text))
        .containsExactly("When?", "Where to?", "To Bonn.", "At nine.");
    assertThat(listener.events().stream().map(AgentEvent::agent))
        .contains("dialogue/user", "dialogue/clerk");
  }

  @Test
  void theUserHearsTheAssistantAndTheAssistantKeepsItsOwnWork() {
    user.enqueueText("When?").enqueueText("To Bonn.").enqueue(end(true));
    assistant
        .enqueue(reply().call("l", "look_up", "{}"))
        .enqueueText("Where to?")
        .enqueueText("At nine.");

    simulation().build().run(listener);

    List<ChatMessage> heard = user.requests().getLast().messages();
    assertThat(heard.subList(2, 6))
        .containsExactly(
            AiMessage.from("When?"),
            UserMessage.from("Where to?"),
            AiMessage.from("To Bonn."),
            UserMessage.from("At nine."));
    assertThat(heard.getFirst().toString())
        .contains("a hurried traveller", "to know when the train leaves");
    assertThat(assistant.requests().getLast().messages()).hasSize(5);
  }

  @Test
  void aGoalGivenUpIsNoAnswer() {
    user.enqueueText("When?").enqueue(end(false));
    assistant.enqueueText("I do not know.");
    RunResult result = simulation().build().run(listener);
    assertThat(result.answered()).isFalse();
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
  }

  @Test
  void aSessionKeepsTheDialogueAndItGoesOnAfterACrash() throws Exception {
    user.enqueueText("When?").enqueueText("To Bonn.").enqueue(end(true));
    assistant
        .enqueue(reply().call("l", "look_up", "{}"))
        .enqueueText("Where to?")
        .enqueueText("At nine.");
    Path file = folder.resolve("dialogue.jsonl");
    try (Session session = Session.open(file)) {
      var handoffs = new int[1];
      assertThatThrownBy(
              () ->
                  simulation()
                      .build()
                      .run(
                          session,
                          event -> {
                            if (event instanceof AgentEvent.Handoff && ++handoffs[0] == 2) {
                              throw new IllegalStateException("gone");
                            }
                          },
                          new Cancellation()))
          .hasMessage("gone");
    }
    try (Session session = Session.open(file)) {
      RunResult result =
          simulation().build().resume(session, List.of(), listener, new Cancellation());
      assertThat(result.answered()).isTrue();
      assertThat(session.messages().stream().map(SharedTalk::text))
          .containsExactly("When?", "Where to?", "To Bonn.", "At nine.");
      assertThatThrownBy(() -> simulation().build().run(session, listener, new Cancellation()))
          .hasMessageContaining("resume it");
    }
    assertThat(user.requests()).hasSize(3);
    assertThat(assistant.requests()).hasSize(3);
    assertThat(assistant.requests().getLast().messages().stream().map(SharedTalk::text))
        .containsExactly("When?", "Where to?", "To Bonn.");
  }

  @Test
  void itEndsAtTheLimit() {
    user.otherwise(request -> reply().text("And?"));
    assistant.otherwise(request -> reply().text("Well."));
    RunResult result = simulation().maxTurns(2).build().run(listener);
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TURNS);
    assertThat(result.messages()).hasSize(4);
  }
}
