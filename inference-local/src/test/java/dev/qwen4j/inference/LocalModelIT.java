package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A real checkpoint: Qwen2.5-Coder-0.5B-Instruct in Q4_K_M, which the scores were made with. */
@EnabledIfEnvironmentVariable(named = "QWEN4J_TEST_MODEL", matches = ".+")
class LocalModelIT {
  private static @Nullable LocalModel shared;

  private static Path file() {
    return Path.of(System.getenv("QWEN4J_TEST_MODEL"));
  }

  @BeforeAll
  static void load() {
    shared =
        LocalModel.load(
            file(),
            LoadOptions.standard()
                .withParameters(
                    LocalChatRequestParameters.builder()
                        .temperature(0.0)
                        .maxOutputTokens(200)
                        .build()));
  }

  @AfterAll
  static void close() {
    model().close();
  }

  private static LocalModel model() {
    if (shared == null) {
      throw new IllegalStateException("not loaded");
    }
    return shared;
  }

  static List<JsonNode> scores() {
    return Golden.lines("/golden/real/score.jsonl");
  }

  @ParameterizedTest
  @MethodSource("scores")
  void textsAreForeseenAsByTheReference(JsonNode text) {
    int[] ids = Golden.ints(text.get("ids"));
    int[] expectedTop = Golden.ints(text.get("top1"));
    float[] margins = Golden.floats(text.get("margin"));
    float[] expectedNll = Golden.floats(text.get("nll"));
    try (Vocabulary vocabulary = Vocabulary.open(file());
        EngineProbe probe = EngineProbe.load(file(), 2)) {
      assertThat(vocabulary.encode(text.get("text").textValue())).containsExactly(ids);
      EngineProbe.Score score = probe.score(ids);
      for (int i = 0; i < ids.length; i++) {
        if (margins[i] > 0.5) {
          assertThat(score.top1()[i]).as("position %d", i).isEqualTo(expectedTop[i]);
        }
      }
      assertThat(Math.abs(mean(score.nll()) - mean(doubles(expectedNll)))).isLessThan(0.02);
    }
  }

  /** One token at a time: the decode kernels, which round activations to 8 bits. */
  @ParameterizedTest
  @MethodSource("scores")
  void generatingForeseesTheSameAsReading(JsonNode text) {
    int[] ids = Arrays.copyOf(Golden.ints(text.get("ids")), 48);
    float[] margins = Golden.floats(text.get("margin"));
    int[] expectedTop = Golden.ints(text.get("top1"));
    try (EngineProbe probe = EngineProbe.load(file(), 2)) {
      int[] found = probe.score(ids, EngineProbe.Way.REPLY).top1();
      for (int i = 0; i < ids.length; i++) {
        if (margins[i] > 0.5) {
          assertThat(found[i]).as("position %d", i).isEqualTo(expectedTop[i]);
        }
      }
    }
  }

  private static double[] doubles(float[] values) {
    double[] out = new double[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = values[i];
    }
    return out;
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElseThrow();
  }

  @Test
  void aQuestionIsAnswered() {
    ChatResponse response =
        model().chatModel().chat(UserMessage.from("What is the capital of France? One word."));
    assertThat(response.aiMessage().text()).contains("Paris");
    assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
  }

  private static final ToolSpecification CALCULATOR =
      ToolSpecification.builder()
          .name("calculator")
          .description("Evaluates an arithmetic expression.")
          .parameters(
              JsonObjectSchema.builder()
                  .addStringProperty("expression", "the expression, such as 2 * 21")
                  .required("expression")
                  .build())
          .build();

  @Test
  void aToolRequestYieldsACallAndItsResultIsUnderstood() {
    List<ChatMessage> messages =
        List.of(
            SystemMessage.from("You are a helpful assistant."),
            UserMessage.from("What is 1234 * 5678? Use the calculator."));
    RecordingHandler heard = new RecordingHandler();
    model()
        .streamingChatModel()
        .chat(
            ChatRequest.builder().messages(messages).toolSpecifications(CALCULATOR).build(), heard);
    AiMessage reply = heard.response().aiMessage();
    assertThat(heard.response().finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
    assertThat(reply.toolExecutionRequests()).isNotEmpty();
    assertThat(heard.calls).hasSameSizeAs(reply.toolExecutionRequests());
    assertThat(reply.toolExecutionRequests().getFirst().name()).isEqualTo("calculator");
    assertThat(reply.toolExecutionRequests().getFirst().arguments()).contains("1234", "5678");

    ChatResponse answer =
        model()
            .chatModel()
            .chat(
                ChatRequest.builder()
                    .messages(
                        messages.getFirst(),
                        messages.getLast(),
                        reply,
                        ToolExecutionResultMessage.from(
                            reply.toolExecutionRequests().getFirst(), "7006652"),
                        UserMessage.from("Answer now in one sentence, without calling tools."))
                    .build());
    assertThat(answer.aiMessage().text()).contains("7006652");
  }

  @Test
  void readingALongPromptIsCancelledWithin200Milliseconds() throws InterruptedException {
    assertThat(quickestOfThree(LocalModelIT::cancelReading)).isLessThan(Duration.ofMillis(200));
  }

  private static Duration cancelReading() throws InterruptedException {
    RecordingHandler heard = new RecordingHandler();
    ChatRequest request = request("A long story goes on. ".repeat(600));
    Thread reader =
        Thread.ofVirtual().start(() -> model().streamingChatModel().chat(request, heard));
    Thread.sleep(Duration.ofSeconds(1));
    long start = System.nanoTime();
    reader.interrupt();
    reader.join();
    assertThat(heard.error()).isInstanceOf(CancellationException.class);
    assertThat(heard.ends).isEqualTo(1);
    return Duration.ofNanos(System.nanoTime() - start);
  }

  @Test
  void writingAReplyIsCancelledWithin200Milliseconds() throws InterruptedException {
    assertThat(quickestOfThree(LocalModelIT::cancelWriting)).isLessThan(Duration.ofMillis(200));
  }

  private static Duration cancelWriting() {
    long[] cancelled = {0};
    int[] pieces = {0};
    RecordingHandler heard =
        new RecordingHandler(
            handle -> {
              if (++pieces[0] == 5) {
                cancelled[0] = System.nanoTime();
                handle.cancel();
              }
            });
    model().streamingChatModel().chat(request("Count from 1 to 100."), heard);
    assertThat(heard.error()).isInstanceOf(CancellationException.class);
    return Duration.ofNanos(System.nanoTime() - cancelled[0]);
  }

  private static ChatRequest request(String text) {
    return ChatRequest.builder().messages(UserMessage.from(text)).build();
  }

  private interface Measurement {
    Duration take() throws InterruptedException;
  }

  /** A busy machine can delay any one of them. */
  private static Duration quickestOfThree(Measurement measurement) throws InterruptedException {
    Duration quickest = measurement.take();
    for (int i = 0; i < 2; i++) {
      Duration next = measurement.take();
      quickest = next.compareTo(quickest) < 0 ? next : quickest;
    }
    return quickest;
  }
}
