package dev.qwen4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.tool.Cancellation;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A run on an endpoint that stops sending can be cancelled, whatever it waits for. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class HangingReadTest {
  private static final String NOTHING = "";
  private static final String HALF_AN_ANSWER =
      SocketServer.STREAM_HEAD
          + "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"So far\"}}]}\n\n";

  @Test
  void beforeTheAnswerBegins() throws Exception {
    assertThat(cancelled(NOTHING).text()).isEmpty();
  }

  @Test
  void inTheMiddleOfTheAnswer() throws Exception {
    assertThat(cancelled(HALF_AN_ANSWER).text()).isEqualTo("So far");
  }

  /** The server is silent until the test is over: only the cancellation can end the run. */
  private static RunResult cancelled(String answer) throws Exception {
    try (SocketServer server = SocketServer.thatHangsAfter(answer);
        HostedModel model = HostedModel.openAiCompatible(server.baseUrl(), "m")) {
      var cancellation = new Cancellation();
      var hanging = new CountDownLatch(answer.isEmpty() ? 1 : 2);
      Agent agent = Agent.builder().model(model.streamingChatModel()).build();
      try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
        var run =
            executor.submit(
                () ->
                    agent.run(
                        List.of(UserMessage.from("go")),
                        event -> {
                          switch (event) {
                            case AgentEvent.TurnStarted turn -> hanging.countDown();
                            case AgentEvent.TextDelta text -> hanging.countDown();
                            default -> {}
                          }
                        },
                        cancellation));
        awaitHanging(server, hanging);
        cancellation.cancel();
        RunResult result = run.get();
        assertThat(result.stopReason()).isEqualTo(StopReason.CANCELLED);
        return result;
      }
    }
  }

  private static void awaitHanging(SocketServer server, CountDownLatch hanging)
      throws InterruptedException {
    hanging.await();
    server.awaitAnswered();
  }
}
