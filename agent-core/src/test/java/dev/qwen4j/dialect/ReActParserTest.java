package dev.qwen4j.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Replies in the manner of ReAct, whole and cut into characters: both must read the same. */
class ReActParserTest {
  private static final ToolSpecification SEARCH =
      ToolSpecification.builder()
          .name("search")
          .parameters(
              JsonObjectSchema.builder().addStringProperty("query").required("query").build())
          .build();

  private static List<OutputEvent> read(String reply, int size) {
    var parser = new ReActParser(List.of(SEARCH));
    var events = new ArrayList<OutputEvent>();
    for (int at = 0; at < reply.length(); at += size) {
      parser.accept(reply.substring(at, Math.min(reply.length(), at + size)), events::add);
    }
    parser.finish(events::add);
    return events;
  }

  private static String told(List<OutputEvent> events) {
    String text =
        events.stream()
            .filter(OutputEvent.Text.class::isInstance)
            .map(event -> ((OutputEvent.Text) event).delta())
            .collect(Collectors.joining());
    String thinking =
        events.stream()
            .filter(OutputEvent.Thinking.class::isInstance)
            .map(event -> ((OutputEvent.Thinking) event).delta())
            .collect(Collectors.joining());
    String call =
        events.stream()
            .filter(OutputEvent.Call.class::isInstance)
            .map(
                event -> ((OutputEvent.Call) event).name() + ((OutputEvent.Call) event).arguments())
            .collect(Collectors.joining(";"));
    return "text=%s|thinking=%s|call=%s".formatted(text, thinking, call);
  }

  private static void reads(String reply, String expected) {
    for (int size : new int[] {reply.length(), 1, 3, 7}) {
      assertThat(told(read(reply, size))).as("in pieces of " + size).isEqualTo(expected);
    }
  }

  @Test
  void aCallWithoutItsObservationIsACall() {
    reads(
        "Thought: I look.\nAction: search\nAction Input: {\"query\": \"x\"}",
        "text=|thinking=I look.|call=search{\"query\": \"x\"}");
  }

  /** Qwen-Agent: an observation that the model wrote itself after the stop word is discarded. */
  @Test
  void whatTheModelMakesUpAfterItIsDropped() {
    reads(
        "Thought: a\nAction: search\nAction Input: {\"query\": \"x\"}\nObservation: y\nThought: so"
            + "\nFinal Answer: y",
        "text=|thinking=a|call=search{\"query\": \"x\"}");
    reads(
        "Action: search\nAction Input: {\"query\": \"x\"}\n\nFinal Answer: y",
        "text=|thinking=|call=search{\"query\": \"x\"}");
  }

  @Test
  void theFinalAnswerIsTheText() {
    reads(
        "Thought: I know.\nFinal Answer: It is\n\n- one\n- two\n",
        "text=It is\n\n- one\n- two|thinking=I know.|call=");
  }

  @Test
  void aReplyWithoutLabelsIsTheAnswer() {
    reads(
        "It is two.\nActions speak: louder.",
        "text=It is two.\nActions speak: louder.|thinking=|call=");
  }

  @Test
  void aReplyThatIsAllThoughtIsItsOwnAnswer() {
    reads("Thought: It is two.", "text=It is two.|thinking=It is two.|call=");
  }

  @Test
  void labelsMayBeBoldAndNamesQuoted() {
    reads(
        "**Thought:** Hm.\n**Action:** `search`\n**Action Input:** {\"query\": \"x\"}",
        "text=|thinking=Hm.|call=search{\"query\": \"x\"}");
  }

  @Test
  void inputsInFencesOverLinesAndAsPlainTextAreRead() {
    reads(
        "Action: search\nAction Input:\n```json\n{\"query\":\n \"x\"}\n```\n",
        "text=|thinking=|call=search{\"query\":\n \"x\"}");
    reads(
        "Action: search\nAction Input: who is x",
        "text=|thinking=|call=search{\"query\":\"who is x\"}");
    reads(
        "Action: search\nAction Input: \"who\"", "text=|thinking=|call=search{\"query\":\"who\"}");
    reads("Action: other\nAction Input: who", "text=|thinking=|call=otherwho");
    reads("Action: search", "text=|thinking=|call=search{}");
  }

  @Test
  void thoughtsOfCallsAreNoCalls() {
    reads(
        "<think>\nI could write\nAction: search\n</think>\nFinal Answer: no",
        "text=<think>\nI could write\nAction: search\n</think>no|thinking=|call=");
  }
}
