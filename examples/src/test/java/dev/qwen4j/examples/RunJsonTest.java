package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@code qwen4j run --json} on endpoints as they are: what servers send that the protocol does not
 * say, calls that were left in the text, broken arguments, and what the next request looks like.
 */
class RunJsonTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SUM = "{\\\"expression\\\": \\\"6 * 7\\\"}";
  private static final String USAGE =
      "{\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2}}";
  private static final String STOP = delta("{}", "stop");
  private static final String DONE = "[DONE]";

  private final ScriptedEndpoint endpoint = new ScriptedEndpoint();

  @AfterEach
  void stop() {
    endpoint.close();
  }

  private Outcome run(String... options) {
    String[] all =
        Stream.concat(Stream.of("run", "--json", "--model", endpoint.model()), Stream.of(options))
            .toArray(String[]::new);
    return Outcome.of(all);
  }

  private static String delta(String delta) {
    return "{\"choices\":[{\"index\":0,\"delta\":" + delta + "}]}";
  }

  private static String delta(String delta, String finish) {
    return "{\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":\"%s\"}]}"
        .formatted(delta, finish);
  }

  private static String call(String call) {
    return delta("{\"tool_calls\":[" + call + "]}");
  }

  private static String text(String text) {
    return delta(JSON.createObjectNode().put("content", text).toString());
  }

  private static JsonNode read(String json) {
    try {
      return JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new AssertionError("not JSON: " + json, e);
    }
  }

  private JsonNode request(int number) {
    return read(endpoint.requests().get(number).getBodyAsString());
  }

  /** One tool was called, with the right arguments, and then there was an answer. */
  private static void calculated(Outcome outcome) {
    assertThat(outcome.lines("tool_call"))
        .as(outcome.out())
        .singleElement()
        .satisfies(call -> assertThat(call.path("name").asText()).isEqualTo("calculator"));
    assertThat(outcome.lines("tool_result").getFirst().path("content").asText()).isEqualTo("42");
    assertThat(outcome.result().path("text").asText()).isEqualTo("It is 42.");
    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("answer");
    assertThat(outcome.exitCode()).isZero();
  }

  private static String function(String arguments) {
    return "\"function\":{\"name\":\"calculator\",\"arguments\":\"" + arguments + "\"}";
  }

  private record Spelling(String name, List<String> events) {
    static Spelling of(String name, String... events) {
      return new Spelling(name, List.of(events));
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** The same call, as servers spell it. */
  static Stream<Spelling> spellings() {
    return Stream.of(
        Spelling.of("no id", call("{\"index\":0," + function(SUM) + "}"), STOP, DONE),
        Spelling.of("an empty id", call("{\"index\":0,\"id\":\"\"," + function(SUM) + "}"), STOP),
        Spelling.of("no index", call("{\"id\":\"a\"," + function(SUM) + "}"), STOP, DONE),
        Spelling.of(
            "stop after calls", call("{\"index\":0,\"id\":\"a\"," + function(SUM) + "}"), STOP),
        Spelling.of(
            "no finish reason", call("{\"index\":0,\"id\":\"a\"," + function(SUM) + "}"), DONE),
        Spelling.of(
            "no end mark",
            call("{\"index\":0,\"id\":\"a\"," + function(SUM) + "}"),
            delta("{}", "tool_calls")),
        Spelling.of(
            "id and name with every piece",
            call("{\"index\":0,\"id\":\"a\"," + function("{\\\"expression\\\"") + "}"),
            call("{\"index\":0,\"id\":\"a\"," + function(": \\\"6 * 7\\\"}") + "}"),
            STOP),
        Spelling.of(
            "arguments as an object",
            call(
                "{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"calculator\","
                    + "\"arguments\":{\"expression\":\"6 * 7\"}}}"),
            STOP),
        Spelling.of(
            "the whole call twice",
            call("{\"index\":0,\"id\":\"a\"," + function(SUM) + "}"),
            call("{\"index\":0,\"id\":\"a\"," + function(SUM) + "}"),
            STOP),
        Spelling.of(
            "pieces that say everything so far",
            call("{\"index\":0,\"id\":\"a\"," + function("{\\\"expression\\\"") + "}"),
            call("{\"index\":0,\"id\":\"a\"," + function(SUM) + "}"),
            STOP),
        Spelling.of(
            "an old function call",
            delta("{\"function_call\":{\"name\":\"calculator\",\"arguments\":\"" + SUM + "\"}}"),
            delta("{}", "function_call")),
        Spelling.of(
            "Hermes tags in the text",
            text("<tool_call>\n{\"name\": \"calculator\", \"argu"),
            text("ments\": {\"expression\": \"6 * 7\"}}\n</tool_call>"),
            STOP),
        Spelling.of(
            "bare JSON in the text",
            text("{\"name\": \"calculator\", \"arguments\": {\"expression\": \"6 * 7\"}}"),
            STOP),
        Spelling.of(
            "fenced JSON in the text",
            text("```json\n{\"name\": \"calculator\", \"arguments\": {\"expression\": \"6 * 7\"}}"),
            text("\n```"),
            STOP),
        Spelling.of(
            "XML in the text",
            text("<tool_call>\n<function=calculator>\n<parameter=expression>\n6 * 7\n"),
            text("</parameter>\n</function>\n</tool_call>"),
            STOP),
        Spelling.of(
            "a thought of a call before the call",
            text("<think>I could <tool_call>{\"name\": \"calculator\", \"arguments\": "),
            text("{\"expression\": \"1\"}}</tool_call></think>\n<tool_call>{\"name\": "),
            text("\"calculator\", \"arguments\": {\"expression\": \"6 * 7\"}}</tool_call>"),
            STOP),
        Spelling.of(
            "a comma too many",
            call(
                "{\"index\":0,\"id\":\"a\","
                    + function("{\\\"expression\\\": \\\"6 * 7\\\",}")
                    + "}"),
            STOP),
        Spelling.of(
            "single quotes",
            call("{\"index\":0,\"id\":\"a\"," + function("{'expression': '6 * 7'}") + "}"),
            STOP),
        Spelling.of(
            "no closing brace",
            call(
                "{\"index\":0,\"id\":\"a\","
                    + function("{\\\"expression\\\": \\\"6 * 7\\\"")
                    + "}"),
            STOP));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("spellings")
  void theSameCallInEverySpelling(Spelling spelling) {
    endpoint.events(spelling.events().toArray(String[]::new)).answers("It is 42.");

    calculated(run("What is 6 * 7?"));

    JsonNode messages = request(1).path("messages");
    JsonNode asked = messages.get(messages.size() - 2).path("tool_calls").get(0);
    assertThat(asked.path("id").asText()).isNotEmpty();
    assertThat(messages.get(messages.size() - 1).path("tool_call_id").asText())
        .isEqualTo(asked.path("id").asText());
    assertThat(read(asked.path("function").path("arguments").asText()).path("expression").asText())
        .isEqualTo("6 * 7");
  }

  @Test
  void argumentsThatAreLeftOutAreNone() {
    endpoint
        .events(call("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"current_time\"}}"), STOP)
        .answers("It is late.");
    Outcome outcome = run("How late is it?");
    assertThat(outcome.lines("tool_result").getFirst().path("is_error").asBoolean()).isFalse();
    assertThat(outcome.lines("tool_call").getFirst().path("arguments").toString()).isEqualTo("{}");
  }

  @Test
  void callsThatShareAnIdAndComeMixedAreTwo() {
    endpoint
        .events(
            call("{\"index\":0,\"id\":\"a\"," + function("{\\\"expression\\\": \\\"1") + "}"),
            call("{\"index\":1,\"id\":\"a\"," + function("{\\\"expression\\\": \\\"2") + "}"),
            call("{\"index\":0,\"function\":{\"arguments\":\" + 1\\\"}\"}}"),
            call("{\"index\":1,\"function\":{\"arguments\":\" + 2\\\"}\"}}"),
            delta("{}", "tool_calls"),
            DONE)
        .answers("2 and 4.");
    Outcome outcome = run("What are 1 + 1 and 2 + 2?");
    assertThat(outcome.lines("tool_result"))
        .extracting(line -> line.path("content").asText())
        .containsExactly("2", "4");
    assertThat(outcome.lines("tool_call"))
        .extracting(line -> line.path("id").asText())
        .doesNotHaveDuplicates();
  }

  @Test
  void anAnswerThatGrowsWithEachPieceIsShownOnce() {
    endpoint.events(text("It"), text("It is"), text("It is 42."), STOP, DONE);
    Outcome outcome = run("?");
    assertThat(outcome.result().path("text").asText()).isEqualTo("It is 42.");
    assertThat(outcome.lines("text"))
        .extracting(line -> line.path("delta").asText())
        .containsExactly("It", " is", " 42.");
  }

  @Test
  void aServerThatDoesNotStreamIsUnderstood() {
    endpoint.replies(
        "application/json",
        "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"It is"
            + " 42.\"},\"finish_reason\":\"stop\"}],"
            + "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2}}");
    Outcome outcome = run("?");
    assertThat(outcome.result().path("text").asText()).isEqualTo("It is 42.");
    assertThat(outcome.result().path("usage").toString())
        .isEqualTo("{\"input_tokens\":10,\"output_tokens\":2}");
  }

  @Test
  void commentsCarriageReturnsAndMissingSpacesAreNoContent() {
    endpoint.replies(
        "text/event-stream",
        ": ping\r\n\r\nevent: message\r\nid: 7\r\ndata:"
            + text("It is 42.")
            + "\r\n\r\n: ping\r\n\r\n"
            + "data:"
            + STOP
            + "\r\n\r\ndata:[DONE]\r\n\r\n");
    assertThat(run("?").result().path("text").asText()).isEqualTo("It is 42.");
  }

  @Test
  void anErrorInsideAStreamIsAnError() {
    endpoint.events(text("It is"), "{\"error\":{\"message\":\"the card fell off the bus\"}}");
    Outcome outcome = run("?");
    assertThat(outcome.exitCode()).isEqualTo(1);
    assertThat(outcome.result().path("error").asText()).contains("the card fell off the bus");
    assertThat(outcome.result().path("answered").asBoolean()).isFalse();
    assertThat(outcome.result().path("text").asText()).isEqualTo("It is");
  }

  @Test
  void aStreamThatEndsInTheMiddleIsNoAnswer() {
    endpoint.events(text("It is"));
    Outcome outcome = run("?");
    assertThat(outcome.exitCode()).isEqualTo(1);
    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("error");
  }

  @Test
  void usageThatIsRepeatedCountsOnceAndTurnsAreSummed() {
    String early =
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}],"
            + "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":1}}";
    endpoint
        .events(
            early,
            call("{\"index\":0,\"id\":\"a\"," + function(SUM) + "}"),
            delta("{}", "tool_calls"),
            USAGE,
            DONE)
        .events(early, text("It is 42."), STOP, USAGE, DONE);
    Outcome outcome = run("?");
    calculated(outcome);
    assertThat(outcome.result().path("usage").toString())
        .isEqualTo("{\"input_tokens\":20,\"output_tokens\":4}");
    assertThat(outcome.result().path("turns").asInt()).isEqualTo(2);
    assertThat(outcome.result().has("unmeasured_turns")).isFalse();
  }

  @Test
  void usageThatIsMissingIsSaid() {
    endpoint.events(text("It is 42."), STOP, DONE);
    Outcome outcome = run("?");
    assertThat(outcome.result().path("unmeasured_turns").asInt()).isEqualTo(1);
  }

  @Test
  void jsonOfAToolThatThereIsNotIsText() {
    String said = "{\"name\": \"launch\", \"arguments\": {\"at\": \"dawn\"}}";
    endpoint.events(text(said), STOP, DONE);
    Outcome outcome = run("?");
    assertThat(outcome.lines("tool_call")).isEmpty();
    assertThat(outcome.result().path("text").asText()).isEqualTo(said);
  }

  @Test
  void thoughtsWithoutABeginningAreNotTheAnswer() {
    endpoint.events(text("Hm, 6 * 7.\n</think>\n\nIt is"), text(" 42."), STOP, DONE);
    assertThat(run("?").result().path("text").asText()).isEqualTo("It is 42.");
  }

  @Test
  void argumentsThatNobodyCanReadGoBackToTheModel() {
    endpoint
        .calls("a", "calculator", "{\"expression\": \"6 * \"7\"}")
        .calls("b", "calculator", "{\"expression\": \"6 * 7\"}")
        .answers("It is 42.");
    Outcome outcome = run("?");
    assertThat(outcome.lines("tool_result"))
        .extracting(line -> line.path("is_error").asBoolean())
        .containsExactly(true, false);
    JsonNode messages = request(1).path("messages");
    JsonNode kept = messages.get(messages.size() - 2).path("tool_calls").get(0).path("function");
    assertThat(read(kept.path("arguments").asText()).isObject()).isTrue();
  }

  @Test
  void aWrongNameAndMissingArgumentsAreSaidWithWhatIsRight() {
    endpoint
        .calls("a", "calculate", "{\"expression\": \"6 * 7\"}")
        .calls("b", "calculator", "{\"expresion\": \"6 * 7\"}")
        .answers("Never mind.");
    Outcome outcome = run("?");
    assertThat(outcome.lines("tool_result"))
        .extracting(line -> line.path("content").asText())
        .satisfiesExactly(
            name -> assertThat(name).contains("Did you mean 'calculator'?"),
            missing -> assertThat(missing).contains("expression"));
  }

  @Test
  void eachRequestBeginsWithAllOfTheOneBefore() {
    endpoint
        .calls("a", "calculator", "{\"expression\": \"6 * 7\"}")
        .calls("b", "calculator", "{\"expression\": \"7 * 7\"}")
        .answers("42 and 49.");
    run("What are 6 * 7 and 7 * 7?");
    for (int i = 1; i < 3; i++) {
      JsonNode before = request(i - 1).path("messages");
      JsonNode now = request(i).path("messages");
      assertThat(now.size()).isGreaterThan(before.size());
      for (int m = 0; m < before.size(); m++) {
        assertThat(now.get(m).toString()).isEqualTo(before.get(m).toString());
      }
      assertThat(request(i).path("tools").toString())
          .isEqualTo(request(i - 1).path("tools").toString());
    }
  }

  @Test
  void aReplyThatIsCutOffWithinACallDoesNotRunIt() {
    endpoint
        .events(
            call("{\"index\":0,\"id\":\"a\"," + function("{\\\"expression\\\": \\\"6 *") + "}"),
            delta("{}", "length"),
            DONE)
        .answers("Too long.");
    Outcome outcome = run("?");
    assertThat(outcome.lines("tool_result").getFirst().path("content").asText())
        .contains("cut off");
    assertThat(outcome.result().path("text").asText()).isEqualTo("Too long.");
  }

  @Test
  void severalCallsBeyondTheTurnLimitStillEndInAnAnswer() {
    endpoint
        .calls("a", "calculator", "{\"expression\": \"1\"}")
        .calls("b", "calculator", "{\"expression\": \"2\"}")
        .answers("As far as I got: 2.");
    Outcome outcome = run("--max-turns", "2", "Count");
    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("max_turns");
    assertThat(outcome.exitCode()).isEqualTo(3);
    assertThat(request(2).has("tools")).isFalse();
  }
}
