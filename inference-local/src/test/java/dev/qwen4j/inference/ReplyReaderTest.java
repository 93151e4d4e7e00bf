package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.qwen4j.dialect.HermesParser;
import dev.qwen4j.inference.internal.engine.StopSequences;
import dev.qwen4j.inference.internal.engine.VocabularyReader;
import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import dev.qwen4j.inference.internal.weights.GgufFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReplyReaderTest {
  private final List<String> heard = new ArrayList<>();
  private final ReplyListener listener =
      new ReplyListener() {
        @Override
        public void text(String delta) {
          heard.add("text:" + delta);
        }

        @Override
        public void thinking(String delta) {
          heard.add("thinking:" + delta);
        }

        @Override
        public void call(int index, ToolExecutionRequest request) {
          heard.add("call " + index + ":" + request.name() + request.arguments());
        }
      };

  private Tokenizer tokenizer = openTokenizer();

  private static Tokenizer openTokenizer() {
    try (GgufFile file = GgufFile.open(Golden.model("qwen3"))) {
      return VocabularyReader.tokenizer(file);
    }
  }

  @BeforeEach
  void forget() {
    heard.clear();
  }

  private AiMessage read(String reply, String... stops) {
    ReplyReader reader =
        new ReplyReader(
            tokenizer.streamDecoder(),
            new StopSequences(List.of(stops)),
            HermesParser.forTools(Set.of("calculator")),
            listener);
    for (int id : tokenizer.encodeWithMarkers(reply)) {
      if (!reader.accept(id)) {
        break;
      }
    }
    return reader.finish();
  }

  private String heardOf(String kind) {
    StringBuilder all = new StringBuilder();
    heard.stream()
        .filter(entry -> entry.startsWith(kind + ":"))
        .forEach(entry -> all.append(entry.substring(kind.length() + 1)));
    return all.toString();
  }

  /** Of the real 0.5B model: nobody sees it, and it does not end before the context does. */
  @Test
  void aCallThatGoesRoundInACircleEndsTheReply() {
    String endless = "{\"name\": \"calculator\", \"arguments\": {\"expression\": \"1";
    String round = " + 21 * 1";
    ReplyReader reader =
        new ReplyReader(
            tokenizer.streamDecoder(),
            new StopSequences(List.of()),
            HermesParser.forTools(Set.of("calculator")),
            listener);
    boolean ended = false;
    for (int id : tokenizer.encodeWithMarkers("Well: <tool_call>" + endless + round.repeat(200))) {
      ended = !reader.accept(id);
      if (ended) {
        break;
      }
    }
    assertThat(ended).isTrue();
    AiMessage message = reader.finish();
    assertThat(reader.wentInCircles()).isTrue();
    assertThat(message.hasToolExecutionRequests()).isFalse();
    assertThat(message.text()).isEqualTo("Well: ");
  }

  @Test
  void whatCanBeHeardMayGoRoundInCircles() {
    String verse = "la ".repeat(1000);
    assertThat(read(verse).text()).isEqualTo(verse);
  }

  @Test
  void aLongCallIsNoCircle() {
    StringBuilder table = new StringBuilder();
    for (int i = 0; i < 500; i++) {
      table.append(i * i % 97).append(",0,0,0;");
    }
    AiMessage message =
        read(
            "<tool_call>{\"name\": \"calculator\", \"arguments\": {\"expression\": \""
                + table
                + "\"}}</tool_call>");
    assertThat(message.toolExecutionRequests()).hasSize(1);
  }

  @Test
  void charactersOfSeveralTokensArriveWhole() {
    AiMessage message = read("naïve 世界 🙂 ok");
    assertThat(message.text()).isEqualTo("naïve 世界 🙂 ok");
    assertThat(heardOf("text")).isEqualTo("naïve 世界 🙂 ok").doesNotContain("\uFFFD");
    assertThat(heard).contains("text:世", "text:🙂");
  }

  @Test
  void thinkingIsSeparated() {
    AiMessage message = read("<think>\nsum them\n</think>\n\nIt is 4.");
    assertThat(message.thinking()).isEqualTo("sum them");
    assertThat(message.text()).isEqualTo("It is 4.");
    assertThat(heardOf("thinking")).isEqualTo("sum them");
    assertThat(heardOf("text")).isEqualTo("It is 4.");
  }

  @Test
  void callsGetIdsAndTheSpaceAroundThemIsDropped() {
    String call =
        "<tool_call>\n{\"name\": \"calculator\", \"arguments\": {\"e\": \"1\"}}\n</tool_call>";
    AiMessage message = read("\n" + call + "\n" + call + "\n");
    assertThat(message.text()).isNull();
    assertThat(message.toolExecutionRequests())
        .hasSize(2)
        .allSatisfy(request -> assertThat(request.name()).isEqualTo("calculator"))
        .allSatisfy(request -> assertThat(request.arguments()).isEqualTo("{\"e\":\"1\"}"))
        .extracting(ToolExecutionRequest::id)
        .doesNotHaveDuplicates()
        .allSatisfy(id -> assertThat(id).startsWith("call_"));
    assertThat(heard)
        .containsExactly("call 0:calculator{\"e\":\"1\"}", "call 1:calculator{\"e\":\"1\"}");
  }

  @Test
  void aBareCallOfADeclaredToolIsACall() {
    AiMessage message = read("{\"name\": \"calculator\", \"arguments\": {\"e\": \"1 * 2\"}}");
    assertThat(message.toolExecutionRequests()).hasSize(1);
    assertThat(message.text()).isNull();
  }

  @Test
  void aStopSequenceEndsTheReply() {
    AiMessage message = read("one two three", " thr");
    assertThat(message.text()).isEqualTo("one two");
    assertThat(heardOf("text")).isEqualTo("one two");
  }

  @Test
  void anEmptyReplyIsEmptyText() {
    assertThat(read("").text()).isEmpty();
    assertThat(heard).isEmpty();
  }
}
