package dev.qwen4j.testing;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Session;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What every agent promises its users, whatever its model and its tools: run it against one's own,
 * from any test framework. The input should be one that the agent answers, better yet with a tool
 * call on the way; each check runs it once or twice.
 *
 * <pre>{@code
 * @TestFactory
 * Stream<DynamicTest> keepsTheContract() {
 *   return AgentContract.of(agent, "What is 6 * 7?").checks().stream()
 *       .map(check -> DynamicTest.dynamicTest(check.promise(), check::run));
 * }
 * }</pre>
 */
public final class AgentContract {
  private static final Duration SOON = Duration.ofSeconds(2);

  /**
   * One promise.
   *
   * @param promise in words
   */
  public record Check(String promise, Body body) {
    /**
     * Tries it.
     *
     * @throws AssertionError if the promise is not kept, with what was found
     */
    public void run() throws Exception {
      body.run();
    }
  }

  /** How a promise is tried. */
  @FunctionalInterface
  public interface Body {
    void run() throws Exception;
  }

  private final Agent agent;
  private final String input;

  private AgentContract(Agent agent, String input) {
    this.agent = agent;
    this.input = input;
  }

  /**
   * For an agent with its model.
   *
   * @param input what it is asked; it must be able to answer it, any number of times
   */
  public static AgentContract of(Agent agent, String input) {
    return new AgentContract(agent, input);
  }

  /** All promises, to be run one by one. */
  public List<Check> checks() {
    return List.of(
        new Check("a run answers", this::answers),
        new Check("events come in order, from RunStarted to RunFinished", this::eventsInOrder),
        new Check("what was streamed is what was said", this::streamsWhatItSays),
        new Check("every call has its result, in call order", this::callsHaveResults),
        new Check("what was said can be gone on with", this::goesOn),
        new Check("a session holds what the run said", this::sessionHoldsIt),
        new Check("a cancelled run ends soon, and says so", this::cancels),
        new Check("an interrupted run ends soon, still interrupted", this::isInterrupted),
        new Check("two runs at once do not disturb each other", this::runsTwice));
  }

  /**
   * Runs all checks.
   *
   * @throws AssertionError that names every promise that is not kept
   */
  public void verify() {
    var broken = new ArrayList<String>();
    for (Check check : checks()) {
      try {
        check.run();
      } catch (Exception | AssertionError e) {
        broken.add(check.promise() + ": " + (e.getMessage() == null ? e : e.getMessage()));
      }
    }
    if (!broken.isEmpty()) {
      throw new AssertionError("not kept:\n  " + String.join("\n  ", broken));
    }
  }

  private RunResult run(RecordingListener listener) {
    return agent.run(List.of(UserMessage.from(input)), listener, new Cancellation());
  }

  private void answers() {
    RunResult result = run(new RecordingListener());
    require(result.answered(), "it ended as " + result.stopReason().id() + ": " + result.text());
    require(!result.text().isBlank(), "the answer is empty");
    require(result.turns() > 0, "no turn was counted");
  }

  private void eventsInOrder() {
    var listener = new RecordingListener();
    RunResult result = run(listener);
    List<AgentEvent> events =
        listener.events().stream().filter(event -> event.agent().equals(agent.name())).toList();
    require(events.getFirst() instanceof AgentEvent.RunStarted, "first is " + events.getFirst());
    require(
        events.getLast() instanceof AgentEvent.RunFinished(String name, RunResult told)
            && told.equals(result),
        "last is " + events.getLast());
    int turns = 0;
    boolean inTurn = false;
    int calls = 0;
    for (AgentEvent event : events) {
      switch (event) {
        case AgentEvent.TurnStarted(String name, int turn) -> {
          turns++;
          require(!inTurn && turn == turns, "turn " + turn + " began as number " + turns);
          inTurn = true;
        }
        case AgentEvent.TurnFinished turn -> {
          require(inTurn && turn.turn() == turns, "turn " + turn.turn() + " ended unbegun");
          inTurn = false;
        }
        case AgentEvent.TextDelta text -> require(inTurn, "text outside of a turn: " + text);
        case AgentEvent.ThinkingDelta text -> require(inTurn, "a thought outside of a turn");
        case AgentEvent.ToolCallStarted call -> {
          require(!inTurn, "a call inside of a turn: " + call);
          calls++;
        }
        case AgentEvent.ToolCallFinished call -> calls--;
        case AgentEvent.RunStarted started -> {}
        case AgentEvent.RunFinished finished -> {}
        case AgentEvent.QuestionAsked asked -> {}
        case AgentEvent.Notice notice -> {}
        case AgentEvent.Handoff handoff -> {}
      }
    }
    require(calls == 0, calls + " more calls began than ended");
    require(turns <= result.turns(), turns + " turns were told, " + result.turns() + " counted");
  }

  private void streamsWhatItSays() {
    var listener = new RecordingListener();
    RunResult result = run(listener);
    require(
        listener.text().strip().endsWith(result.text().strip()),
        "streamed was '" + listener.text() + "', the answer is '" + result.text() + "'");
  }

  private void callsHaveResults() {
    requireWhole(run(new RecordingListener()).messages());
  }

  private static void requireWhole(List<ChatMessage> messages) {
    var open = new ArrayList<String>();
    for (ChatMessage message : messages) {
      if (message instanceof ToolExecutionResultMessage result) {
        require(
            !open.isEmpty() && open.removeFirst().equals(result.id()),
            "the result of " + result.id() + " is not where it belongs");
      } else {
        require(open.isEmpty(), "without results: " + open);
      }
      if (message instanceof AiMessage reply) {
        reply.toolExecutionRequests().stream().map(ToolExecutionRequest::id).forEach(open::add);
      }
    }
    require(open.isEmpty(), "without results: " + open);
  }

  private void goesOn() {
    var conversation = new ArrayList<>(run(new RecordingListener()).messages());
    conversation.add(UserMessage.from(input));
    RunResult second = agent.run(conversation, event -> {}, new Cancellation());
    require(
        second.messages().subList(0, conversation.size()).equals(conversation),
        "the second run changed what had been said");
    require(second.answered(), "it ended as " + second.stopReason().id() + ": " + second.text());
  }

  private void sessionHoldsIt() throws IOException {
    Path folder = Files.createTempDirectory("qwen4j-contract");
    Path file = folder.resolve("session.jsonl");
    try {
      List<ChatMessage> said;
      try (Session session = Session.open(file)) {
        said = agent.run(session, input, event -> {}, new Cancellation()).messages();
      }
      try (Session session = Session.openExisting(file)) {
        List<ChatMessage> kept = session.messages();
        require(
            said.subList(said.size() - kept.size(), said.size()).equals(kept),
            "said was " + said + ", kept is " + kept);
      }
    } finally {
      Files.deleteIfExists(file);
      Files.deleteIfExists(folder);
    }
  }

  private void cancels() {
    var cancellation = new Cancellation();
    long[] asked = new long[1];
    RunResult result =
        agent.run(
            List.of(UserMessage.from(input)),
            event -> {
              if (event instanceof AgentEvent.TurnStarted) {
                asked[0] = System.nanoTime();
                cancellation.cancel();
              }
            },
            cancellation);
    requireSoon(asked[0]);
    require(result.stopReason() == StopReason.CANCELLED, "it ended as " + result.stopReason().id());
    requireWhole(result.messages());
  }

  private static void requireSoon(long since) {
    Duration time = Duration.ofNanos(System.nanoTime() - since);
    require(time.compareTo(SOON) < 0, "it took " + time.toMillis() + " ms to end");
  }

  private void isInterrupted() throws InterruptedException {
    var ended = new AtomicReference<RunResult>();
    var interrupted = new AtomicReference<Boolean>(false);
    Thread thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  ended.set(
                      agent.run(
                          List.of(UserMessage.from(input)),
                          event -> {
                            if (event instanceof AgentEvent.TurnStarted) {
                              Thread.currentThread().interrupt();
                            }
                          },
                          new Cancellation()));
                  interrupted.set(Thread.currentThread().isInterrupted());
                });
    boolean isOver = thread.join(SOON.plus(SOON));
    require(isOver, "it did not end");
    RunResult result = ended.get();
    require(
        result != null && result.stopReason() == StopReason.CANCELLED,
        "it ended as " + (result == null ? "nothing" : result.stopReason().id()));
    require(interrupted.get(), "the thread was not interrupted any more");
  }

  private void runsTwice() throws InterruptedException {
    var results = new ArrayList<AtomicReference<RunResult>>();
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 2; i++) {
      var result = new AtomicReference<RunResult>();
      results.add(result);
      threads.add(Thread.ofVirtual().start(() -> result.set(run(new RecordingListener()))));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    for (AtomicReference<RunResult> result : results) {
      RunResult ended = result.get();
      require(ended != null && ended.answered(), "one of them did not answer: " + ended);
      if (ended != null) {
        requireWhole(ended.messages());
      }
    }
  }

  private static void require(boolean kept, String found) {
    if (!kept) {
      throw new AssertionError(found);
    }
  }
}
