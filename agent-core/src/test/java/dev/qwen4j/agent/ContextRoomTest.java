package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.model.ModelException;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Long runs in small windows. */
class ContextRoomTest {
  private static final int TURNS = 60;
  private static final String QUESTION = "Which of the 60 files holds the word heron?";

  @TempDir private Path folder;
  private final ScriptedModel model = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();

  private static int tokens(ChatRequest request) {
    return RoughTokenCount.INSTANCE.estimateTokenCountInMessages(request.messages());
  }

  private static boolean isSummary(ChatRequest request) {
    return request.messages().getFirst() instanceof SystemMessage system
        && system.text().startsWith("You summarise");
  }

  private static ScriptedModel.Reply priced(ChatRequest request, ScriptedModel.Reply reply) {
    return reply.usage(new TokenUsage(tokens(request), 20));
  }

  /** Looks at one file after the other, and answers. */
  private void manyTurns(Function<ChatRequest, ScriptedModel.Reply> summary) {
    int[] next = {0};
    model.otherwise(
        request -> {
          if (isSummary(request)) {
            return priced(request, summary.apply(request));
          }
          next[0]++;
          return priced(
              request,
              next[0] > TURNS
                  ? reply().text("It is file 17.")
                  : reply().call("look", "{\"x\":\"file " + next[0] + "\"}"));
        });
  }

  private Agent.Builder agent(int window) {
    return Agent.builder()
        .model(model)
        .instructions("Be careful.")
        .tool(
            TestTool.looking(
                "look",
                (call, context) ->
                    ToolResult.of((call.arguments().string("x") + " holds words. ").repeat(60))))
        .context(ContextPolicy.ofWindow(window).withResultFolder(folder))
        .limits(Limits.DEFAULT.withMaxTurns(200).withMaxToolCalls(200));
  }

  private static void assertWellFormed(List<ChatMessage> messages) {
    Set<String> open = new HashSet<>();
    for (ChatMessage message : messages) {
      if (message instanceof ToolExecutionResultMessage result) {
        assertThat(open.remove(result.id())).isTrue();
      } else {
        assertThat(open).isEmpty();
      }
      if (message instanceof AiMessage reply) {
        reply.toolExecutionRequests().forEach(call -> open.add(call.id()));
      }
    }
    assertThat(open).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {2_000, 4_096, 16_384})
  void aLongRunStaysWithinItsWindowAndKeepsItsQuestion(int window) {
    manyTurns(request -> reply().text("Files were looked at; no heron yet."));
    RunResult result = agent(window).build().run(QUESTION, listener);
    assertThat(result.text()).isEqualTo("It is file 17.");
    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    for (ChatRequest request : model.requests()) {
      assertThat(tokens(request)).isLessThan(window);
      assertWellFormed(request.messages());
      if (!isSummary(request)) {
        assertThat(request.messages()).contains(UserMessage.from(QUESTION));
        assertThat(request.messages().getFirst()).isEqualTo(SystemMessage.from("Be careful."));
      }
    }
    assertThat(listener.notices()).anyMatch(text -> text.startsWith("Made room"));
    assertThat(result.spent().turns()).isEqualTo(model.requests().size());
  }

  @Test
  void oldResultsGoFirstAndNoSummaryIsAskedForWhenThatIsEnough() {
    manyTurns(
        request -> {
          throw new AssertionError("a summary was asked for");
        });
    agent(8_192).limits(Limits.DEFAULT.withMaxTurns(30)).build().run(QUESTION, listener);
    assertThat(listener.notices()).anyMatch(text -> text.startsWith("Made room"));
    assertThat(model.requests()).noneMatch(ContextRoomTest::isSummary);
    List<ChatMessage> last =
        model.requests().stream()
            .filter(request -> !request.toolSpecifications().isEmpty())
            .reduce((first, second) -> second)
            .orElseThrow()
            .messages();
    assertThat(last).filteredOn(AiMessage.class::isInstance).hasSize(29); // All calls are there.
    List<String> results =
        last.stream()
            .filter(ToolExecutionResultMessage.class::isInstance)
            .map(message -> ((ToolExecutionResultMessage) message).text())
            .toList();
    assertThat(results.getFirst()).contains("was removed to save room");
    assertThat(results.getLast()).startsWith("file 29 holds words.");
  }

  @Test
  void betweenTwoCompactionsEachRequestBeginsWithTheOneBefore() {
    manyTurns(request -> reply().text("So far nothing."));
    agent(8_000).build().run(QUESTION, listener);
    int changes = 0;
    List<ChatMessage> before = List.of();
    for (ChatRequest request : model.requests()) {
      if (isSummary(request)) {
        continue;
      }
      List<ChatMessage> now = request.messages();
      boolean extended =
          now.size() >= before.size() && now.subList(0, before.size()).equals(before);
      changes += extended ? 0 : 1;
      before = now;
    }
    assertThat(changes).isBetween(1, 8);
  }

  @Test
  void aSummaryThatFailsOrIsTooLongDoesNotStopTheRun() {
    manyTurns(request -> reply().fail(new ModelException("overloaded")));
    assertThat(agent(4_096).build().run(QUESTION, listener).text()).isEqualTo("It is file 17.");
    manyTurns(request -> reply().text("blah ".repeat(20_000)));
    assertThat(agent(4_096).build().run(QUESTION, listener).text()).isEqualTo("It is file 17.");
  }

  @Test
  void pinnedMessagesStayWordForWord() {
    manyTurns(request -> reply().text("So far nothing."));
    UserMessage rule = UserMessage.from("PINNED: never mention owls.");
    agent(4_096)
        .context(
            ContextPolicy.ofWindow(4_096)
                .withPinned(message -> Transcript.text(message).startsWith("PINNED")))
        .build()
        .run(
            List.of(rule, AiMessage.from("Understood."), UserMessage.from(QUESTION)),
            listener,
            new Cancellation());
    assertThat(model.requests())
        .filteredOn(request -> !isSummary(request))
        .allSatisfy(request -> assertThat(request.messages()).contains(rule));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rejected (400): This model's maximum context length is 3000 tokens. However, you"
            + " requested 9000 tokens.",
        "rejected (400): Range of input length should be [1, 3000]",
        "the prompt has 9000 tokens, the context is 3000: shorten the conversation",
        "rejected (400): the request exceeds the available context size (3000 tokens)",
        "rejected (400): context_length_exceeded",
        "rejected (400): input is too long for this model"
      })
  void aHostThatSaysThePromptIsTooLongGetsAShorterOne(String complaint) {
    manyTurns(request -> reply().text("So far nothing."));
    Agent unknown = agent(4_096).context(ContextPolicy.UNKNOWN).build();
    var small = new ScriptedModel();
    small.otherwise(
        request -> {
          if (tokens(request) > 3_000) {
            return reply().fail(new ModelException(complaint, 400, null, null, null));
          }
          long looked =
              request.messages().stream()
                  .filter(ToolExecutionResultMessage.class::isInstance)
                  .count();
          return isSummary(request)
              ? reply().text("So far nothing.")
              : small.requests().size() > 40
                  ? reply().text("It is file 17.")
                  : reply().call("look", "{\"x\":\"" + looked + small.requests().size() + "\"}");
        });
    RunResult result =
        Agent.builder()
            .model(small)
            .tools(unknown.tools())
            .limits(Limits.DEFAULT.withMaxTurns(200).withMaxToolCalls(200))
            .build()
            .run(QUESTION, listener);
    assertThat(result.error()).isEmpty();
    assertThat(result.text()).isEqualTo("It is file 17.");
  }

  @Test
  void aHostThatRefusesCallsThatAreMuchAlikeGetsASummaryOfThem() {
    var complained = new boolean[1];
    model.otherwise(
        request -> {
          if (isSummary(request)) {
            return reply().text("Files 1 to 9 have no heron.");
          }
          long calls = request.messages().stream().filter(AiMessage.class::isInstance).count();
          if (calls == 9) {
            complained[0] = true;
            return reply()
                .fail(
                    new ModelException(
                        "<400> InternalError.Algo.InvalidParameter: Repetitive tool calls detected"
                            + " in the conversation history",
                        new IllegalArgumentException()));
          }
          return complained[0]
              ? reply().text("None of them.")
              : reply().call("look", "{\"x\":\"file " + calls + "\"}");
        });
    RunResult result =
        agent(1_000_000)
            .build()
            .run(List.of(UserMessage.from(QUESTION)), listener, new Cancellation());
    assertThat(result.text()).isEqualTo("None of them.");
    assertThat(result.messages().toString()).contains(QUESTION, "Files 1 to 9 have no heron.");
    assertThat(listener.notices()).anyMatch(text -> text.startsWith("Made room"));
  }

  @Test
  void aHostThatAlwaysComplainsIsNotAskedForEver() {
    var failure = new ModelException("maximum context length is 600 tokens", 400, null, null, null);
    model.otherwise(request -> reply().fail(failure));
    var history = new ArrayList<ChatMessage>();
    for (int i = 0; i < 40; i++) {
      history.add(UserMessage.from("Question " + i + " " + "word ".repeat(50)));
      history.add(AiMessage.from("Answer " + i + " " + "word ".repeat(50)));
    }
    history.add(UserMessage.from(QUESTION));
    RunResult result =
        Agent.builder().model(model).build().run(history, listener, new Cancellation());
    assertThat(result.stopReason()).isEqualTo(StopReason.ERROR);
    assertThat(result.failure()).isSameAs(failure);
    assertThat(model.requests()).hasSizeLessThan(20);
  }

  @Test
  void aSessionGoesOnWithTheSummary() throws IOException {
    manyTurns(request -> reply().text("So far nothing."));
    Path file = folder.resolve("session");
    List<ChatMessage> after;
    try (Session session = Session.open(file)) {
      RunResult result = agent(4_096).build().run(session, QUESTION, listener, new Cancellation());
      after = result.messages().subList(1, result.messages().size());
    }
    try (Session session = Session.open(file)) {
      assertThat(session.messages()).isEqualTo(after);
      assertThat(session.messages()).anyMatch(ContextRoom::isSummary);
    }
  }
}
