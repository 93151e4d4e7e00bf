package dev.qwen4j.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Calls in the words of Qwen3-Coder and Qwen3.5, left in the text by a server or read locally. */
class CoderXmlTest {
  private static final String CALL =
      """
      <tool_call>
      <function=write_file>
      <parameter=path>
      src/Main.java
      </parameter>
      <parameter=content>
      if (a < b) {
        return "</tool_cal" + 1;
      }
      </parameter>
      </function>
      </tool_call>\
      """;
  private static final OutputEvent.Call WRITE =
      new OutputEvent.Call(
          "write_file",
          "{\"path\":\"src/Main.java\",\"content\":"
              + "\"if (a < b) {\\n  return \\\"</tool_cal\\\" + 1;\\n}\"}");

  private static List<OutputEvent> read(String... deltas) {
    var parser = HermesParser.forTools(Set.of("write_file", "now"));
    var events = new ArrayList<OutputEvent>();
    for (String delta : deltas) {
      parser.accept(delta, event -> add(events, event));
    }
    parser.finish(event -> add(events, event));
    return events;
  }

  /** Text and thinking put together, so that how they were cut does not matter. */
  private static void add(List<OutputEvent> events, OutputEvent event) {
    OutputEvent last = events.isEmpty() ? null : events.getLast();
    if (event instanceof OutputEvent.Text(String more)
        && last instanceof OutputEvent.Text(String text)) {
      events.set(events.size() - 1, new OutputEvent.Text(text + more));
    } else if (event instanceof OutputEvent.Thinking(String more)
        && last instanceof OutputEvent.Thinking(String text)) {
      events.set(events.size() - 1, new OutputEvent.Thinking(text + more));
    } else {
      events.add(event);
    }
  }

  private static OutputEvent text(String text) {
    return new OutputEvent.Text(text);
  }

  @Test
  void aCallIsReadHoweverItIsCut() {
    String reply = "<think>Hm.</think>\n\nI write it.\n" + CALL;
    for (int size = 1; size < 40; size++) {
      var deltas = new ArrayList<String>();
      for (int i = 0; i < reply.length(); i += size) {
        deltas.add(reply.substring(i, Math.min(reply.length(), i + size)));
      }
      assertThat(read(deltas.toArray(String[]::new)))
          .as("in pieces of " + size)
          .containsExactly(new OutputEvent.Thinking("Hm."), text("I write it.\n"), WRITE);
    }
  }

  @Test
  void theMarkersAroundACallMayBeMissing() {
    String inner = CALL.replace("<tool_call>\n", "").replace("\n</tool_call>", "");
    assertThat(read("Now.\n" + inner)).containsExactly(text("Now.\n"), WRITE);
    assertThat(read(inner + "\n</tool_call>")).as("only the last").containsExactly(WRITE);
    assertThat(read("<tool_call>\n" + inner)).as("only the first").containsExactly(WRITE);
  }

  @Test
  void endMarkersThatTheModelForgotAreNoProblem() {
    OutputEvent now = new OutputEvent.Call("now", "{\"zone\":\"UTC\",\"form\":\"iso\"}");
    assertThat(read("<tool_call>\n<function=now>\n<parameter=zone>\nUTC\n<parameter=form>\niso\n"))
        .containsExactly(now);
    assertThat(
            read(
                "<tool_call><function=now><parameter=zone>UTC</parameter>"
                    + "<parameter=form>iso</parameter></tool_call>"))
        .containsExactly(now);
  }

  @Test
  void severalCallsComeInOrder() {
    String now = "<tool_call>\n<function=now>\n</function>\n</tool_call>";
    assertThat(read(CALL + "\n" + now + "\n" + CALL))
        .containsExactly(WRITE, new OutputEvent.Call("now", "{}"), WRITE);
  }

  @Test
  void anEndMarkerInsideAValueIsPartOfIt() {
    assertThat(
            read(
                "<function=write_file>\n<parameter=content>\nWrite </function> at the end.\n"
                    + "</parameter>\n</function>\nDone."))
        .containsExactly(
            new OutputEvent.Call("write_file", "{\"content\":\"Write </function> at the end.\"}"),
            text("\nDone."));
  }

  @Test
  void aFunctionThatIsNotDeclaredIsOnlyTextUnlessItIsMarkedAsACall() {
    String code = "Use <function=other> here, or a < b.";
    assertThat(read(code)).containsExactly(text(code));
    assertThat(read("<tool_call><function=other></function></tool_call>"))
        .containsExactly(new OutputEvent.Call("other", "{}"));
  }

  @Test
  void aCallInsideThinkingIsAThought() {
    assertThat(read("<think>I could " + CALL + "</think>No."))
        .satisfiesExactly(
            first -> assertThat(first).isInstanceOf(OutputEvent.Thinking.class),
            second -> assertThat(second).isEqualTo(text("No.")));
  }

  @Test
  void withNoToolsDeclaredItIsText() {
    var parser = HermesParser.forTools(Set.of());
    var events = new ArrayList<OutputEvent>();
    parser.accept(CALL, event -> add(events, event));
    parser.finish(event -> add(events, event));
    assertThat(events).containsExactly(text(CALL));
  }
}
