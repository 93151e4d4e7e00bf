package dev.qwen4j.team;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Speaker selection, and what each member sees; the orders are Qwen-Agent's golden cases. */
class GroupChatTest {
  @TempDir private Path folder;
  private final ScriptedModel a = new ScriptedModel();
  private final ScriptedModel b = new ScriptedModel();
  private final ScriptedModel chair = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();

  private Agent agent(String name, ScriptedModel model) {
    return Agent.builder()
        .name(name)
        .description("Is " + name + ".")
        .instructions("Be " + name + ".")
        .model(model)
        .build();
  }

  private GroupChat.Builder chat() {
    return GroupChat.builder().agents(agent("A", a), agent("B", b));
  }

  private static List<String> transcript(RunResult result) {
    return result.messages().stream()
        .map(message -> SharedTalk.speaker(message).orElse("-") + ": " + SharedTalk.text(message))
        .toList();
  }

  private static ScriptedModel.Reply next(String name) {
    return reply().call("n", "next_speaker", "{\"name\":\"" + name + "\",\"reason\":\"so\"}");
  }

  @Test
  void inTurnUntilTheLimit() {
    a.enqueueText("a1").enqueueText("A: a2");
    b.enqueueText("b1");

    RunResult result = chat().maxUtterances(3).build().run("hi", listener);

    assertThat(transcript(result)).containsExactly("-: hi", "A: a1", "B: b1", "A: a2");
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TURNS);
    assertThat(result.text()).isEqualTo("a2");
    assertThat(listener.events(AgentEvent.Handoff.class))
        .extracting(AgentEvent.Handoff::to)
        .containsExactly("A", "B", "A");
    assertThat(listener.events().getLast()).isEqualTo(new AgentEvent.RunFinished("chat", result));
  }

  @Test
  void aMemberSeesItsOwnWordsAsItsOwnAndThoseOfTheOthersWithTheirNames() {
    a.enqueueText("a1").enqueueText("a2");
    b.enqueueText("b1");

    chat().maxUtterances(3).build().run("hi", listener);

    List<ChatMessage> seen = a.requests().getLast().messages();
    assertThat(seen.subList(1, 4))
        .containsExactly(
            UserMessage.from("user: hi"), AiMessage.from("a1"), UserMessage.from("B: b1"));
    assertThat(SharedTalk.text(b.requests().getFirst().messages().getLast()))
        .isEqualTo("user: hi\nA: a1");
    assertThat(seen.getFirst().toString()).contains("Be A.", "- B: Is B.");
  }

  @Test
  void whoIsMentionedSpeaksNextInTheOrderOfTheMentions() {
    b.enqueueText("b1");
    a.enqueueText("a1");

    RunResult result =
        chat().byMention().maxUtterances(2).build().run("@B and @A, what now?", listener);

    assertThat(transcript(result)).endsWith("B: b1", "A: a1");
  }

  @Test
  void aNameWithinALongerOneIsNoMention() {
    a.enqueueText("a1");
    RunResult result = chat().byMention().maxUtterances(1).build().run("mail me@Berlin", listener);
    assertThat(transcript(result)).endsWith("A: a1");
  }

  @Test
  void aModelChoosesAndEndsIt() {
    chair.enqueue(next("B")).enqueue(next("A")).enqueue(next("nobody"));
    b.enqueueText("b1");
    a.enqueueText("a1");

    RunResult result = chat().chosenBy(chair).build().run("hi", listener);

    assertThat(transcript(result)).containsExactly("-: hi", "B: b1", "A: a1");
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(SharedTalk.text(chair.requests().getLast().messages().getLast()))
        .isEqualTo("user: hi\nB: b1\nA: a1\n\nWho speaks next?");
  }

  @Test
  void aChairThatChoosesNobodyOfTheChatIsSaidAndTheySpeakInTurn() {
    chair.enqueueText("Let us hear the cook.");
    a.enqueueText("a1");

    RunResult result = chat().chosenBy(chair).maxUtterances(1).build().run("hi", listener);

    assertThat(transcript(result)).endsWith("A: a1");
    assertThat(listener.notices())
        .containsExactly("The chair chose nobody of the chat; A speaks in turn.");
  }

  @Test
  void aMemberEndsItForEverybody() {
    a.enqueue(reply().call("e", "end_conversation", "{\"last_words\":\"That is settled.\"}"));

    RunResult result = chat().build().run("hi", listener);

    assertThat(transcript(result)).containsExactly("-: hi", "A: That is settled.");
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(result.text()).isEqualTo("That is settled.");
  }

  @Test
  void aPersonTakesPartAndLeaves() {
    a.enqueueText("a1").enqueueText("a2");
    b.enqueueText("b1").enqueueText("b2");
    var lines = new ArrayList<>(List.of("I am Ada."));
    GroupChat.Human ada =
        soFar -> lines.isEmpty() ? Optional.empty() : Optional.of(lines.removeFirst());

    RunResult result = chat().human("ada", ada).build().run("hi", listener);

    assertThat(transcript(result))
        .containsExactly("-: hi", "A: a1", "B: b1", "ada: I am Ada.", "A: a2", "B: b2");
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(SharedTalk.text(a.requests().getLast().messages().getLast()))
        .isEqualTo("B: b1\nada: I am Ada.");
  }

  @Test
  void aPersonWhoSaysNothingIsLeftBehindWhenTheChatIsCancelledOrItsTimeIsUp() {
    a.enqueueText("a1").enqueueText("a2");
    b.enqueueText("b1").enqueueText("b2");
    var cancellation = new Cancellation();
    GroupChat.Human silent =
        soFar -> {
          cancellation.cancel();
          Thread.sleep(Duration.ofMinutes(10));
          return Optional.empty();
        };
    RunResult cancelled =
        chat()
            .human("ada", silent)
            .build()
            .run(List.of(UserMessage.from("hi")), listener, cancellation);
    assertThat(cancelled.stopReason()).isEqualTo(StopReason.CANCELLED);
    assertThat(cancelled.text()).isEqualTo("b1");

    RunResult late =
        chat()
            .human("ada", silent)
            .limits(Limits.DEFAULT.withMaxTime(Duration.ofMillis(500)))
            .build()
            .run("hi", listener);
    assertThat(late.stopReason()).isEqualTo(StopReason.MAX_TIME);
  }

  @Test
  void aPersonWhoCannotBeReachedIsAFailure() {
    a.enqueueText("a1");
    b.enqueueText("b1");
    GroupChat.Human lost =
        soFar -> {
          throw new IllegalStateException("the line is dead");
        };
    RunResult result = chat().human("ada", lost).build().run("hi", listener);
    assertThat(result.stopReason()).isEqualTo(StopReason.ERROR);
    assertThat(result.error()).hasValue("the line is dead");
  }

  @Test
  void forAPersonWhoIsNotThereItWaits() {
    a.enqueueText("a1").enqueueText("a2");
    b.enqueueText("b1").enqueueText("b2");
    GroupChat chat = chat().human("ada").maxUtterances(5).build();

    RunResult waiting = chat.run("hi", listener);
    assertThat(waiting.stopReason()).isEqualTo(StopReason.SUSPENDED);
    assertThat(waiting.questions().getFirst().text()).isEqualTo("ada, it is your turn.");

    var next = new ArrayList<>(waiting.messages());
    next.add(UserMessage.from("ada", "I am Ada."));
    RunResult result = chat.run(next, listener, new Cancellation());
    assertThat(transcript(result))
        .containsExactly("-: hi", "A: a1", "B: b1", "ada: I am Ada.", "A: a2", "B: b2");
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TURNS);
  }

  @Test
  void aSessionKeepsTheChatAndGoesOnAfterACrash() throws Exception {
    Path file = folder.resolve("chat.jsonl");
    a.enqueueText("a1");
    b.enqueueText("b1");
    GroupChat chat = chat().human("ada").build();
    try (Session session = Session.open(file)) {
      assertThatThrownBy(
              () ->
                  chat.run(
                      session,
                      UserMessage.from("hi"),
                      event -> {
                        if (event instanceof AgentEvent.Handoff handoff
                            && handoff.to().equals("B")) {
                          throw new IllegalStateException("gone");
                        }
                      },
                      new Cancellation()))
          .hasMessage("gone");
    }
    try (Session session = Session.open(file)) {
      RunResult waiting = chat.resume(session, List.of(), listener, new Cancellation());
      assertThat(waiting.stopReason()).isEqualTo(StopReason.SUSPENDED);
      assertThat(transcript(waiting)).containsExactly("-: hi", "A: a1", "B: b1");
      a.enqueue(reply().text("Welcome, Ada.").call("e", "end_conversation", "{}"));
      RunResult result =
          chat.run(session, UserMessage.from("ada", "I am Ada."), listener, new Cancellation());
      assertThat(result.text()).isEqualTo("Welcome, Ada.");
    }
    try (Session session = Session.open(file)) {
      assertThat(session.messages().stream().map(SharedTalk::speaker).toList())
          .containsExactly(
              Optional.empty(),
              Optional.of("A"),
              Optional.of("B"),
              Optional.of("ada"),
              Optional.of("A"));
    }
    assertThat(a.requests()).hasSize(2);
  }

  @Test
  void theLimitsHoldForEverybodyTogether() {
    a.enqueueText("a1");
    RunResult result = chat().limits(Limits.DEFAULT.withMaxTokens(15)).build().run("hi", listener);
    assertThat(result.stopReason()).isEqualTo(StopReason.MAX_TOKENS);
    assertThat(b.requests()).isEmpty();
  }

  @Test
  void membersNeedNamesOfTheirOwn() {
    assertThatThrownBy(() -> chat().human("A").build()).hasMessageContaining("share a name");
    assertThatThrownBy(() -> GroupChat.builder().build()).hasMessageContaining(".agents(…)");
  }
}
