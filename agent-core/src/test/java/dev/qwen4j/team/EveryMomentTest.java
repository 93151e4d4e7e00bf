package dev.qwen4j.team;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A journal that ends after any of its lines, as a kill between two writes leaves it: the run goes
 * on from there to the same answer, and no tool runs twice.
 */
class EveryMomentTest {
  private static final String TASK = "Pay the invoice";

  @TempDir private Path folder;

  /** Runs in a session. */
  private interface Step {
    RunResult in(Session session, RecordingListener listener);
  }

  /** Something that can be begun in a session, and gone on with. */
  private record Work(Step begin, Step goOn) {}

  /** A kind of work, made anew for every process. */
  private record Kind(String name, Function<NoteTool, Work> with) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Kind> kinds() {
    return Stream.of(
        new Kind("an agent", pay -> of(payer("main", pay))),
        new Kind("an agent with another one as its tool", EveryMomentTest::nested),
        new Kind("a team", EveryMomentTest::team),
        new Kind("a router", EveryMomentTest::router),
        new Kind("a group chat", EveryMomentTest::chat));
  }

  /** Pays, and answers once there is a result. */
  private static Agent payer(String name, NoteTool pay) {
    return Agent.builder()
        .name(name)
        .model(
            new ScriptedModel()
                .otherwise(
                    request ->
                        results(request) > 0
                            ? reply().text("Done by " + name + ".")
                            : reply().text("I pay.").call("p1", "pay", "{\"x\":\"7\"}")))
        .tool(pay)
        .build();
  }

  private static long results(ChatRequest request) {
    return request.messages().stream().filter(ToolExecutionResultMessage.class::isInstance).count();
  }

  private static Work of(Agent agent) {
    return new Work(
        (session, listener) -> agent.run(session, TASK, listener, new Cancellation()),
        (session, listener) -> agent.resume(session, List.of(), listener, new Cancellation()));
  }

  private static Work nested(NoteTool pay) {
    var model =
        new ScriptedModel()
            .otherwise(
                request ->
                    results(request) > 0
                        ? reply().text("The helper is done.")
                        : reply().call("h1", "helper", "{\"task\":\"Pay\"}"));
    return of(Agent.builder().model(model).tool(payer("helper", pay).asTool()).build());
  }

  private static Work team(NoteTool pay) {
    var triage =
        new ScriptedModel()
            .otherwise(
                request ->
                    reply()
                        .call("t1", "transfer_to_billing", "{\"reason\":\"r\",\"message\":\"m\"}"));
    Team team =
        Team.builder()
            .agents(Agent.builder().name("triage").model(triage).build(), payer("billing", pay))
            .build();
    return new Work(
        (session, listener) -> team.run(session, TASK, listener, new Cancellation()),
        (session, listener) -> team.resume(session, List.of(), listener, new Cancellation()));
  }

  private static Work router(NoteTool pay) {
    var chooser =
        new ScriptedModel()
            .otherwise(request -> reply().call("c1", "route", "{\"agent\":\"billing\"}"));
    var nobody = new ScriptedModel(); // Fails if asked.
    Router router =
        Router.builder()
            .model(chooser)
            .agents(Agent.builder().name("sales").model(nobody).build(), payer("billing", pay))
            .build();
    return new Work(
        (session, listener) -> router.run(session, TASK, listener, new Cancellation()),
        (session, listener) -> router.resume(session, List.of(), listener, new Cancellation()));
  }

  private static Work chat(NoteTool pay) {
    var closer =
        new ScriptedModel()
            .otherwise(
                request -> reply().call("e1", "end_conversation", "{\"last_words\":\"Thanks.\"}"));
    GroupChat chat =
        GroupChat.builder()
            .agents(payer("billing", pay), Agent.builder().name("boss").model(closer).build())
            .build();
    return new Work(
        (session, listener) ->
            chat.run(session, UserMessage.from(TASK), listener, new Cancellation()),
        (session, listener) -> chat.resume(session, List.of(), listener, new Cancellation()));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void theRunGoesOnToTheSameAnswerAndPaysOnce(Kind kind) throws Exception {
    Path whole = folder.resolve("whole.jsonl");
    RunResult undisturbed;
    var paid = new NoteTool("pay", true);
    try (Session session = Session.open(whole)) {
      undisturbed = kind.with().apply(paid).begin().in(session, new RecordingListener());
    }
    assertThat(undisturbed.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(paid.calls).hasSize(1);

    List<String> lines = Files.readAllLines(whole);
    for (int kept = 1; kept < lines.size(); kept++) { // With the last one there is nothing left.
      Path file = folder.resolve(kept + ".jsonl");
      String torn = lines.get(kept).substring(0, lines.get(kept).length() / 2);
      Files.writeString(file, String.join("\n", lines.subList(0, kept)) + "\n" + torn);
      var pay = new NoteTool("pay", true);
      var listener = new RecordingListener();
      String after = "after " + kept + " lines, the last " + lines.get(kept - 1);
      try (Session session = Session.open(file)) {
        Work work = kind.with().apply(pay);
        boolean isNew = session.messages().isEmpty();
        RunResult result = (isNew ? work.begin() : work.goOn()).in(session, listener);
        assertThat(result.stopReason()).as(after).isEqualTo(StopReason.ANSWER);
        assertThat(result.text()).as(after).isEqualTo(undisturbed.text());
        assertThat(listener.events().getLast())
            .as(after)
            .isInstanceOfSatisfying(
                AgentEvent.RunFinished.class, end -> assertThat(end.isNested()).isFalse());
        assertThat(session.end()).as(after).isPresent();
      }
      boolean hadBegun =
          lines.subList(0, kept).stream().anyMatch(line -> line.contains("\"call\":\"p1\""));
      boolean isTold = // That the helper may have paid: whether it had begun is not known.
          Files.readAllLines(file).stream()
              .anyMatch(line -> line.contains("Interrupted: ") && line.contains("\"helper\""));
      assertThat(pay.calls.size()).as(after).isEqualTo(hadBegun || isTold ? 0 : 1);
    }
  }

  @Test
  void aReplyThatWasCancelledInTheMiddleIsAskedForAgain() throws Exception {
    Path file = folder.resolve("cancelled.jsonl");
    var cancellation = new Cancellation();
    var model =
        new ScriptedModel()
            .enqueue(reply().text("It is 4").then(cancellation::cancel).hang())
            .enqueueText("It is 42.");
    Agent agent = Agent.builder().model(model).build();
    try (Session session = Session.open(file)) {
      RunResult first = agent.run(session, "6 * 7?", event -> {}, cancellation);
      assertThat(first.stopReason()).isEqualTo(StopReason.CANCELLED);
      assertThat(first.text()).isEqualTo("It is 4");
    }
    try (Session session = Session.open(file)) {
      RunResult second = agent.resume(session, List.of(), event -> {}, new Cancellation());
      assertThat(second.text()).isEqualTo("It is 42.");
      assertThat(model.requests().getLast().messages()).as("the torn reply").hasSize(1);
      assertThat(session.messages()).hasSize(2);
    }
  }

  @Test
  void aMemberThatWasCancelledInTheMiddleOfItsAnswerGoesOn() throws Exception {
    Path file = folder.resolve("cancelled-team.jsonl");
    var cancellation = new Cancellation();
    var model =
        new ScriptedModel()
            .enqueue(reply().text("It is 4").then(cancellation::cancel).hang())
            .enqueueText("It is 42.");
    Team team = Team.builder().agents(Agent.builder().name("only").model(model).build()).build();
    try (Session session = Session.open(file)) {
      RunResult first = team.run(session, "6 * 7?", event -> {}, cancellation);
      assertThat(first.stopReason()).isEqualTo(StopReason.CANCELLED);
    }
    try (Session session = Session.open(file)) {
      RunResult second = team.resume(session, List.of(), event -> {}, new Cancellation());
      assertThat(second.stopReason()).isEqualTo(StopReason.ANSWER);
      assertThat(second.text()).isEqualTo("It is 42.");
    }
  }
}
