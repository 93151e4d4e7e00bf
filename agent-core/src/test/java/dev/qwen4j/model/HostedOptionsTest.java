package dev.qwen4j.model;

import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import com.github.tomakehurst.wiremock.junit5.WireMockExtension;
import com.github.tomakehurst.wiremock.verification.LoggedRequest;
import dev.langchain4j.data.message.AudioContent;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.message.VideoContent;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.testing.ScriptedModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Settings that only some servers have, and messages that are not only text. */
class HostedOptionsTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @RegisterExtension
  static final WireMockExtension SERVER =
      WireMockExtension.newInstance()
          .options(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"))
          .build();

  private static HostedModel.Builder model(EndpointKind kind) {
    return HostedModel.builder()
        .endpoint(kind)
        .baseUrl("http://127.0.0.1:" + SERVER.getPort() + "/v1")
        .modelName("qwen")
        .environment(name -> null)
        .maxRetries(0);
  }

  private static JsonNode sent(HostedModel.Builder builder, ChatMessage... messages)
      throws Exception {
    return JSON.readTree(request(builder, messages).getBodyAsString());
  }

  private static LoggedRequest request(HostedModel.Builder builder, ChatMessage... messages) {
    SERVER.resetRequests();
    SERVER.stubFor(
        post(anyUrl())
            .willReturn(
                ok("""
                data: {"choices":[{"delta":{"content":"Hi."},"finish_reason":"stop"}]}

                data: [DONE]

                """)
                    .withHeader("Content-Type", "text/event-stream")));
    try (HostedModel model = builder.build()) {
      var reply = new RecordedReply();
      model.streamingChatModel().chat(ChatRequest.builder().messages(messages).build(), reply);
      reply.response();
    }
    return SERVER.findAll(postRequestedFor(anyUrl())).getFirst();
  }

  private static final UserMessage HELLO = UserMessage.from("Hello");

  @Test
  void dashScopeIsToldInFieldsOfTheRequest() throws Exception {
    JsonNode sent =
        sent(
            model(EndpointKind.DASH_SCOPE)
                .thinking(true)
                .thinkingBudget(500)
                .preserveThinking(true)
                .search(true)
                .highResolutionImages(true),
            HELLO);
    assertThat(sent.path("enable_thinking").asBoolean()).isTrue();
    assertThat(sent.path("thinking_budget").asInt()).isEqualTo(500);
    assertThat(sent.path("preserve_thinking").asBoolean()).isTrue();
    assertThat(sent.path("enable_search").asBoolean()).isTrue();
    assertThat(sent.path("vl_high_resolution_images").asBoolean()).isTrue();
    assertThat(sent.has("chat_template_kwargs")).isFalse();
  }

  @Test
  void nothingIsSentThatNobodyHasSet() throws Exception {
    for (EndpointKind kind : EndpointKind.values()) {
      assertThat(sent(model(kind), HELLO).fieldNames())
          .toIterable()
          .as(kind.name())
          .containsExactlyInAnyOrder("model", "messages", "stream", "stream_options");
    }
  }

  @Test
  void vllmIsToldInArgumentsOfItsTemplate() throws Exception {
    JsonNode arguments =
        sent(
                model(EndpointKind.VLLM)
                    .thinking(false)
                    .preserveThinking(true)
                    .templateArgument("custom", 7),
                HELLO)
            .path("chat_template_kwargs");
    assertThat(arguments.path("enable_thinking").asBoolean(true)).isFalse();
    assertThat(arguments.path("preserve_thinking").asBoolean()).isTrue();
    assertThat(arguments.path("custom").asInt()).isEqualTo(7);
  }

  @Test
  void aSettingThatAServerDoesNotHaveIsRefusedAndSaysWhatToDo() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> model(EndpointKind.VLLM).search(true).build())
        .withMessageStartingWith(
            "VLLM is not known to have a search of its own: leave the setting");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> model(EndpointKind.OLLAMA).thinkingBudget(5).build())
        .withMessageContaining("thinking budget");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> model(EndpointKind.DASH_SCOPE).templateArgument("x", 1).build())
        .withMessageContaining("arguments of the chat template");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> model(EndpointKind.OPEN_ROUTER).cacheControl().build())
        .withMessageContaining("cache markers");
  }

  @Test
  void dashScopesCacheIsMarkedAfterTheInstructionsAndAtTheEnd() throws Exception {
    LoggedRequest request =
        request(
            model(EndpointKind.DASH_SCOPE_CHINA).cacheControl(),
            SystemMessage.from("Be brief."),
            UserMessage.from("One"),
            UserMessage.from("Two"));
    assertThat(request.getHeader("X-DashScope-CacheControl")).isEqualTo("enable");
    JsonNode messages = JSON.readTree(request.getBodyAsString()).path("messages");
    String marked =
        "[{\"type\":\"text\",\"text\":\"%s\",\"cache_control\":{\"type\":\"ephemeral\"}}]";
    assertThat(messages.get(0).path("content")).hasToString(marked.formatted("Be brief."));
    assertThat(messages.get(1).path("content").asText()).isEqualTo("One");
    assertThat(messages.get(2).path("content")).hasToString(marked.formatted("Two"));
  }

  private static UserMessage mixed() {
    return UserMessage.from(
        TextContent.from("What is this?"),
        ImageContent.from("QUJD", "image/png"),
        ImageContent.from("http://example.org/a.png"),
        AudioContent.from("QUJD", "audio/wav"),
        AudioContent.from("http://example.org/a.mp3"),
        VideoContent.from("http://example.org/a.mp4"),
        VideoContent.from("QUJD", "video/mp4"));
  }

  @Test
  void imagesSoundAndVideoAreSentAsVllmReadsThem() throws Exception {
    JsonNode parts =
        sent(model(EndpointKind.VLLM), mixed()).path("messages").get(0).path("content");
    assertThat(parts.get(1).path("image_url").path("url").asText())
        .isEqualTo("data:image/png;base64,QUJD");
    assertThat(parts.get(2).path("image_url").path("url").asText())
        .isEqualTo("http://example.org/a.png");
    assertThat(parts.get(3).path("input_audio"))
        .hasToString("{\"data\":\"QUJD\",\"format\":\"wav\"}");
    assertThat(parts.get(4))
        .hasToString(
            "{\"type\":\"audio_url\",\"audio_url\":{\"url\":\"http://example.org/a.mp3\"}}");
    assertThat(parts.get(5).path("video_url").path("url").asText())
        .isEqualTo("http://example.org/a.mp4");
    assertThat(parts.get(6).path("video_url").path("url").asText())
        .isEqualTo("data:video/mp4;base64,QUJD");
  }

  @Test
  void soundIsSentAsDashScopesOmniModelsReadIt() throws Exception {
    JsonNode parts =
        sent(model(EndpointKind.DASH_SCOPE), mixed()).path("messages").get(0).path("content");
    assertThat(parts.get(3).path("input_audio"))
        .hasToString("{\"data\":\"data:;base64,QUJD\",\"format\":\"wav\"}");
    assertThat(parts.get(4).path("input_audio"))
        .hasToString("{\"data\":\"http://example.org/a.mp3\",\"format\":\"mp3\"}");
  }

  @Test
  void dashScopeIsToldToLookIntoItsOwnStorage() {
    String resolve = "X-DashScope-OssResourceResolve";
    var uploaded = UserMessage.from(ImageContent.from("oss://bucket/a.png"));
    LoggedRequest request = request(model(EndpointKind.DASH_SCOPE), uploaded);
    assertThat(request.getHeader(resolve)).isEqualTo("enable");
    assertThat(request.getHeader("Content-Type")).startsWith("application/json");
    assertThat(request(model(EndpointKind.DASH_SCOPE), HELLO).getHeader(resolve)).isNull();
    assertThat(request(model(EndpointKind.VLLM), uploaded).getHeader(resolve)).isNull();
  }

  @Test
  void serversThatHoldModelsToASchemaSaySo() {
    try (HostedModel vllm = model(EndpointKind.VLLM).build();
        HostedModel dashScope = model(EndpointKind.DASH_SCOPE).build();
        HostedModel told = model(EndpointKind.DASH_SCOPE).enforcesSchemas(true).build()) {
      assertThat(vllm.streamingChatModel().supportedCapabilities())
          .containsExactly(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
      assertThat(dashScope.streamingChatModel().supportedCapabilities()).isEmpty();
      assertThat(told.chatModel().supportedCapabilities()).hasSize(1);
      var fallback = FallbackModel.of(vllm.streamingChatModel(), new ScriptedModel());
      assertThat(fallback.supportedCapabilities()).as("what all of them can").isEmpty();
    }
  }
}
