package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.qwen4j.agent.Hook.Verdict;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolResult;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CancellationTest {
  @TempDir private Path folder;
  private Cancellation cancellation = new Cancellation();
  private final RecordingListener listener = new RecordingListener();
  private volatile CountDownLatch hanging = new CountDownLatch(1);
  private final CountDownLatch over = new CountDownLatch(1);

  @AfterEach
  void letHangingThreadsEnd() {
    over.countDown();
  }

  private RunResult run(Agent.Builder agent) {
    return agent.build().run(List.of(UserMessage.from("go")), listener, cancellation);
  }

  /**
   * Runs until it hangs, cancels it, and waits for its end, which nothing else would bring: what
   * hangs goes on until the test is over. {@code bench/cancel} says how long that takes.
   */
  private RunResult cancelledWhenHanging(Callable<RunResult> run) throws Exception {
    var running = new FutureTask<>(run);
    Thread.ofVirtual().start(running);
    assertThat(hanging.await(60, TimeUnit.SECONDS)).isTrue();
    cancellation.cancel();
    RunResult result = running.get(60, TimeUnit.SECONDS);
    assertThat(result.stopReason()).isEqualTo(StopReason.CANCELLED);
    assertThat(listener.events().getLast()).isInstanceOf(AgentEvent.RunFinished.class);
    return result;
  }

  /** Waits in a way that no interruption ends, until the test is over. */
  private void hangWhatever() {
    hanging.countDown();
    boolean interrupted = false;
    while (true) {
      try {
        over.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aModelThatNeverCallsBackIsLeftBehind() throws Exception {
    StreamingChatModel deaf = model((request, handler) -> hangWhatever());
    cancelledWhenHanging(() -> run(Agent.builder().model(deaf)));
  }

  @Test
  void theTextSoFarIsKeptAndLateTextIsDropped() throws Exception {
    var late = new CountDownLatch(1);
    StreamingChatModel model =
        model(
            (request, handler) -> {
              handler.onPartialResponse("so far");
              hangWhatever();
              handler.onPartialResponse(" too late");
              handler.onCompleteResponse(
                  ChatResponse.builder().aiMessage(AiMessage.from("so far too late")).build());
              late.countDown();
            });
    RunResult result = cancelledWhenHanging(() -> run(Agent.builder().model(model)));
    assertThat(result.text()).isEqualTo("so far");
    assertThat(result.messages().getLast()).isEqualTo(AiMessage.from("so far"));
    over.countDown();
    assertThat(late.await(60, TimeUnit.SECONDS)).isTrue();
    assertThat(listener.events().getLast()).isInstanceOf(AgentEvent.RunFinished.class);
  }

  @Test
  void aStreamIsCancelledThroughItsHandle() throws Exception {
    var cancelled = new CountDownLatch(1);
    StreamingHandle handle =
        new StreamingHandle() {
          @Override
          public void cancel() {
            cancelled.countDown();
          }

          @Override
          public boolean isCancelled() {
            return cancelled.getCount() == 0;
          }
        };
    StreamingChatModel model =
        model(
            (request, handler) -> { // Returns at once, as asynchronous clients do.
              handler.onPartialResponse(
                  new PartialResponse("a"), new PartialResponseContext(handle));
              hanging.countDown();
            });
    cancelledWhenHanging(() -> run(Agent.builder().model(model)));
    assertThat(cancelled.await(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aToolThatIgnoresInterruptionIsLeftBehindAndItsCallIsAnswered() throws Exception {
    var told = new CountDownLatch(1);
    var tool =
        TestTool.looking(
            "hang",
            (call, context) -> {
              context.cancellation().onCancel(told::countDown);
              hangWhatever();
              return ToolResult.of("never seen");
            });
    var model = new ScriptedModel().otherwise(r -> reply().call("hang", "{}").call("hang", "{}"));
    RunResult result = cancelledWhenHanging(() -> run(Agent.builder().model(model).tool(tool)));
    over.countDown();
    assertThat(told.await(60, TimeUnit.SECONDS)).isTrue();
    assertThat(result.messages())
        .filteredOn(ToolExecutionResultMessage.class::isInstance)
        .hasSize(2)
        .allSatisfy(
            message ->
                assertThat(((ToolExecutionResultMessage) message).text())
                    .startsWith("Interrupted: the run was cancelled"));
  }

  @Test
  void anApprovalThatWaitsForAPersonIsLeftBehind() throws Exception {
    var model = new ScriptedModel().otherwise(r -> reply().call("upper", "{\"x\":\"a\"}"));
    cancelledWhenHanging(
        () ->
            run(
                Agent.builder()
                    .model(model)
                    .tool(TestTool.upper())
                    .approval(
                        (call, tool) -> {
                          hangWhatever();
                          return new Decision.Allow();
                        })));
  }

  @Test
  void aCallIsNotMadeWhenTheRunIsCancelledWhileItsNeighbourIsAskedAbout() throws Exception {
    var model =
        new ScriptedModel()
            .otherwise(r -> reply().call("a", "pay", "{}").call("b", "pay", "{\"x\":\"b\"}"));
    TestTool pay = TestTool.changing("pay", (call, context) -> ToolResult.of("paid"));
    RunResult result =
        cancelledWhenHanging(
            () ->
                run(
                    Agent.builder()
                        .model(model)
                        .tool(pay)
                        .approval(
                            (call, tool) -> {
                              if (call.id().equals("b")) {
                                hangWhatever();
                              }
                              return new Decision.Allow();
                            })));
    assertThat(pay.calls).isEmpty();
    assertThat(result.messages())
        .filteredOn(ToolExecutionResultMessage.class::isInstance)
        .hasSize(2)
        .allSatisfy(
            message ->
                assertThat(((ToolExecutionResultMessage) message).text())
                    .isEqualTo("Interrupted: the run was cancelled before this call was made."));
  }

  @Test
  void aHookThatHangsIsLeftBehindAtEachStep() throws Exception {
    for (String step : List.of("run", "model", "reply", "call", "result")) {
      hanging = new CountDownLatch(1);
      cancellation = new Cancellation();
      var model = new ScriptedModel().otherwise(r -> reply().call("upper", "{\"x\":\"a\"}"));
      Agent.Builder agent =
          Agent.builder().model(model).tool(TestTool.upper()).hook(hangingAt(step));
      RunResult result = cancelledWhenHanging(() -> run(agent));
      assertThat(result.text()).as(step).isEmpty();
      assertThat(model.requests())
          .as(step)
          .hasSize(step.equals("run") || step.equals("model") ? 0 : 1);
    }
  }

  @Test
  void aHookThatHangsEndsWithTheTimeOfTheRun() {
    for (String step : List.of("run", "model", "reply", "call", "result")) {
      var model = new ScriptedModel().otherwise(r -> reply().call("upper", "{\"x\":\"a\"}"));
      RunResult result =
          run(
              Agent.builder()
                  .model(model)
                  .tool(TestTool.upper())
                  .limits(Limits.DEFAULT.withMaxTime(Duration.ofMillis(300)))
                  .hook(hangingAt(step)));
      assertThat(result.stopReason()).as(step).isEqualTo(StopReason.MAX_TIME);
    }
  }

  @Test
  void aHookThatHangsWhileAnAnswerIsCheckedLeavesTheQuestionOpen() throws Exception {
    var armed = new AtomicBoolean();
    Hook hook =
        new Hook() {
          @Override
          public Verdict<ToolCall> beforeTool(ToolCall call) {
            if (armed.get()) {
              hangWhatever();
            }
            return Verdict.pass();
          }
        };
    var model = new ScriptedModel().enqueue(reply().call("1", "pay", "{\"x\":\"a\"}"));
    TestTool pay = TestTool.changing("pay", (call, context) -> ToolResult.of("paid"));
    Agent agent =
        Agent.builder()
            .model(model)
            .tool(pay)
            .hook(hook)
            .approval(ApprovalRules.parse("{\"otherwise\":\"ask_changes\"}"))
            .build();
    Agent hasty =
        agent.toBuilder().limits(Limits.DEFAULT.withMaxTime(Duration.ofMillis(300))).build();
    try (Session session = Session.open(folder.resolve("s"))) {
      RunResult asked = agent.run(session, "go", listener, cancellation);
      var answer = List.of(new Answer(asked.questions().getFirst(), new Decision.Allow()));
      armed.set(true);
      RunResult result =
          cancelledWhenHanging(() -> agent.resume(session, answer, listener, cancellation));
      assertThat(result.messages()).isEqualTo(asked.messages());
      assertThat(session.questions()).isEqualTo(asked.questions());

      hanging = new CountDownLatch(1);
      cancellation = new Cancellation();
      cancelledWhenHanging(() -> agent.resume(asked.messages(), answer, listener, cancellation));

      RunResult late = hasty.resume(session, answer, listener, new Cancellation());
      assertThat(late.stopReason()).isEqualTo(StopReason.MAX_TIME);
      assertThat(late.text()).isEqualTo("A check did not end in time.");
      assertThat(hasty.resume(asked.messages(), answer, listener, new Cancellation()).stopReason())
          .isEqualTo(StopReason.MAX_TIME);
      assertThat(session.questions()).isEqualTo(asked.questions());
      assertThat(pay.calls).isEmpty();

      armed.set(false);
      model.enqueueText("Done.");
      assertThat(agent.resume(session, answer, listener, new Cancellation()).text())
          .isEqualTo("Done.");
      assertThat(pay.calls).hasSize(1);
    }
  }

  private Hook hangingAt(String where) {
    return new Hook() {
      private <T> Verdict<T> at(String step) {
        if (step.equals(where)) {
          hangWhatever();
        }
        return Verdict.pass();
      }

      @Override
      public Verdict<String> beforeRun(String input) {
        return at("run");
      }

      @Override
      public Verdict<ChatRequest> beforeModel(ChatRequest request) {
        return at("model");
      }

      @Override
      public Verdict<AiMessage> afterReply(AiMessage reply) {
        return at("reply");
      }

      @Override
      public Verdict<ToolCall> beforeTool(ToolCall call) {
        return at("call");
      }

      @Override
      public Verdict<ToolResult> afterTool(ToolCall call, ToolResult result) {
        return at("result");
      }
    };
  }

  @Test
  void interruptingTheThreadCancelsTheRunAndLeavesItInterrupted() throws Exception {
    var model = new ScriptedModel().enqueue(reply().then(hanging::countDown).hang());
    var result = new RunResult[1];
    var stillInterrupted = new boolean[1];
    Thread thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  result[0] = run(Agent.builder().model(model));
                  stillInterrupted[0] = Thread.currentThread().isInterrupted();
                });
    assertThat(hanging.await(60, TimeUnit.SECONDS)).isTrue();
    assertThat(threads()).contains("qwen4j-model");
    thread.interrupt();
    assertThat(thread.join(Duration.ofSeconds(60))).isTrue();
    assertThat(result[0].stopReason()).isEqualTo(StopReason.CANCELLED);
    assertThat(stillInterrupted[0]).isTrue();
    assertThat(cancellation.isCancelled()).as("the caller's own token").isFalse();
    assertNoThreadsAreLeft();
  }

  @Test
  void aRunThatIsCancelledBeforehandAsksNobody() {
    cancellation.cancel();
    var model = new ScriptedModel();
    RunResult result = run(Agent.builder().model(model));
    assertThat(result.stopReason()).isEqualTo(StopReason.CANCELLED);
    assertThat(model.requests()).isEmpty();
  }

  @Test
  void aThousandRunsOfOneAgentDoNotDisturbEachOtherAndLeaveNoThreads() throws Exception {
    var model = new ScriptedModel();
    model.otherwise(
        request -> {
          String last = request.messages().getLast().toString();
          String input = ((UserMessage) request.messages().getFirst()).singleText();
          return request.messages().size() == 1
              ? reply().call("upper", "{\"x\":\"" + input + "\"}")
              : reply()
                  .text(last.contains(input.toUpperCase(Locale.ROOT)) ? "ok " + input : "lost");
        });
    Agent agent = Agent.builder().model(model).tool(TestTool.upper()).build();
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> runs =
          IntStream.range(0, 1000)
              .mapToObj(i -> executor.submit(() -> agent.run("task" + i).text()))
              .toList();
      for (int i = 0; i < runs.size(); i++) {
        assertThat(get(runs.get(i))).isEqualTo("ok task" + i);
      }
    }
    assertNoThreadsAreLeft();
  }

  private void assertNoThreadsAreLeft() throws Exception {
    for (int i = 0; i < 600 && threads().contains("qwen4j-"); i++) {
      Thread.sleep(50);
    }
    assertThat(threads()).doesNotContain("qwen4j-");
  }

  /** Virtual threads show up nowhere else but in a thread dump. */
  private String threads() throws Exception {
    Path dump = Files.createTempDirectory(folder, "threads").resolve("dump");
    ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
        .dumpThreads(dump.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
    return Files.readString(dump);
  }

  private static String get(Future<String> future) throws InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
  }

  private interface Script {
    void play(ChatRequest request, StreamingChatResponseHandler handler);
  }

  private static StreamingChatModel model(Script script) {
    return new StreamingChatModel() {
      @Override
      public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        script.play(request, handler);
      }
    };
  }
}
