package dev.qwen4j.model;

import static com.github.tomakehurst.wiremock.client.WireMock.equalTo;
import static com.github.tomakehurst.wiremock.client.WireMock.matchingJsonPath;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;
import static org.assertj.core.api.Assertions.assertThat;

import com.github.tomakehurst.wiremock.client.WireMock;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import com.github.tomakehurst.wiremock.junit5.WireMockExtension;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.openai.OpenAiTokenUsage;
import dev.langchain4j.model.output.FinishReason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What is sent to an endpoint, and what becomes of its streams. */
class HostedStreamTest {
  private static final String PATH = "/v1/chat/completions";

  @RegisterExtension
  static final WireMockExtension SERVER =
      WireMockExtension.newInstance()
          .options(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"))
          .build();

  private HostedModel.Builder model() {
    return HostedModel.builder()
        .baseUrl("http://127.0.0.1:" + SERVER.getPort() + "/v1")
        .modelName("qwen-plus")
        .environment(name -> null)
        .maxRetries(0);
  }

  private void serve(String resource) throws IOException {
    try (InputStream in = getClass().getResourceAsStream("/streams/" + resource)) {
      assertThat(in).as(resource).isNotNull();
      serveText(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
  }

  private void serveText(String stream) {
    SERVER.stubFor(
        post(urlPathEqualTo(PATH))
            .willReturn(ok(stream).withHeader("Content-Type", "text/event-stream;charset=utf-8")));
  }

  private static ChatRequest askWithTools() {
    return ChatRequest.builder()
        .messages(UserMessage.from("What is the weather?"))
        .toolSpecifications(
            ToolSpecification.builder()
                .name("get_weather")
                .description("Weather of a city")
                .parameters(
                    JsonObjectSchema.builder().addStringProperty("city").required("city").build())
                .build())
        .build();
  }

  private static RecordedReply stream(HostedModel model, ChatRequest request) {
    var reply = new RecordedReply();
    model.streamingChatModel().chat(request, reply);
    return reply;
  }

  @Test
  void readsThinkingTextCallsAndUsageFromADashScopeStream() throws IOException {
    serve("dashscope-tool-call.sse");
    try (HostedModel model =
        model().endpoint(EndpointKind.DASH_SCOPE).apiKey("sk-secret-1").thinking(true).build()) {
      RecordedReply reply = stream(model, askWithTools());

      ChatResponse response = reply.response();
      assertThat(reply.thinking).containsExactly("I need the ", "weather. 天气");
      assertThat(reply.text).containsExactly("Let me ", "look.");
      assertThat(response.aiMessage().thinking()).isEqualTo("I need the weather. 天气");
      assertThat(response.aiMessage().text()).isEqualTo("Let me look.");
      List<ToolExecutionRequest> expected =
          List.of(
              call("call_ds_1", "get_weather", "{\"city\": \"北京\"}"),
              call("call_ds_2", "get_time", "{}"));
      assertThat(response.aiMessage().toolExecutionRequests()).isEqualTo(expected);
      assertThat(reply.calls.stream().map(c -> c.toolExecutionRequest())).isEqualTo(expected);
      assertThat(response.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
      var usage = (OpenAiTokenUsage) response.tokenUsage();
      assertThat(usage.inputTokenCount()).isEqualTo(211);
      assertThat(usage.outputTokenCount()).isEqualTo(44);
      assertThat(usage.inputTokensDetails().cachedTokens()).isEqualTo(128);
    }
    SERVER.verify(
        postRequestedFor(urlPathEqualTo(PATH))
            .withHeader("Authorization", equalTo("Bearer sk-secret-1"))
            .withHeader("Content-Type", equalTo("application/json"))
            .withHeader("Accept", equalTo("text/event-stream"))
            .withRequestBody(matchingJsonPath("$.model", equalTo("qwen-plus")))
            .withRequestBody(matchingJsonPath("$.stream", equalTo("true")))
            .withRequestBody(matchingJsonPath("$.stream_options.include_usage", equalTo("true")))
            .withRequestBody(matchingJsonPath("$.enable_thinking", equalTo("true")))
            .withRequestBody(matchingJsonPath("$.tools[0].function.name", equalTo("get_weather")))
            .withRequestBody(matchingJsonPath("$[?(!@.chat_template_kwargs)]")));
  }

  @Test
  void readsThinkingCallsAndUsageFromAVllmStream() throws IOException {
    serve("vllm-tool-call.sse");
    try (HostedModel model = model().thinking(false).build()) {
      RecordedReply reply = stream(model, askWithTools());

      ChatResponse response = reply.response();
      assertThat(reply.thinking).containsExactly("Two plus two. ", "Easy.");
      assertThat(response.aiMessage().text()).isNull();
      assertThat(response.aiMessage().toolExecutionRequests())
          .containsExactly(call("chatcmpl-tool-abc", "calculator", "{\"expression\": \"2+2\"}"));
      assertThat(response.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
      assertThat(response.tokenUsage().inputTokenCount()).isEqualTo(150);
      assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(30);
    }
    SERVER.verify(
        postRequestedFor(urlPathEqualTo(PATH))
            .withoutHeader("Authorization")
            .withRequestBody(
                matchingJsonPath("$.chat_template_kwargs.enable_thinking", equalTo("false")))
            .withRequestBody(matchingJsonPath("$[?(!@.enable_thinking)]")));
  }

  @Test
  void theBlockingModelStreamsUnderneath() throws IOException {
    serve("plain-answer.sse");
    try (HostedModel model = model().build()) {
      assertThat(model.chatModel().chat("What is 2+2?")).isEqualTo("The answer is 4.");
    }
    SERVER.verify(
        postRequestedFor(urlPathEqualTo(PATH))
            .withRequestBody(matchingJsonPath("$.stream", equalTo("true")))
            .withRequestBody(matchingJsonPath("$[?(!@.chat_template_kwargs)]")));
  }

  @Test
  void sendsThinkingBackWithTheCallItLedTo() throws IOException {
    serve("plain-answer.sse");
    try (HostedModel model = model().build()) {
      ToolExecutionRequest call = call("call_1", "get_weather", "{\"city\":\"Rome\"}");
      AiMessage message =
          AiMessage.builder().thinking("So I ask.").toolExecutionRequests(List.of(call)).build();
      stream(
              model,
              ChatRequest.builder()
                  .messages(
                      UserMessage.from("Weather in Rome?"),
                      message,
                      ToolExecutionResultMessage.from(call, "Sunny."))
                  .build())
          .response();
    }
    SERVER.verify(
        postRequestedFor(urlPathEqualTo(PATH))
            .withRequestBody(
                matchingJsonPath("$.messages[1].reasoning_content", equalTo("So I ask.")))
            .withRequestBody(matchingJsonPath("$.messages[1].tool_calls[0].id", equalTo("call_1")))
            .withRequestBody(matchingJsonPath("$.messages[2].tool_call_id", equalTo("call_1"))));
  }

  @Test
  void sendsHeadersParametersAndTopK() throws IOException {
    serve("plain-answer.sse");
    try (HostedModel model =
        model().header("X-Team", "blue-team-42").parameter("thinking_budget", 50).build()) {
      stream(
              model,
              ChatRequest.builder()
                  .messages(UserMessage.from("Hi"))
                  .topK(20)
                  .temperature(0.5)
                  .build())
          .response();
    }
    SERVER.verify(
        postRequestedFor(urlPathEqualTo(PATH))
            .withHeader("X-Team", equalTo("blue-team-42"))
            .withRequestBody(matchingJsonPath("$.thinking_budget", equalTo("50")))
            .withRequestBody(matchingJsonPath("$.top_k", equalTo("20")))
            .withRequestBody(matchingJsonPath("$.temperature", equalTo("0.5"))));
  }

  @Test
  void aCallWithoutAnIdGetsOneAndStopThenMeansToolExecution() {
    serveText(
        """
        data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"now","arguments":"{}"}}]},"finish_reason":null}]}

        data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

        data: [DONE]

        """);
    try (HostedModel model = model().build()) {
      ChatResponse response = stream(model, askWithTools()).response();
      ToolExecutionRequest call = response.aiMessage().toolExecutionRequests().getFirst();
      assertThat(call.id()).startsWith("call_");
      assertThat(call.name()).isEqualTo("now");
      assertThat(response.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
    }
  }

  @Test
  void anAnswerIsWholeEvenWhenTheServerKeepsItsConnectionOpen() throws IOException {
    String stream =
        SocketServer.STREAM_HEAD
            + "data:"
            + " {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";
    try (SocketServer hanging = SocketServer.thatHangsAfter(stream);
        HostedModel model = model().baseUrl(hanging.baseUrl()).build()) {
      assertThat(stream(model, askWithTools()).response().aiMessage().text()).isEqualTo("Hi");
    }
  }

  @Test
  void theListenerCanCancelAndHearsNothingAfterThat() throws IOException {
    String stream =
        SocketServer.STREAM_HEAD
            + "data: {\"choices\":[{\"delta\":{\"content\":\"One\"}}]}\n\n"
            + "data: {\"choices\":[{\"delta\":{\"content\":\"Two\"}}]}\n\n";
    List<String> heard = new ArrayList<>();
    var reply =
        new RecordedReply() {
          @Override
          public void onPartialResponse(PartialResponse partial, PartialResponseContext context) {
            heard.add(partial.text());
            context.streamingHandle().cancel();
          }
        };
    try (SocketServer hanging = SocketServer.thatHangsAfter(stream);
        HostedModel model = model().baseUrl(hanging.baseUrl()).build()) {
      model.streamingChatModel().chat(askWithTools(), reply);

      assertThat(heard).containsExactly("One");
      assertThat(reply.errors).isEmpty();
      assertThat(reply.responses).isEmpty();
      assertThat(model.connections()).isZero();
    }
  }

  @Test
  void aConnectionIsUsedAgain() throws IOException {
    serve("plain-answer.sse");
    HostedModel model = model().build();
    try (model) {
      for (int i = 0; i < 3; i++) {
        stream(model, askWithTools()).response();
      }
      assertThat(model.connections()).isEqualTo(1);
    }
    assertThat(model.connections()).isZero();
    SERVER.verify(3, WireMock.anyRequestedFor(WireMock.anyUrl()));
  }

  private static ToolExecutionRequest call(String id, String name, String arguments) {
    return ToolExecutionRequest.builder().id(id).name(name).arguments(arguments).build();
  }

  /** One event for each JSON object, and the end. */
  private void serveEvents(String... objects) {
    var stream = new StringBuilder();
    for (String object : objects) {
      stream.append("data: ").append(object).append("\n\n");
    }
    serveText(stream + "data: [DONE]\n\n");
  }

  private static String delta(String delta) {
    return "{\"choices\":[{\"index\":0,\"delta\":" + delta + "}]}";
  }

  @Test
  void piecesThatSayEverythingSoFarAreCutToWhatIsNew() {
    serveEvents(
        delta("{\"reasoning_content\":\"Hm\"}"),
        delta("{\"reasoning_content\":\"Hm, so\"}"),
        delta("{\"content\":\"It\"}"),
        delta("{\"content\":\"It is\"}"),
        delta("{\"content\":\"It is\"}"),
        delta("{\"content\":\"It is 42.\"}"),
        delta(
            "{\"tool_calls\":[{\"index\":0,\"id\":\"a\","
                + "\"function\":{\"name\":\"now\",\"arguments\":\"{\\\"z\"}}]}"),
        delta(
            "{\"tool_calls\":[{\"index\":0,\"id\":\"a\","
                + "\"function\":{\"name\":\"now\",\"arguments\":\"{\\\"z\\\":1}\"}}]}"),
        "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
    try (HostedModel model = model().build()) {
      AiMessage message = stream(model, askWithTools()).response().aiMessage();
      assertThat(message.thinking()).isEqualTo("Hm, so");
      assertThat(message.text()).isEqualTo("It is 42.");
      assertThat(message.toolExecutionRequests().getFirst().arguments()).isEqualTo("{\"z\":1}");
    }
  }

  @Test
  void ordinaryPiecesThatHappenToBeAlikeAreAllKept() {
    serveEvents(
        delta("{\"content\":\"ha\"}"),
        delta("{\"content\":\"ha\"}"),
        delta("{\"content\":\"haha\"}"),
        delta("{\"content\":\"hahahaha!\"}"),
        "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
    try (HostedModel model = model().build()) {
      assertThat(stream(model, askWithTools()).response().aiMessage().text())
          .isEqualTo("hahahahahahahaha!");
    }
  }

  @Test
  void textInPartsAndTheOldFormOfACallAreUnderstood() {
    serveEvents(
        delta(
            "{\"content\":[{\"type\":\"text\",\"text\":\"I"
                + " lo\"},{\"type\":\"text\",\"text\":\"ok.\"}]}"),
        delta("{\"function_call\":{\"name\":\"now\",\"arguments\":\"\"}}"),
        delta("{\"function_call\":{\"arguments\":\"{}\"}}"),
        "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"function_call\"}]}");
    try (HostedModel model = model().build()) {
      AiMessage message = stream(model, askWithTools()).response().aiMessage();
      assertThat(message.text()).isEqualTo("I look.");
      assertThat(message.toolExecutionRequests()).hasSize(1);
      assertThat(message.toolExecutionRequests().getFirst().arguments()).isEqualTo("{}");
    }
  }

  @Test
  void aServerThatDoesNotStreamIsUnderstood() {
    SERVER.stubFor(
        post(urlPathEqualTo(PATH))
            .willReturn(
                ok("""
                {"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,
                 "message":{"role":"assistant","content":"Hello","reasoning_content":"Hm.",
                  "tool_calls":[{"id":"a","type":"function",
                   "function":{"name":"now","arguments":"{}"}}]},
                 "finish_reason":"tool_calls"}],
                 "usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}
                """)
                    .withHeader("Content-Type", "application/json")));
    try (HostedModel model = model().build()) {
      ChatResponse response = stream(model, askWithTools()).response();
      assertThat(response.aiMessage().text()).isEqualTo("Hello");
      assertThat(response.aiMessage().thinking()).isEqualTo("Hm.");
      assertThat(response.aiMessage().toolExecutionRequests().getFirst().name()).isEqualTo("now");
      assertThat(response.tokenUsage().totalTokenCount()).isEqualTo(7);
    }
  }
}
