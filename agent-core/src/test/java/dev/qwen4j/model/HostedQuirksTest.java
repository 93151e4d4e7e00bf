package dev.qwen4j.model;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static org.assertj.core.api.Assertions.assertThat;

import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import com.github.tomakehurst.wiremock.junit5.WireMockExtension;
import com.github.tomakehurst.wiremock.stubbing.Scenario;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.openai.OpenAiTokenUsage;
import dev.langchain4j.model.output.FinishReason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * What servers of Qwen were seen to do with their streams, one case each, through the whole client.
 * Those that end in an error are in {@link HostedFailureTest}.
 */
class HostedQuirksTest {
  private static final String DONE = "data: [DONE]\n\n";
  private static final String STOP = finish("stop");

  @RegisterExtension
  static final WireMockExtension SERVER =
      WireMockExtension.newInstance()
          .options(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"))
          .build();

  private static String finish(String reason) {
    return "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" + reason + "\"}]}";
  }

  private static String delta(String delta) {
    return "{\"choices\":[{\"index\":0,\"delta\":" + delta + "}]}";
  }

  private static String call(String fields) {
    return delta("{\"tool_calls\":[{" + fields + "}]}");
  }

  private static String stream(String... events) {
    var stream = new StringBuilder();
    for (String event : events) {
      stream.append("data: ").append(event).append("\n\n");
    }
    return stream.toString();
  }

  private static void serve(String stream) {
    SERVER.stubFor(
        post(anyUrl()).willReturn(ok(stream).withHeader("Content-Type", "text/event-stream")));
  }

  private static HostedModel.Builder model() {
    return HostedModel.builder()
        .baseUrl("http://127.0.0.1:" + SERVER.getPort() + "/v1")
        .modelName("qwen")
        .environment(name -> null)
        .maxRetries(0);
  }

  private static RecordedReply ask(HostedModel.Builder builder) {
    try (HostedModel model = builder.build()) {
      var reply = new RecordedReply();
      model
          .streamingChatModel()
          .chat(
              ChatRequest.builder()
                  .messages(UserMessage.from("Weather?"))
                  .toolSpecifications(
                      ToolSpecification.builder().name("look").build(),
                      ToolSpecification.builder().name("now").build())
                  .build(),
              reply);
      return reply;
    }
  }

  private static ChatResponse answer(String stream) {
    serve(stream);
    return ask(model()).response();
  }

  /** The calls of an answer, as name and arguments. */
  private static List<String> calls(String... events) {
    AiMessage message = answer(stream(events) + DONE).aiMessage();
    assertThat(message.toolExecutionRequests())
        .extracting(ToolExecutionRequest::id)
        .doesNotHaveDuplicates()
        .doesNotContain("", (String) null);
    return message.toolExecutionRequests().stream()
        .map(call -> call.name() + call.arguments())
        .toList();
  }

  @Test
  void aByteOrderMarkBeforeTheStreamIsSkipped() {
    assertThat(answer("\uFEFF" + stream(delta("{\"content\":\"Hi.\"}"), STOP)).aiMessage().text())
        .isEqualTo("Hi.");
  }

  @Test
  void aStreamThatIsCompressedUnaskedIsUnpacked() throws IOException {
    var packed = new ByteArrayOutputStream();
    try (var zip = new GZIPOutputStream(packed)) {
      zip.write(stream(delta("{\"content\":\"Hi.\"}"), STOP).getBytes(StandardCharsets.UTF_8));
    }
    SERVER.stubFor(
        post(anyUrl())
            .willReturn(
                aResponse()
                    .withBody(packed.toByteArray())
                    .withHeader("Content-Type", "text/event-stream")
                    .withHeader("Content-Encoding", "gzip")));
    assertThat(ask(model()).response().aiMessage().text()).isEqualTo("Hi.");
  }

  @Test
  void aCallWithoutAnId() {
    assertThat(
            calls(
                call("\"index\":0,\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}"),
                finish("tool_calls")))
        .containsExactly("now{}");
  }

  @Test
  void aCallWithAnEmptyIdInEveryFragment() {
    assertThat(
            calls(
                call("\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"look\"}"),
                call("\"index\":0,\"id\":\"\",\"function\":{\"arguments\":\"{\\\"at\\\":\"}"),
                call("\"index\":0,\"id\":\"\",\"function\":{\"name\":null,\"arguments\":\"1}\"}"),
                finish("tool_calls")))
        .containsExactly("look{\"at\":1}");
  }

  @Test
  void oneIndexReusedForTwoIds() {
    assertThat(
            calls(
                call(
                    "\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}"),
                call(
                    "\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"look\",\"arguments\":"
                        + "\"{\\\"at\\\":2}\"}"),
                finish("tool_calls")))
        .containsExactly("now{}", "look{\"at\":2}");
  }

  @Test
  void emptyArgumentsAreNone() {
    assertThat(
            calls(
                call("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"now\",\"arguments\":\"\"}"),
                finish("tool_calls")))
        .isIn(List.of("now"), List.of("now{}"));
  }

  @Test
  void aNameThatComesAfterTheArgumentsHaveBegun() {
    assertThat(
            calls(
                call("\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\"{\\\"at\\\":\"}"),
                call("\"index\":0,\"function\":{\"name\":\"look\",\"arguments\":\"3}\"}"),
                finish("tool_calls")))
        .containsExactly("look{\"at\":3}");
  }

  @Test
  void aNameThatIsRepeatedWithEveryFragment() {
    assertThat(
            calls(
                call(
                    "\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"look\",\"arguments\":\"{\"}"),
                call(
                    "\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"look\",\"arguments\":"
                        + "\"\\\"at\\\":4}\"}"),
                finish("tool_calls")))
        .containsExactly("look{\"at\":4}");
  }

  @Test
  void aWholeCallThatIsReplayedAtTheEnd() {
    String whole =
        "\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"at\\\":5}\"}";
    assertThat(calls(call(whole), call(whole), finish("tool_calls")))
        .containsExactly("look{\"at\":5}");
  }

  @Test
  void argumentsThatAreAnObject() {
    assertThat(
            calls(
                call(
                    "\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"look\","
                        + "\"arguments\":{\"at\":6}}"),
                finish("tool_calls")))
        .containsExactly("look{\"at\":6}");
  }

  @Test
  void numbersThatBeginAtOneOrAreMissing() {
    assertThat(
            calls(
                call(
                    "\"index\":1,\"id\":\"a\",\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}"),
                call("\"id\":\"b\",\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}"),
                finish("tool_calls")))
        .containsExactly("now{}", "look{}");
  }

  @Test
  void theReasonStopAfterCalls() {
    ChatResponse response =
        answer(
            stream(
                    call(
                        "\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"now\","
                            + "\"arguments\":\"{}\"}"),
                    STOP)
                + DONE);
    assertThat(response.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
  }

  @Test
  void anEndWithoutAReasonButWithDone() {
    assertThat(answer(stream(delta("{\"content\":\"Hi.\"}")) + DONE).aiMessage().text())
        .isEqualTo("Hi.");
  }

  @Test
  void anEndWithAReasonButWithoutDone() {
    assertThat(answer(stream(delta("{\"content\":\"Hi.\"}"), STOP)).aiMessage().text())
        .isEqualTo("Hi.");
  }

  @Test
  void anEndThatOnlyTheUsageTells() {
    ChatResponse response =
        answer(
            stream(
                delta("{\"content\":\"Hi.\"}"),
                "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}"));
    assertThat(response.aiMessage().text()).isEqualTo("Hi.");
    assertThat(response.tokenUsage().inputTokenCount()).isEqualTo(7);
  }

  @Test
  void aWholeMessageInAStream() {
    assertThat(
            answer(
                    stream(
                            "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                                + "\"content\":\"Hi.\"},\"finish_reason\":\"stop\"}]}")
                        + DONE)
                .aiMessage()
                .text())
        .isEqualTo("Hi.");
  }

  @Test
  void aSecondAnswerThatNobodyAskedFor() {
    String both =
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi.\"}},"
            + "{\"index\":1,\"delta\":{\"content\":\"Hello.\"}}]}";
    String second = "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\" You.\"}}]}";
    assertThat(answer(stream(both, second, STOP) + DONE).aiMessage().text()).isEqualTo("Hi.");
  }

  @Test
  void anEmptyReasonInEveryPiece() {
    String piece =
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":\"\"}]}";
    assertThat(
            answer(stream(piece.formatted("H"), piece.formatted("i."), STOP) + DONE)
                .aiMessage()
                .text())
        .isEqualTo("Hi.");
  }

  @Test
  void thinkingUnderEitherName() {
    for (String name : List.of("reasoning", "reasoning_content")) {
      AiMessage message =
          answer(
                  stream(
                          delta("{\"" + name + "\":\"Hm.\",\"content\":null}"),
                          delta("{\"content\":\"Yes.\"}"),
                          STOP)
                      + DONE)
              .aiMessage();
      assertThat(message.thinking()).as(name).isEqualTo("Hm.");
      assertThat(message.text()).isEqualTo("Yes.");
    }
  }

  @Test
  void usageInALastPieceWithoutChoices() {
    ChatResponse response =
        answer(
            stream(
                    delta("{\"content\":\"Hi.\"}"),
                    STOP,
                    "{\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":3,"
                        + "\"total_tokens\":14,\"cached_tokens\":8}}")
                + DONE);
    var usage = (OpenAiTokenUsage) response.tokenUsage();
    assertThat(usage.inputTokenCount()).isEqualTo(11);
    assertThat(usage.inputTokensDetails().cachedTokens()).as("counted beside").isEqualTo(8);
  }

  @Test
  void piecesThatAreEmptyOrSayOnlyTheRole() {
    assertThat(
            answer(
                    ": keep-alive\n\n"
                        + stream(
                            delta("{\"role\":\"assistant\",\"content\":\"\"}"),
                            delta("{}"),
                            delta("{\"content\":\"Hi.\"}"),
                            STOP)
                        + DONE)
                .aiMessage()
                .text())
        .isEqualTo("Hi.");
  }

  @Test
  void throttlingAsTheTextOfAPieceThatEndsInErrorFinish() {
    serve(
        stream(
            "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Throttling:"
                + " TPM(10000000/10000000)\"},\"finish_reason\":\"error_finish\"}]}"));
    RecordedReply reply = ask(model());
    assertThat(reply.text).isEmpty();
    assertThat(reply.error()).hasMessageContaining("limits the request rate");
  }

  @Test
  void throttlingInTheStreamIsWaitedOutAndEachWaitIsTold() {
    String busy = "data: {\"error\":{\"code\":\"429\",\"message\":\"TPM exceeded\"}}\n\n";
    SERVER.stubFor(
        post(anyUrl())
            .inScenario("busy")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(ok(busy).withHeader("Content-Type", "text/event-stream"))
            .willSetStateTo("free"));
    SERVER.stubFor(
        post(anyUrl())
            .inScenario("busy")
            .whenScenarioStateIs("free")
            .willReturn(
                ok(stream(delta("{\"content\":\"Hi.\"}"), STOP) + DONE)
                    .withHeader("Content-Type", "text/event-stream")));
    var waits = new ArrayList<String>();
    RecordedReply reply =
        ask(
            model()
                .maxRetries(2)
                .retryWaits(Duration.ofMillis(5), Duration.ofMillis(20))
                .retryListener(
                    retry ->
                        waits.add(
                            retry.number()
                                + " of "
                                + retry.limit()
                                + ": "
                                + retry.reason().status().orElse(0))));
    assertThat(reply.response().aiMessage().text()).isEqualTo("Hi.");
    assertThat(waits).containsExactly("1 of 2: 429");
    SERVER.verify(2, postRequestedFor(anyUrl()));
  }
}
