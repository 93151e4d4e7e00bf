package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelIT;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelIT;
import dev.langchain4j.model.chat.common.ChatResponseAndStreamingMetadata;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.output.FinishReason;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * LangChain4j's own suites for chat models, on Qwen2.5-Coder-0.5B-Instruct, which takes the most
 * likely token throughout. Not as they stand:
 *
 * <ul>
 *   <li>What a local model refuses, the suites check to be refused: another model's name, {@code
 *       ToolChoice.REQUIRED}, JSON response formats, images.
 *   <li>{@code should_execute_a_tool_then_answer}, {@code
 *       should_execute_a_tool_without_arguments_then_answer} and {@code
 *       should_execute_multiple_tools_in_parallel_then_answer} expect more sense than this model of
 *       half a billion weights has: it repeats calls instead of answering, invents arguments for a
 *       tool without any, and makes one call where two are wanted. Overridden to ask for what it
 *       can.
 *   <li>{@code should_cancel_streaming} (skipped by {@code supportsStreamingCancellation}) expects
 *       that nothing is heard after a cancellation. Here the call blocks, and every reply has
 *       exactly one end: see {@code cancellingTheHandleEndsTheReplyWithoutAnotherPiece} in {@link
 *       LocalModelTest}.
 *   <li>Callbacks come on the calling thread, since the call blocks ({@code assertThreads}), and
 *       tool calls come whole ({@code supportsPartialToolStreaming}).
 * </ul>
 */
@EnabledIfEnvironmentVariable(named = "QWEN4J_TEST_MODEL", matches = ".+")
class ChatComplianceIT {
  private static final List<LocalModel> LOADED = new ArrayList<>();

  @AfterAll
  static void close() {
    LOADED.forEach(LocalModel::close);
    LOADED.clear();
  }

  private static LocalModel load(
      ChatRequestParameters parameters, List<ChatModelListener> listeners) {
    LocalModel model =
        LocalModel.load(
            Path.of(System.getenv("QWEN4J_TEST_MODEL")),
            LoadOptions.standard()
                .withThreads(2)
                .withListeners(listeners)
                .withParameters(
                    LocalChatRequestParameters.builder()
                        .temperature(0.0)
                        .build()
                        .overrideWith(parameters)));
    LOADED.add(model);
    return model;
  }

  private static LocalModel load() {
    return load(LocalChatRequestParameters.builder().maxOutputTokens(200).build(), List.of());
  }

  private static final ToolSpecification WEATHER =
      ToolSpecification.builder()
          .name("getWeather")
          .parameters(JsonObjectSchema.builder().addStringProperty("city").build())
          .build();

  private static final ToolSpecification TIME =
      ToolSpecification.builder().name("get_current_time").build();

  private static final ToolSpecification TIME_IN =
      ToolSpecification.builder()
          .name("getTime")
          .parameters(JsonObjectSchema.builder().addStringProperty("country").build())
          .build();

  private static ChatRequest question(String text, ToolSpecification... tools) {
    return ChatRequest.builder().messages(UserMessage.from(text)).toolSpecifications(tools).build();
  }

  /** Once it has a result, this model has to be told to answer, and to have no tools any more. */
  private static void aToolIsCalledAndItsResultUnderstood(
      Function<ChatRequest, ChatResponse> chat) {
    ChatRequest asked = question("What is the weather in Munich?", WEATHER);
    ChatResponse response = chat.apply(asked);
    assertThat(response.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
    assertThat(response.aiMessage().toolExecutionRequests()).hasSize(1);
    ToolExecutionRequest call = response.aiMessage().toolExecutionRequests().getFirst();
    assertThat(call.id()).isNotBlank();
    assertThat(call.name()).isEqualTo("getWeather");
    assertThat(call.arguments()).isEqualToIgnoringWhitespace("{\"city\":\"Munich\"}");

    ChatResponse answer =
        chat.apply(
            ChatRequest.builder()
                .messages(
                    asked.messages().getFirst(),
                    response.aiMessage(),
                    ToolExecutionResultMessage.from(call, "sunny"),
                    UserMessage.from("Answer now in one sentence, without calling tools."))
                .build());
    assertThat(answer.finishReason()).isEqualTo(FinishReason.STOP);
    assertThat(answer.aiMessage().text()).containsIgnoringCase("sun");
    assertThat(answer.aiMessage().toolExecutionRequests()).isEmpty();
  }

  private static void aToolWithoutArgumentsIsCalled(Function<ChatRequest, ChatResponse> chat) {
    ChatResponse response =
        chat.apply(question("What is the time now? Use the get_current_time tool.", TIME));
    assertThat(response.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
    assertThat(response.aiMessage().toolExecutionRequests())
        .singleElement()
        .satisfies(
            call -> {
              assertThat(call.name()).isEqualTo("get_current_time");
              assertThat(call.arguments()).startsWith("{").endsWith("}");
            });
  }

  private static void severalToolsMayBeCalled(Function<ChatRequest, ChatResponse> chat) {
    ChatResponse response =
        chat.apply(
            question(
                "What is the weather in Munich and time in France? Call tools simultaneously (in"
                    + " parallel)",
                WEATHER,
                TIME_IN));
    assertThat(response.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
    assertThat(response.aiMessage().toolExecutionRequests())
        .isNotEmpty()
        .allSatisfy(call -> assertThat(call.name()).isIn("getWeather", "getTime"))
        .doesNotHaveDuplicates();
  }

  @Nested
  class Blocking extends AbstractChatModelIT {
    private final ChatModel model = load().chatModel();

    @Override
    protected List<ChatModel> models() {
      return List.of(model);
    }

    @Override
    protected ChatModel createModelWith(ChatRequestParameters parameters) {
      return load(parameters, List.of()).chatModel();
    }

    @Override
    protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
      return LocalChatRequestParameters.builder().maxOutputTokens(maxOutputTokens).build();
    }

    @Override
    protected boolean supportsModelNameParameter() {
      return false;
    }

    @Override
    protected boolean supportsToolChoiceRequired() {
      return false;
    }

    @Override
    protected boolean supportsJsonResponseFormat() {
      return false;
    }

    @Override
    protected boolean supportsJsonResponseFormatWithSchema() {
      return false;
    }

    @Override
    protected boolean supportsJsonResponseFormatWithRawSchema() {
      return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsBase64EncodedString() {
      return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsPublicURL() {
      return false;
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_execute_a_tool_then_answer(ChatModel asked) {
      aToolIsCalledAndItsResultUnderstood(request -> chat(asked, request).chatResponse());
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_execute_a_tool_without_arguments_then_answer(ChatModel asked) {
      aToolWithoutArgumentsIsCalled(request -> chat(asked, request).chatResponse());
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_execute_multiple_tools_in_parallel_then_answer(ChatModel asked) {
      severalToolsMayBeCalled(request -> chat(asked, request).chatResponse());
    }
  }

  @Nested
  class Streaming extends AbstractStreamingChatModelIT {
    private final StreamingChatModel model = load().streamingChatModel();

    @Override
    protected List<StreamingChatModel> models() {
      return List.of(model);
    }

    @Override
    protected StreamingChatModel createModelWith(ChatRequestParameters parameters) {
      return load(parameters, List.of()).streamingChatModel();
    }

    @Override
    public StreamingChatModel createModelWith(ChatModelListener listener) {
      return load(LocalChatRequestParameters.builder().build(), List.of(listener))
          .streamingChatModel();
    }

    @Override
    protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
      return LocalChatRequestParameters.builder().maxOutputTokens(maxOutputTokens).build();
    }

    @Override
    protected boolean supportsModelNameParameter() {
      return false;
    }

    @Override
    protected boolean supportsToolChoiceRequired() {
      return false;
    }

    @Override
    protected boolean supportsJsonResponseFormat() {
      return false;
    }

    @Override
    protected boolean supportsJsonResponseFormatWithSchema() {
      return false;
    }

    @Override
    protected boolean supportsJsonResponseFormatWithRawSchema() {
      return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsBase64EncodedString() {
      return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsPublicURL() {
      return false;
    }

    @Override
    protected boolean supportsPartialToolStreaming(StreamingChatModel asked) {
      return false;
    }

    @Override
    protected boolean supportsStreamingCancellation() {
      return false;
    }

    @Override
    protected boolean assertThreads() {
      return false;
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_execute_a_tool_then_answer(StreamingChatModel asked) {
      aToolIsCalledAndItsResultUnderstood(request -> streamed(asked, request));
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_execute_a_tool_without_arguments_then_answer(StreamingChatModel asked) {
      aToolWithoutArgumentsIsCalled(request -> streamed(asked, request));
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_execute_multiple_tools_in_parallel_then_answer(StreamingChatModel asked) {
      severalToolsMayBeCalled(request -> streamed(asked, request));
    }

    /** The handler must have heard what the reply says. */
    private ChatResponse streamed(StreamingChatModel asked, ChatRequest request) {
      ChatResponseAndStreamingMetadata heard = chat(asked, request);
      AiMessage reply = heard.chatResponse().aiMessage();
      assertThat(heard.streamingMetadata().concatenatedPartialResponses()).isEqualTo(reply.text());
      assertThat(heard.streamingMetadata().partialToolCalls()).isEmpty();
      assertThat(heard.streamingMetadata().completeToolCalls())
          .extracting(CompleteToolCall::toolExecutionRequest)
          .isEqualTo(reply.toolExecutionRequests());
      assertThat(heard.streamingMetadata().timesOnCompleteResponseWasCalled()).isEqualTo(1);
      return heard.chatResponse();
    }
  }
}
