package dev.qwen4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Every known way to spell a chunk comes out as the same one. */
class StreamQuirksTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final StreamQuirks quirks =
      new StreamQuirks(
          new EndpointFailures(
              URI.create("http://localhost/v1"), "m", new ApiKey(null, null), List.of()));

  private JsonNode choice(String delta, String finish) throws Exception {
    String chunk = "{\"choices\":[{\"delta\":%s,\"finish_reason\":%s}]}".formatted(delta, finish);
    return JSON.readTree(quirks.normalise(null, chunk)).path("choices").path(0);
  }

  /** Feeds pieces of tool calls, one a chunk, and joins what comes out as the client does. */
  private List<String> joined(String... pieces) throws Exception {
    Map<Integer, String[]> calls = new TreeMap<>();
    for (String piece : pieces) {
      JsonNode out = choice("{\"tool_calls\":[" + piece + "]}", "null").path("delta");
      for (JsonNode call : out.path("tool_calls")) {
        String[] joined =
            calls.computeIfAbsent(call.path("index").intValue(), i -> new String[] {"", "", ""});
        joined[0] += call.path("id").asText("");
        joined[1] += call.path("function").path("name").asText("");
        joined[2] += call.path("function").path("arguments").asText("");
      }
    }
    List<String> result = new ArrayList<>();
    calls.forEach(
        (index, call) ->
            result.add(
                index + " " + (call[0].length() > 20 ? "new" : call[0]) + " " + call[1] + call[2]));
    return result;
  }

  @Test
  void anIdAndANameThatAreRepeatedComeOnce() throws Exception {
    assertThat(
            joined(
                "{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}",
                "{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"}\"}}"))
        .containsExactly("0 a f{}");
  }

  @Test
  void callsWithoutIndexAreToldApartByTheirIds() throws Exception {
    assertThat(
            joined(
                "{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}",
                "{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{\\\"x\\\":\"}}",
                "{\"function\":{\"arguments\":\"1}\"}}"))
        .containsExactly("0 a f{}", "1 b g{\"x\":1}");
  }

  @Test
  void oneIndexForTwoCallsIsSplit() throws Exception {
    assertThat(
            joined(
                "{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}",
                "{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}",
                "{\"index\":0,\"id\":\"\",\"function\":{\"name\":null,\"arguments\":\"}\"}}"))
        .containsExactly("0 a f{}", "1 b f{}");
  }

  @Test
  void wholeCallsWithoutAnyMarkAreSplit() throws Exception {
    assertThat(
            joined(
                "{\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}",
                "{\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":2}\"}}"))
        .containsExactly("0 new f{\"x\":1}", "1 new f{\"x\":2}");
  }

  @Test
  void callsThatComeMixedComeOneAfterTheOther() throws Exception {
    assertThat(
            joined(
                "{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}",
                "{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{\"}}",
                "{\"index\":1,\"function\":{\"arguments\":\"}\"}}"))
        .as("nothing of the second call before the first is whole")
        .containsExactly("0 a f{");
    assertThat(
            JSON.readTree(
                    quirks.normalise(
                        null,
                        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
                            + "{\"arguments\":\"}\"}}]}}]}"))
                .at("/choices/0/delta/tool_calls"))
        .isEqualTo(
            JSON.readTree(
                "[{\"index\":0,\"function\":{\"arguments\":\"}\"}},{\"index\":1,\"id\":\"b\","
                    + "\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]"));
  }

  @Test
  void whatStillWaitsComesWithTheEnd() throws Exception {
    joined(
        "{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}",
        "{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}");
    JsonNode last = choice("{}", "\"tool_calls\"");
    assertThat(last.at("/delta/tool_calls/0/function/name").asText()).isEqualTo("g");
    assertThat(last.path("finish_reason").asText()).isEqualTo("tool_calls");
  }

  @Test
  void numberingStartsAtZero() throws Exception {
    assertThat(
            joined("{\"index\":1,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"))
        .containsExactly("0 a f{}");
  }

  @Test
  void twoCallsUnderOneIdGetTwoIds() throws Exception {
    assertThat(
            joined(
                "{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}",
                "{\"index\":1,\"id\":\"a\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}"))
        .containsExactly("0 a f{}", "1 new g{}");
  }

  @Test
  void aWholeCallThatIsSentAgainIsDropped() throws Exception {
    String whole = "{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}";
    assertThat(joined(whole, whole)).containsExactly("0 a f{}");
  }

  @Test
  void anIdThatComesLateIsNotNeededAnyMore() throws Exception {
    assertThat(
            joined(
                "{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}",
                "{\"index\":0,\"id\":\"late\",\"function\":{\"arguments\":\"}\"}}"))
        .containsExactly("0 new f{}");
  }

  @Test
  void argumentsThatAreAnObjectBecomeText() throws Exception {
    assertThat(joined("{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}"))
        .containsExactly("0 a f{\"x\":1}");
  }

  @Test
  void anEmptyPieceIsNoCall() throws Exception {
    assertThat(joined("{\"index\":0,\"id\":\"\",\"function\":{\"name\":null,\"arguments\":null}}"))
        .isEmpty();
  }

  @Test
  void thinkingHasOneName() throws Exception {
    for (String delta :
        List.of(
            "{\"reasoning\":\"t\"}",
            "{\"reasoning_content\":\"t\"}",
            "{\"reasoning_content\":\"t\",\"reasoning\":\"t\"}",
            "{\"reasoning_content\":\"t\",\"reasoning\":null}",
            "{\"reasoning_content\":null,\"reasoning\":\"t\"}",
            "{\"reasoning_content\":\"\",\"reasoning\":\"t\"}")) {
      JsonNode out = choice(delta, "null").path("delta");
      assertThat(out.path("reasoning_content").asText()).as(delta).isEqualTo("t");
      assertThat(out.has("reasoning")).as(delta).isFalse();
    }
  }

  @Test
  void anEmptyFinishReasonIsNone() throws Exception {
    assertThat(choice("{\"content\":\"x\"}", "\"\"").has("finish_reason")).isFalse();
    assertThat(quirks.finished()).isFalse();
    assertThat(choice("{}", "\"length\"").path("finish_reason").asText()).isEqualTo("length");
    assertThat(quirks.finished()).isTrue();
  }
}
