package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.structured.Description;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that end in a record. */
class TypedResultTest {
  private enum Sky {
    CLEAR,
    CLOUDY
  }

  private record Weather(
      @Description("in degrees Celsius") int degrees, Sky sky, @Nullable String remark) {
    private Weather {
      if (degrees < -273) {
        throw new IllegalArgumentException("degrees must be above absolute zero");
      }
    }
  }

  private static final Weather ROME = new Weather(21, Sky.CLEAR, null);

  private final RecordingListener listener = new RecordingListener();

  private TypedResult<Weather> weather(StreamingChatModel model) {
    return Agent.builder()
        .model(model)
        .tool(TestTool.upper())
        .build()
        .run(
            List.of(UserMessage.from("The weather in Rome?")),
            Weather.class,
            listener,
            new Cancellation());
  }

  private static String last(ChatRequest request) {
    return ((UserMessage) request.messages().getLast()).singleText();
  }

  @Test
  void anAnswerThatFitsIsTheRecord() {
    var model = new ScriptedModel().enqueueText("{\"degrees\": 21, \"sky\": \"CLEAR\"}");
    TypedResult<Weather> result = weather(model);
    assertThat(result.value()).isEqualTo(ROME);
    assertThat(result.run().stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(last(model.requests().getFirst()))
        .startsWith("The weather in Rome?\n\nAnswer with nothing but one JSON object")
        .contains("\"degrees\":{\"type\":\"integer\",\"description\":\"in degrees Celsius\"}")
        .contains("\"enum\":[\"CLEAR\",\"CLOUDY\"]")
        .contains("\"required\":[\"degrees\",\"sky\"]");
  }

  @Test
  void aFenceWordsAroundItAndSmallMistakesAreReadOver() {
    for (String answer :
        List.of(
            "```json\n{\"degrees\": 21, \"sky\": \"CLEAR\"}\n```",
            "Here it is: {\"degrees\": \"21\", \"sky\": \"clear\"} I hope that helps.",
            "{'degrees': 21, 'sky': 'CLEAR', 'remark': null,}",
            "{\"degrees\": 21, \"sky\": \"CLEAR\", \"source\": \"a guess\"",
            "<think>\nhm\n</think>\n{\"degrees\": 21, \"sky\": \"CLEAR\"}")) {
      assertThat(weather(new ScriptedModel().enqueueText(answer)).value())
          .as(answer)
          .isEqualTo(ROME);
    }
  }

  @Test
  void anAnswerThatDoesNotFitIsCorrectedByThePathOfWhatIsWrong() {
    var model =
        new ScriptedModel()
            .enqueueText("It is warm and sunny.")
            .enqueueText("{\"degrees\": \"warm\", \"sky\": \"CLEAR\"}")
            .enqueueText("{\"degrees\": 21, \"sky\": \"CLEAR\"}");
    assertThat(weather(model).value()).isEqualTo(ROME);
    assertThat(last(model.requests().get(1)))
        .isEqualTo(
            "That answer cannot be used: it is not one JSON object, but begins with 'It is warm"
                + " and sunny.'. Write the whole JSON object again, corrected.");
    assertThat(last(model.requests().get(2)))
        .contains("$.degrees must be a whole number, but was \"warm\".");
  }

  @Test
  void whatTheRecordItselfRefusesIsCorrectedToo() {
    var model =
        new ScriptedModel()
            .enqueueText("{\"degrees\": -300, \"sky\": \"CLEAR\"}")
            .enqueueText("{\"degrees\": 21, \"sky\": \"CLEAR\"}");
    assertThat(weather(model).value()).isEqualTo(ROME);
    assertThat(last(model.requests().get(1))).contains("degrees must be above absolute zero");
  }

  @Test
  void toolsMayBeCalledBeforeTheRecordComesAndNotWhileItIsCorrected() {
    var model =
        new ScriptedModel()
            .enqueue(reply().call("upper", "{\"x\":\"rome\"}"))
            .enqueueText("Sunny!")
            .enqueueText("{\"degrees\": 21, \"sky\": \"CLEAR\"}");
    assertThat(weather(model).value()).isEqualTo(ROME);
    assertThat(model.requests().get(1).toolSpecifications()).hasSize(1);
    assertThat(model.requests().get(2).toolSpecifications()).isEmpty();
  }

  @Test
  void afterAFewCorrectionsTheFailureHasTheLastText() {
    var model = new ScriptedModel().otherwise(request -> reply().text("no JSON from me"));
    TypedResult<Weather> result = weather(model);
    assertThat(result).isInstanceOf(TypedResult.Nothing.class);
    assertThat(result.run().text()).isEqualTo("no JSON from me");
    assertThat(model.requests()).hasSize(4);
    assertThatIllegalStateException()
        .isThrownBy(result::value)
        .withMessageContaining("not one JSON object")
        .withMessageEndingWith("The last text is: no JSON from me");
  }

  @Test
  void aRunThatFailedSaysSoAndNotThatTheFormIsWrong() {
    var model = new ScriptedModel().enqueue(reply().fail(new IllegalStateException("gone")));
    assertThat(weather(model))
        .isInstanceOfSatisfying(
            TypedResult.Nothing.class,
            nothing -> assertThat(nothing.why()).isEqualTo("the run ended as error: gone."));
  }

  @Test
  void aForcedAnswerHasTheFormToo() {
    var model =
        new ScriptedModel()
            .enqueue(reply().call("upper", "{\"x\":\"rome\"}"))
            .enqueueText("I would say sunny")
            .enqueueText("{\"degrees\": 21, \"sky\": \"CLEAR\"}");
    Agent agent =
        Agent.builder()
            .model(model)
            .tool(TestTool.upper())
            .limits(Limits.DEFAULT.withMaxTurns(1))
            .build();
    TypedResult<Weather> result = agent.run("The weather?", Weather.class);
    assertThat(result.value()).isEqualTo(ROME);
    assertThat(result.run().stopReason()).isEqualTo(StopReason.MAX_TURNS);
    assertThat(last(model.requests().get(1))).contains("JSON schema");
  }

  /** A model whose host can hold it to a schema. */
  private record Enforcing(ScriptedModel model) implements StreamingChatModel {
    @Override
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
      model.doChat(request, handler);
    }

    @Override
    public Set<Capability> supportedCapabilities() {
      return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
    }
  }

  @Test
  void aHostThatCanHoldTheModelToItIsAskedToWhenNoToolsAreOnOffer() {
    var model =
        new ScriptedModel()
            .enqueue(reply().call("upper", "{\"x\":\"rome\"}"))
            .enqueueText("Sunny!")
            .enqueueText("{\"degrees\": 21, \"sky\": \"CLEAR\"}");
    weather(new Enforcing(model));
    assertThat(model.requests().get(1).responseFormat()).isNull();
    assertThat(model.requests().get(2).responseFormat().jsonSchema().name()).isEqualTo("Weather");

    var withoutTools = new ScriptedModel().enqueueText("{\"degrees\": 21, \"sky\": \"CLEAR\"}");
    Agent.builder().model(new Enforcing(withoutTools)).build().run("Weather?", Weather.class);
    assertThat(withoutTools.requests().getFirst().responseFormat()).isNotNull();
  }

  @Test
  void aSessionKeepsTheCorrections(@TempDir Path folder) throws IOException {
    var model =
        new ScriptedModel()
            .enqueueText("Sunny!")
            .enqueueText("{\"degrees\": 21, \"sky\": \"CLEAR\"}");
    Agent agent = Agent.builder().model(model).build();
    Path file = folder.resolve("s.jsonl");
    try (Session session = Session.open(file)) {
      TypedResult<Weather> result =
          agent.run(session, "Weather?", Weather.class, listener, new Cancellation());
      assertThat(result.value()).isEqualTo(ROME);
    }
    try (Session session = Session.open(file)) {
      assertThat(session.messages()).hasSize(4);
    }
  }

  private record Tree(String name, List<Tree> parts, Map<String, Double> sizes) {}

  private record Timed(java.time.Instant at) {}

  @Test
  void recordsMayHoldThemselvesListsAndMaps() {
    var model =
        new ScriptedModel()
            .enqueueText(
                "{\"name\":\"a\",\"parts\":[{\"name\":\"b\",\"parts\":[],\"sizes\":{}}],"
                    + "\"sizes\":{\"x\":1.5}}");
    TypedResult<Tree> result = Agent.builder().model(model).build().run("?", Tree.class);
    assertThat(result.value())
        .isEqualTo(new Tree("a", List.of(new Tree("b", List.of(), Map.of())), Map.of("x", 1.5)));
  }

  @Test
  void aTypeWithoutAFormIsRefusedAtTheDoor() {
    Agent agent = Agent.builder().model(new ScriptedModel()).build();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> agent.run("?", String.class))
        .withMessage("A typed answer must be a record, but java.lang.String is none.");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> agent.run("?", Timed.class))
        .withMessageStartingWith("Timed.at is of type java.time.Instant");
  }
}
