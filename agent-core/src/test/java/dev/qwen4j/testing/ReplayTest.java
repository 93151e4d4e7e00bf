package dev.qwen4j.testing;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.output.FinishReason;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.Answer;
import dev.qwen4j.agent.Approval;
import dev.qwen4j.agent.ContextPolicy;
import dev.qwen4j.agent.Decision;
import dev.qwen4j.agent.Hook;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Session;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Journals run again against the same agent, and against changed ones. */
class ReplayTest {
  private static final AgentListener NOBODY = event -> {};

  @TempDir private Path folder;
  private Path journal = Path.of("");
  private final AtomicInteger ran = new AtomicInteger();

  /** The tools of the agent that was recorded. */
  public final class Shop {
    @Tool("The price of a thing")
    String price(String thing) {
      ran.incrementAndGet();
      if (thing.equals("moon")) {
        throw new IllegalArgumentException("The moon is not for sale.");
      }
      return "x".repeat(thing.equals("book") ? 2000 : 0) + ran.get() + " coins";
    }
  }

  /** A tool that there was not. */
  public static final class Prizes {
    @Tool("Also a price")
    String prize(String thing) {
      return thing;
    }
  }

  /** The same tools after somebody changed their minds. */
  public static final class ChangedShop {
    @Tool("The price of a thing")
    String price(String thing, String currency) {
      return thing + currency;
    }
  }

  @BeforeEach
  void name() {
    journal = folder.resolve("journal.jsonl");
  }

  private Agent.Builder agent(ScriptedModel model) {
    return Agent.builder().model(model).toolsFrom(new Shop());
  }

  private RunResult record(Agent agent, String input) throws IOException {
    try (Session session = Session.open(journal)) {
      return agent.run(session, input, NOBODY, new Cancellation());
    }
  }

  private RunResult recordShopping() throws IOException {
    var model =
        new ScriptedModel()
            .enqueue(
                reply()
                    .thinking("Look.")
                    .call("price", "{\"thing\":\"tea\"}")
                    .call("price", "{\"thing\":\"moon\"}")
                    .call("prize", "{\"thing\":\"tea\"}"))
            .enqueueText("Tea is 1 coin.")
            .enqueueText("You are welcome.");
    record(agent(model).build(), "What is tea?");
    return record(agent(model).build(), "Thanks.");
  }

  private Replay.Report replay(Agent.Builder changed) throws IOException {
    int before = ran.get();
    Replay.Report report = Replay.of(journal).against(changed.build());
    assertThat(ran.get()).as("tools that ran").isEqualTo(before);
    return report;
  }

  @Test
  void theSameAgentDoesTheSame() throws IOException {
    recordShopping();
    Replay.Report report = replay(agent(new ScriptedModel()));
    assertThat(report.difference()).isEmpty();
    assertThat(report.runs()).isEqualTo(2);
    assertThat(report.messages()).isEqualTo(6);
  }

  /** Whose result is the answer. */
  private record Farewell() implements dev.qwen4j.tool.Tool {
    @Override
    public ToolSpecification specification() {
      return ToolSpecification.builder().name("farewell").build();
    }

    @Override
    public boolean endsRun() {
      return true;
    }

    @Override
    public ToolResult call(ToolCall call, ToolContext context) {
      return ToolResult.of("Goodbye.");
    }
  }

  @Test
  void aRunThatAToolEndedEndsThereAgain() throws IOException {
    var model = new ScriptedModel().enqueue(reply().call("farewell", "{}"));
    assertThat(record(agent(model).tool(new Farewell()).build(), "Bye.").text())
        .isEqualTo("Goodbye.");
    assertThat(replay(agent(new ScriptedModel()).tool(new Farewell())).difference()).isEmpty();
  }

  @Test
  void aChangedSchemaShowsWhereItsCallsFitNoMore() throws IOException {
    recordShopping();
    Replay.Report report =
        replay(Agent.builder().model(new ScriptedModel()).toolsFrom(new ChangedShop()));
    assertThat(report.difference().orElseThrow().toString())
        .startsWith("run 1, message 2")
        .contains("journal: result of price: 1 coins")
        .contains("now:     error of price: The arguments of 'price' do not fit.");
  }

  @Test
  void aStricterHookShows() throws IOException {
    recordShopping();
    Hook strict = Hook.onToolCall(call -> Hook.Verdict.block("The shop is closed."));
    assertThat(replay(agent(new ScriptedModel()).hook(strict)).difference().orElseThrow().found())
        .isEqualTo("error of price: Blocked: The shop is closed.");
  }

  @Test
  void aTighterLimitShows() throws IOException {
    recordShopping();
    Agent.Builder tight = agent(new ScriptedModel()).limits(Limits.DEFAULT.withMaxTurns(1));
    assertThat(replay(tight).difference().orElseThrow().found()).isEqualTo("ended as max_turns");
  }

  @Test
  void aToolThatIsNowAcceptedHasNoResultInTheJournal() throws IOException {
    recordShopping();
    Agent.Builder more = agent(new ScriptedModel()).toolsFrom(new Prizes());
    assertThat(replay(more).difference().orElseThrow().found())
        .isEqualTo("error of prize: (The journal has no result of this call: it was not made.)");
  }

  @Test
  void runsThatEndedAtALimitWithNothingToSayAreTheSameAgain() throws IOException {
    var model =
        new ScriptedModel()
            .enqueue(reply().call("price", "{\"thing\":\"tea\"}"))
            .otherwise(request -> reply());
    Agent.Builder agent = agent(model).limits(Limits.DEFAULT.withMaxTurns(1));
    assertThat(record(agent.build(), "Tea?").answered()).isFalse();
    assertThat(replay(agent).difference()).isEmpty();
  }

  @Test
  void anAnswerThatWasCutOffIsCutOffAgain() throws IOException {
    var model = new ScriptedModel().enqueue(reply().text("Tea is").finish(FinishReason.LENGTH));
    assertThat(record(agent(model).build(), "Tea?").stopReason()).isEqualTo(StopReason.MAX_TOKENS);
    assertThat(replay(agent(new ScriptedModel())).difference()).isEmpty();
  }

  @Test
  void aSuspendedRunGoesOnWithTheAnswersOfItsTime() throws IOException {
    Approval asking = (call, tool) -> new Decision.Ask("May it?");
    var model =
        new ScriptedModel()
            .enqueue(reply().call("price", "{\"thing\":\"tea\"}"))
            .enqueueText("It is 1.");
    Agent agent = agent(model).approval(asking).build();
    record(agent, "Tea?");
    try (Session session = Session.open(journal)) {
      var yes = new Answer(session.questions().getFirst(), new Decision.Allow());
      agent.resume(session, List.of(yes), NOBODY, new Cancellation());
    }
    assertThat(replay(agent(new ScriptedModel()).approval(asking)).difference()).isEmpty();
    assertThat(replay(agent(new ScriptedModel()).approval(Approval.allowAll())).difference())
        .as("an agent that does not ask comes to the same")
        .isEmpty();
    Approval never = (call, tool) -> new Decision.Deny("no.");
    assertThat(replay(agent(new ScriptedModel()).approval(never)).difference()).isPresent();
  }

  @Test
  void largeResultsAndForksAreReplayedFromWhatTheModelRead() throws IOException {
    var model =
        new ScriptedModel()
            .enqueue(reply().call("price", "{\"thing\":\"book\"}"))
            .enqueue(
                request -> {
                  String cut = request.messages().getLast().toString();
                  String id = cut.replaceAll("(?s).*\"id\":\"([0-9a-f]{12})\".*", "$1");
                  return reply().call("read_result", "{\"id\":\"" + id + "\",\"offset\":600}");
                })
            .enqueueText("A book is 1 coin.");
    ContextPolicy small = ContextPolicy.UNKNOWN.withLargestResult(500);
    record(agent(model).context(small).build(), "Book?");
    assertThat(replay(agent(new ScriptedModel()).context(small)).difference()).isEmpty();

    Path fork = folder.resolve("fork.jsonl");
    try (Session session = Session.open(journal)) {
      List<ChatMessage> all = session.messages();
      session.fork(fork, all.size()).close();
    }
    journal = fork;
    assertThat(replay(agent(new ScriptedModel())).difference()).isEmpty();
  }

  @Test
  void aCancelledRunIsTheSameAsFarAsItWent() throws IOException {
    var cancellation = new Cancellation();
    var model =
        new ScriptedModel()
            .enqueue(reply().call("price", "{\"thing\":\"tea\"}"))
            .enqueue(reply().text("It").then(cancellation::cancel).hang());
    try (Session session = Session.open(journal)) {
      agent(model).build().run(session, "Tea?", NOBODY, cancellation);
    }
    assertThat(replay(agent(new ScriptedModel())).difference()).isEmpty();
  }
}
