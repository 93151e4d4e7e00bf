package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AudioContent;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelRequestContext;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.qwen4j.model.ModelException;
import dev.qwen4j.model.ReplyCancelledException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Chat on tiny models with random weights: what they say means nothing, how they say it does. */
@Timeout(300)
class LocalModelTest {
  private @TempDir Path folder;
  private LocalModel model = load(LoadOptions.standard());

  private static LocalModel load(LoadOptions options) {
    return LocalModel.load(Golden.model("qwen2"), options.withThreads(2));
  }

  @AfterEach
  void close() {
    model.close();
  }

  private static LocalChatRequestParameters.Builder greedy(int most) {
    return LocalChatRequestParameters.builder().temperature(0.0).maxOutputTokens(most);
  }

  private static ChatRequest request(LocalChatRequestParameters.Builder parameters) {
    return ChatRequest.builder()
        .messages(UserMessage.from("the user calls a tool"))
        .parameters(parameters.build())
        .build();
  }

  private static RecordingHandler stream(StreamingChatModel model, ChatRequest request) {
    RecordingHandler handler = new RecordingHandler();
    model.chat(request, handler);
    return handler;
  }

  @Test
  void aReplyStreamsOnTheCallingThreadAndEndsOnce() {
    RecordingHandler heard = stream(model.streamingChatModel(), request(greedy(40)));
    assertThat(heard.ends).isEqualTo(1);
    assertThat(heard.threads).isNotEmpty().containsOnly(Thread.currentThread());
    ChatResponse response = heard.response();
    assertThat(heard.text.toString()).isNotEmpty().isEqualTo(response.aiMessage().text());
    assertThat(response.finishReason()).isEqualTo(FinishReason.LENGTH);
    assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(40);
    assertThat(response.tokenUsage().inputTokenCount()).isBetween(20, 200);
    assertThat(response.modelName()).isEqualTo("Qwen2");
    assertThat(response.id()).isNotBlank();
  }

  @Test
  void theBlockingModelSaysTheSameAsTheStreamingOne() {
    ChatResponse whole = model.chatModel().chat(request(greedy(40)));
    ChatResponse streamed = stream(model.streamingChatModel(), request(greedy(40))).response();
    assertThat(whole.aiMessage()).isEqualTo(streamed.aiMessage());
    assertThat(whole.tokenUsage()).isEqualTo(streamed.tokenUsage());
  }

  @Test
  void aSeedRepeatsItsReply() {
    LocalChatRequestParameters.Builder hot =
        LocalChatRequestParameters.builder().temperature(1.5).topP(1.0).topK(0).maxOutputTokens(30);
    String first = say(request(hot.seed(7L)));
    assertThat(say(request(hot.seed(7L)))).isEqualTo(first);
    assertThat(say(request(hot.seed(8L)))).isNotEqualTo(first);
  }

  private String say(ChatRequest request) {
    return model.chatModel().chat(request).aiMessage().text();
  }

  @Test
  void theDefaultsOfTheFamilyAreUsedWhenNothingIsSaid() {
    assertThat(
            model
                .chatModel()
                .chat(request(LocalChatRequestParameters.builder().maxOutputTokens(5)))
                .tokenUsage()
                .outputTokenCount())
        .isLessThanOrEqualTo(5);
  }

  @Test
  void aStopSequenceEndsTheReplyBeforeIt() {
    String whole = say(request(greedy(40)));
    String stop = whole.substring(whole.length() / 2, whole.length() / 2 + 3);
    ChatResponse cut = model.chatModel().chat(request(greedy(40).stopSequences(stop)));
    assertThat(cut.aiMessage().text()).isEqualTo(whole.substring(0, whole.indexOf(stop)));
    assertThat(cut.finishReason()).isEqualTo(FinishReason.STOP);
    assertThat(cut.tokenUsage().outputTokenCount()).isLessThan(40);
  }

  @Test
  void theFilesOwnEndTokenEndsTheReply() {
    try (Vocabulary vocabulary = Vocabulary.open(Golden.model("qwen2"))) {
      String question =
          List.of("user", "tool", "system", "function", "answers", "query", "path", "value")
              .stream()
              .filter(word -> vocabulary.encodeWithMarkers(ask(word, 1)).length == 1)
              .findFirst()
              .orElseThrow();
      int first = vocabulary.encodeWithMarkers(ask(question, 1))[0];
      Path patched =
          PatchedModel.of("qwen2").int32("tokenizer.ggml.eos_token_id", first).writeTo(folder);
      try (LocalModel ending = LocalModel.load(patched)) {
        ChatResponse response =
            ending
                .chatModel()
                .chat(
                    ChatRequest.builder()
                        .messages(UserMessage.from(question))
                        .parameters(greedy(40).build())
                        .build());
        assertThat(response.aiMessage().text()).isEmpty();
        assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(1);
      }
    }
  }

  @Test
  void aPromptOverTheContextSaysWhatToDo() {
    try (LocalModel small = load(LoadOptions.standard().withContextLength(16))) {
      assertThat(small.contextLength()).isEqualTo(16);
      assertThatThrownBy(() -> small.chatModel().chat("the user calls a tool"))
          .isInstanceOf(ModelException.class)
          .hasMessageMatching("the prompt has \\d+ tokens, the context is 16: shorten .*");
      RecordingHandler heard = stream(small.streamingChatModel(), request(greedy(5)));
      assertThat(heard.error()).isInstanceOf(ModelException.class);
      assertThat(heard.ends).isEqualTo(1);
    }
  }

  @Test
  void aContextBeyondTheModelsIsRefused() {
    assertThatThrownBy(() -> load(LoadOptions.standard().withContextLength(4097)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected at most 4096");
    assertThat(model.contextLength()).isEqualTo(4096);
  }

  @Test
  void cancellingTheHandleEndsTheReplyWithoutAnotherPiece() {
    int[] pieces = {0};
    RecordingHandler heard =
        new RecordingHandler(
            handle -> {
              if (++pieces[0] == 3) {
                handle.cancel();
                assertThat(handle.isCancelled()).isTrue();
              }
            });
    model.streamingChatModel().chat(request(greedy(400)), heard);
    assertThat(pieces[0]).isEqualTo(3);
    assertThat(heard.ends).isEqualTo(1);
    assertThat(heard.error())
        .isInstanceOfSatisfying(
            ReplyCancelledException.class,
            cancelled -> {
              assertThat(cancelled.usage().inputTokenCount()).isPositive();
              assertThat(cancelled.usage().outputTokenCount()).isBetween(3, 40);
            });
    assertThat(say(request(greedy(5)))).isNotNull();
  }

  @Test
  void interruptingTheThreadEndsTheReply() {
    RecordingHandler heard = new RecordingHandler(handle -> Thread.currentThread().interrupt());
    model.streamingChatModel().chat(request(greedy(400)), heard);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(heard.ends).isEqualTo(1);
    assertThat(heard.error()).isInstanceOf(CancellationException.class);
  }

  @Test
  void whatACallbackThrowsIsToldAndTheReplyGoesOn() {
    int[] pieces = {0};
    RecordingHandler heard =
        new RecordingHandler(
            handle -> {
              if (++pieces[0] == 2) {
                throw new IllegalStateException("the listener broke");
              }
            });
    model.streamingChatModel().chat(request(greedy(40)), heard);
    assertThat(heard.error()).hasMessage("the listener broke");
    assertThat(heard.response().aiMessage().text()).isEqualTo(heard.text.toString());
  }

  @Test
  void closingTheModelEndsItsReply() {
    try (LocalModel closing = load(LoadOptions.standard())) {
      RecordingHandler heard =
          new RecordingHandler(
              handle -> {
                Thread.ofPlatform().start(closing::close);
                LockSupport.parkNanos(2_000_000); // Or all might be written before it closes.
              });
      closing.streamingChatModel().chat(request(greedy(3000)), heard);
      assertThat(heard.error())
          .isInstanceOf(CancellationException.class)
          .hasMessage("the model has been closed");
    }
  }

  @Test
  void manyThreadsGetTheirOwnReplies() throws InterruptedException, ExecutionException {
    List<String> questions = List.of("user", "tool", "system", "the function", "answers");
    List<String> alone = questions.stream().map(this::ask).toList();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> replies =
          questions.stream().map(question -> threads.submit(() -> ask(question))).toList();
      for (int i = 0; i < replies.size(); i++) {
        assertThat(replies.get(i).get()).isEqualTo(alone.get(i));
      }
    }
  }

  private String ask(String question) {
    return ask(question, 20);
  }

  private String ask(String question, int most) {
    return say(
        ChatRequest.builder()
            .messages(UserMessage.from(question))
            .parameters(greedy(most).build())
            .build());
  }

  @Test
  void listenersHearEachRequest() {
    List<String> heard = Collections.synchronizedList(new ArrayList<>());
    ChatModelListener listener =
        new ChatModelListener() {
          @Override
          public void onRequest(ChatModelRequestContext context) {
            heard.add("request " + context.chatRequest().modelName());
          }

          @Override
          public void onResponse(ChatModelResponseContext context) {
            heard.add("response " + context.chatResponse().finishReason());
          }
        };
    LoadOptions options =
        LoadOptions.standard().withListeners(List.of(listener)).withParameters(greedy(3).build());
    try (LocalModel listened = load(options)) {
      listened.chatModel().chat("user");
      stream(
          listened.streamingChatModel(),
          ChatRequest.builder().messages(UserMessage.from("user")).build());
    }
    assertThat(heard)
        .containsExactly("request Qwen2", "response LENGTH", "request Qwen2", "response LENGTH");
  }

  @Test
  void whatALocalModelCannotDoIsRefusedAtTheDoor() {
    ToolSpecification tool = ToolSpecification.builder().name("t").build();
    refused(greedy(5).toolSpecifications(tool).toolChoice(ToolChoice.REQUIRED), "ToolChoice.AUTO");
    refused(greedy(5).responseFormat(ResponseFormat.JSON), "JSON response format is not supported");
    refused(
        greedy(5).modelName("gpt-4"),
        "modelName 'gpt-4' is not supported: this local model is 'Qwen2'");
    assertThatThrownBy(
            () -> model.chatModel().chat(UserMessage.from(ImageContent.from("http://x/y.png"))))
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining("image content is not supported");
    assertThatThrownBy(
            () -> model.chatModel().chat(UserMessage.from(AudioContent.from("http://x/y.wav"))))
        .isInstanceOf(UnsupportedFeatureException.class);
  }

  private void refused(LocalChatRequestParameters.Builder parameters, String why) {
    assertThatThrownBy(() -> model.chatModel().chat(request(parameters)))
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining(why);
    RecordingHandler heard = new RecordingHandler();
    assertThatThrownBy(() -> model.streamingChatModel().chat(request(parameters), heard))
        .isInstanceOf(UnsupportedFeatureException.class);
    assertThat(heard.ends).isZero();
  }

  @Test
  void defaultsThatNoRequestCouldRunWithAreRefusedWhenLoading() {
    LoadOptions other =
        LoadOptions.standard().withParameters(greedy(5).modelName("another").build());
    assertThatThrownBy(() -> load(other))
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining("modelName 'another' is not supported");
  }

  @Test
  void parametersOutOfTheirRangeAreRefused() {
    assertThatThrownBy(() -> model.chatModel().chat(request(greedy(0))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("maxOutputTokens: expected at least 1, found 0");
    assertThatThrownBy(() -> model.chatModel().chat(request(greedy(5).topP(1.5))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("top_p");
  }

  @Test
  void toolsLengthenThePromptUnlessNoneMayBeCalled() {
    ToolSpecification tool =
        ToolSpecification.builder().name("calculator").description("Computes.").build();
    int without = inputTokens(greedy(1));
    assertThat(inputTokens(greedy(1).toolSpecifications(tool))).isGreaterThan(without + 50);
    assertThat(inputTokens(greedy(1).toolSpecifications(tool).toolChoice(ToolChoice.NONE)))
        .isEqualTo(without);
  }

  private int inputTokens(LocalChatRequestParameters.Builder parameters) {
    return model.chatModel().chat(request(parameters)).tokenUsage().inputTokenCount();
  }

  @Test
  void severalTextPartsAreOneMessage() {
    ChatResponse response =
        model
            .chatModel()
            .chat(
                ChatRequest.builder()
                    .messages(UserMessage.from(TextContent.from("the"), TextContent.from("tool")))
                    .parameters(greedy(2).build())
                    .build());
    assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(2);
  }

  @Test
  void itSaysWhatItIs() {
    assertThat(model.name()).isEqualTo("Qwen2");
    assertThat(model.description())
        .startsWith("Qwen2 (qwen2, ")
        .contains("context 4096", "qwen2.5 template", "kernels");
  }

  @Test
  void aMissingFileIsNamed() {
    assertThatThrownBy(() -> LocalModel.load(folder.resolve("absent.gguf")))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("absent.gguf: no such file");
  }
}
