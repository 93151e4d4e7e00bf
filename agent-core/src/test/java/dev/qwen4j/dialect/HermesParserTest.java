package dev.qwen4j.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The "Nous parse" cases of the Qwen-Agent survey, and what small models do besides. */
class HermesParserTest {
  private static final Set<String> TOOLS = Set.of("get_w", "calculator", "write_file");

  private static OutputEvent text(String text) {
    return new OutputEvent.Text(text);
  }

  private static OutputEvent thinking(String text) {
    return new OutputEvent.Thinking(text);
  }

  private static OutputEvent call(String name, String arguments) {
    return new OutputEvent.Call(name, arguments);
  }

  private static OutputEvent sf() {
    return call("get_w", "{\"loc\":\"SF\"}");
  }

  private static OutputEvent calculator(String expression) {
    return call("calculator", "{\"expression\":\"" + expression + "\"}");
  }

  /** Parses in one go, and checks that no other way to cut the reply changes the events. */
  private static List<OutputEvent> parse(String reply) {
    return parse(HermesParser.forTools(TOOLS), HermesParser.forTools(TOOLS), reply);
  }

  private static List<OutputEvent> parse(HermesParser whole, HermesParser single, String reply) {
    List<OutputEvent> events = merged(whole, List.of(reply));
    assertThat(merged(single, reply.chars().mapToObj(Character::toString).toList()))
        .as("fed one character at a time")
        .isEqualTo(events);
    return events;
  }

  private static List<OutputEvent> merged(OutputParser parser, List<String> pieces) {
    var events = new ArrayList<OutputEvent>();
    pieces.forEach(piece -> parser.accept(piece, event -> add(events, event)));
    parser.finish(event -> add(events, event));
    return events;
  }

  private static void add(List<OutputEvent> events, OutputEvent event) {
    OutputEvent last = events.isEmpty() ? null : events.getLast();
    if (last instanceof OutputEvent.Text(String before)
        && event instanceof OutputEvent.Text(String next)) {
      events.set(events.size() - 1, text(before + next));
    } else if (last instanceof OutputEvent.Thinking(String before)
        && event instanceof OutputEvent.Thinking(String next)) {
      events.set(events.size() - 1, thinking(before + next));
    } else {
      events.add(event);
    }
  }

  // Marked calls

  @Test
  void aMarkedCallIsACall() {
    assertThat(
            parse(
                """
                <tool_call>
                {"name": "get_w", "arguments": {"loc": "SF"}}
                </tool_call>\
                """))
        .containsExactly(sf());
  }

  @Test
  void textAroundSeveralCallsIsKept() {
    assertThat(
            parse(
                """
                I will.
                <tool_call>
                {"name": "get_w", "arguments": {"loc": "SF"}}
                </tool_call>
                <tool_call>
                {"name": "get_w", "arguments": {"loc": "LA"}}
                </tool_call>bye\
                """))
        .containsExactly(text("I will.\n"), sf(), call("get_w", "{\"loc\":\"LA\"}"), text("bye"));
  }

  @Test
  void anUnknownNameInMarkersIsStillACallForTheLoopToAnswer() {
    assertThat(parse("<tool_call>{\"name\": \"nope\", \"arguments\": {}}</tool_call>"))
        .containsExactly(call("nope", "{}"));
  }

  @Test
  void callsWithinThinkingAreIgnored() {
    String thought = "<tool_call>{\"name\": \"get_w\", \"arguments\": {}}</tool_call>";
    assertThat(
            parse(
                "<think>maybe "
                    + thought
                    + "</think>\n<tool_call>{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}}"
                    + "</tool_call>"))
        .containsExactly(thinking("maybe " + thought), sf());
    assertThat(parse("<think>only thinking <tool_call>"))
        .containsExactly(thinking("only thinking <tool_call>"));
  }

  @Test
  void singleQuotesAndTrailingCommasAreRead() {
    assertThat(parse("<tool_call>{'name': 'get_w', 'arguments': {'loc': 'SF',},}</tool_call>"))
        .containsExactly(sf());
  }

  @Test
  void aMissingEndMarkerLosesNothing() {
    assertThat(parse("<tool_call>\n{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}}"))
        .containsExactly(sf());
    assertThat(parse("<tool_call>{\"name\": \"get_w\", \"arguments\": {}}"))
        .containsExactly(call("get_w", "{}"));
    assertThat(
            parse(
                "<tool_call>{\"name\": \"get_w\", \"arguments\": {}}\n"
                    + "<tool_call>{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}}"))
        .containsExactly(call("get_w", "{}"), sf());
    assertThat(parse("<tool_call>{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}}</tool_c"))
        .containsExactly(sf());
  }

  @Test
  void missingArgumentsAreNone() {
    assertThat(parse("<tool_call>{\"name\": \"get_w\"}</tool_call>"))
        .containsExactly(call("get_w", "{}"));
  }

  @Test
  void argumentsAsAStringOfJsonAreDecodedOnce() {
    assertThat(
            parse(
                "<tool_call>{\"name\": \"get_w\", \"arguments\": \"{\\\"loc\\\": \\\"SF\\\"}\"}"
                    + "</tool_call>"))
        .containsExactly(sf());
  }

  @Test
  void aMissingOuterBraceIsAdded() {
    assertThat(
            parse(
                "<tool_call>{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}</tool_call>ok"))
        .containsExactly(sf(), text("ok"));
    assertThat(
            parse("<tool_call>\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}}</tool_call>"))
        .containsExactly(sf());
  }

  @Test
  void aBraceTooManyIsDropped() {
    assertThat(
            parse(
                """
                <tool_call>
                {"name": "get_w", "arguments": {"loc": "SF"}}}
                </tool_call>\
                """))
        .containsExactly(sf());
  }

  @Test
  void pythonsLiteralsAreRead() {
    assertThat(
            parse(
                "<tool_call>{'name': 'get_w', 'arguments': {'a': True, 'b': None, 'c': 'None'}}"
                    + "</tool_call>"))
        .containsExactly(call("get_w", "{\"a\":true,\"b\":null,\"c\":\"None\"}"));
  }

  @Test
  void lineBreaksInStringsAreRead() {
    assertThat(
            parse(
                "<tool_call>{\"name\": \"write_file\", \"arguments\": {\"t\": \"a\n"
                    + "b\"}}</tool_call>"))
        .containsExactly(call("write_file", "{\"t\":\"a\\nb\"}"));
  }

  @Test
  void theEndMarkerInsideAStringIsPartOfTheString() {
    assertThat(
            parse(
                "<tool_call>{\"name\": \"write_file\", \"arguments\": {\"t\": \"x </tool_call>"
                    + " y\"}}\n"
                    + "</tool_call>"))
        .containsExactly(call("write_file", "{\"t\":\"x </tool_call> y\"}"));
  }

  @Test
  void unescapedQuotesGiveTheArgumentsAsWritten() {
    assertThat(
            parse(
                "<tool_call>\n"
                    + "{\"name\": \"get_w\", \"arguments\": {\"loc\": \"the \"bay\"\"}}\n"
                    + "</tool_call>\n"
                    + "<tool_call>{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}}"
                    + "</tool_call>"))
        .containsExactly(call("get_w", "{\"loc\": \"the \"bay\"\"}"), sf());
  }

  @Test
  void aLostQuoteDoesNotSwallowTheNextCall() {
    assertThat(
            parse(
                "<tool_call>{\"name\": \"get_w\", \"arguments\": {\"loc\": \"x}}</tool_call>\n"
                    + "<tool_call>{\"name\": \"get_w\", \"arguments\": {\"loc\":"
                    + " \"SF\"}}</tool_call>"))
        .containsExactly(call("get_w", "{\"loc\": \"x}"), sf());
  }

  @Test
  void theCodersDialectInTheMarkersIsACallToo() {
    assertThat(
            parse(
                "<tool_call>\n<function=get_w>\n<parameter=loc>\nSF's\n</parameter>\n</tool_call>"))
        .containsExactly(call("get_w", "{\"loc\":\"SF's\"}"));
  }

  @Test
  void aReplyCutOffWithinACallGivesWhatWasWritten() {
    assertThat(parse("<tool_call>\n{\"name\": \"write_file\", \"arguments\": {\"t\": \"abc"))
        .containsExactly(call("write_file", "{\"t\": \"abc"));
  }

  @Test
  void writingAboutTheMarkerIsText() {
    assertThat(parse("Wrap it in <tool_call> and `</tool_call>`."))
        .containsExactly(text("Wrap it in <tool_call> and `</tool_call>`."));
    assertThat(parse("See <tool_call>\"quoted\""))
        .containsExactly(text("See <tool_call>\"quoted\""));
  }

  @Test
  void severalObjectsBetweenTheMarkersAreSeveralCalls() {
    assertThat(
            parse(
                """
                <tool_call>
                {"name": "get_w", "arguments": {"loc": "SF"}}
                {"name": "calculator", "arguments": {"expression": "1"}}
                </tool_call>\
                """))
        .containsExactly(sf(), calculator("1"));
  }

  @Test
  void aFenceBetweenTheMarkersIsDropped() {
    assertThat(
            parse(
                "<tool_call>\n```json\n{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}}\n"
                    + "```\n</tool_call>\nDone."))
        .containsExactly(sf(), text("\nDone."));
  }

  @Test
  void aListBetweenTheMarkersIsSeveralCalls() {
    String list =
        """
        <tool_call>
        [{"name": "get_w", "arguments": {"loc": "SF"}}, {"name": "calculator", "arguments": {"expression": "1"}}]
        </tool_call>
        Done.\
        """;
    assertThat(parse(list)).containsExactly(sf(), calculator("1"), text("\nDone."));
  }

  // Thinking

  @Test
  void thinkingAtTheStartIsSeparatedWithoutItsLineBreaks() {
    assertThat(parse("<think>\nLet me\nsee.\n</think>\n\n  42"))
        .containsExactly(thinking("Let me\nsee."), text("  42"));
  }

  @Test
  void emptyThinkingIsNothing() {
    assertThat(parse("<think>\n\n</think>\n\nHi")).containsExactly(text("Hi"));
  }

  @Test
  void anEndMarkerAtTheStartIsOfThoughtsThatCameElsewhere() {
    assertThat(parse("</think>\n\nIt is 42.")).containsExactly(text("It is 42."));
  }

  @Test
  void aReplyMayStartInThinking() {
    String reply = "I wonder.</think>\nYes.";
    assertThat(
            parse(
                HermesParser.forTools(TOOLS).startingInThinking(),
                HermesParser.forTools(TOOLS).startingInThinking(),
                reply))
        .containsExactly(thinking("I wonder."), text("Yes."));
    assertThat(parse(reply)).containsExactly(text(reply));
  }

  @Test
  void aThinkMarkerInTheMiddleOfAnAnswerIsText() {
    assertThat(parse("Use <think> tags.")).containsExactly(text("Use <think> tags."));
  }

  // Bare calls

  @Test
  void aBareCallOfADeclaredToolIsACall() {
    assertThat(
            parse("{\"name\": \"calculator\", \"arguments\": {\"expression\": \"1234 * 5678\"}}"))
        .containsExactly(calculator("1234 * 5678"));
  }

  @Test
  void bareCallsMayFollowTextAndEachOther() {
    assertThat(
            parse(
                """
                Let me compute.
                {"name": "calculator", "arguments": {"expression": "1"}}
                {"name": "calculator", "arguments": {"expression": "2"}}, {"arguments": {"expression": "3"}, "name": "calculator"}
                Done.\
                """))
        .containsExactly(
            text("Let me compute.\n"),
            calculator("1"),
            calculator("2"),
            calculator("3"),
            text("\nDone."));
  }

  @Test
  void aBareCallMayBePrettyPrintedInAFence() {
    assertThat(
            parse(
                """
                ```json
                {
                  "name": "calculator",
                  "arguments": {
                    "expression": "1"
                  }
                }
                {"name": "calculator", "arguments": {"expression": "2"}}
                ```
                after\
                """))
        .containsExactly(calculator("1"), calculator("2"), text("\nafter"));
  }

  @Test
  void aBareListOfCallsIsItsCalls() {
    String one = "[{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}}";
    String two = ",\n {\"name\": \"calculator\", \"arguments\": {\"expression\": \"1\"}}\n]";
    assertThat(parse(one + "]")).containsExactly(sf());
    assertThat(parse("I look.\n" + one + two + "\nafter"))
        .containsExactly(text("I look.\n"), sf(), calculator("1"), text("\nafter"));
    assertThat(parse("```json\n" + one + two + "\n```\nafter"))
        .containsExactly(sf(), calculator("1"), text("\nafter"));
  }

  @Test
  void aCallInOpenAisFormIsACall() {
    String function =
        "\"function\": {\"name\": \"calculator\", \"arguments\": \"{\\\"expression\\\":"
            + " \\\"1\\\"}\"}";
    assertThat(parse("{\"type\": \"function\", " + function + "}"))
        .containsExactly(calculator("1"));
    assertThat(parse("{" + function + "}")).containsExactly(calculator("1"));
  }

  @Test
  void aBareCallWithAStrayEndMarkerIsACall() {
    assertThat(
            parse(
                "{\"name\": \"calculator\", \"arguments\": {\"expression\": \"1\"}}\n</tool_call>"))
        .containsExactly(calculator("1"));
  }

  @Test
  void aBareCallCutOffAtItsOuterBraceIsACall() {
    assertThat(parse("{\"name\": \"calculator\", \"arguments\": {\"expression\": \"1\"}"))
        .containsExactly(calculator("1"));
  }

  @Test
  void aBrokenBareCallIsACallAsWritten() {
    assertThat(parse("{\"name\": \"calculator\", \"arguments\": {\"expression\": \"1"))
        .containsExactly(call("calculator", "{\"expression\": \"1"));
  }

  static Stream<String> prose() {
    return Stream.of(
        "{\"name\": \"nope\", \"arguments\": {\"expression\": \"1\"}}",
        "{\"name\": \"calculator\", \"age\": 3}",
        "{\"name\": \"calculator\"}",
        "{\"name\": \"calculator\", \"arguments\": {\"expression\": \"1\"}} is how to call it.",
        "Like {\"name\": \"calculator\", \"arguments\": {\"expression\": \"1\"}}",
        "```python\n{\"name\": \"calculator\", \"arguments\": {\"expression\": \"1\"}}\n```",
        "```json\n{\"name\": \"calculator\", \"price\": 1}\n```\nand so on",
        "The marker <tool_call>\n```\nopens a call.\n```",
        "[1] says so.\n[2] does not.",
        "[{\"name\": \"nope\", \"arguments\": {}}]",
        "[{\"name\": \"calculator\", \"price\": 1}, {\"name\": \"get_w\", \"price\": 2}]",
        "{\"type\": \"function\", \"is\": \"a word\"}",
        "[",
        "{ x -> x }",
        "{\n\"a\": 1\n}",
        "if (a < b) {\n  {\n  }\n}",
        "1 < 2 <t <tool <thin <",
        "`` and ``` and `",
        "{\"name\": \"calc",
        "  indented\n\n",
        "{");
  }

  @ParameterizedTest
  @MethodSource("prose")
  void whatIsNotACallIsTextToTheLastCharacter(String reply) {
    assertThat(parse(reply)).containsExactly(text(reply));
  }

  @Test
  void withoutToolsOnlyThinkingIsSeparated() {
    String rest = "<tool_call>{\"name\": \"calculator\", \"arguments\": {}}</tool_call>";
    assertThat(
            parse(
                HermesParser.forTools(Set.of()),
                HermesParser.forTools(Set.of()),
                "<think>a</think>" + rest))
        .containsExactly(thinking("a"), text(rest));
  }

  // Streaming

  @Test
  void proseIsDeliveredAsSoonAsItCannotBeACall() {
    var parser = HermesParser.forTools(TOOLS);
    var seen = new ArrayList<OutputEvent>();
    parser.accept("a < b", seen::add);
    assertThat(seen).containsExactly(text("a < b"));
    parser.accept("\n{\"na", seen::add);
    assertThat(seen).hasSize(2);
    parser.accept("me\": \"Bob", seen::add);
    assertThat(seen.getLast()).isEqualTo(text("{\"name\": \"Bob"));
  }

  @Test
  void aCallIsEmittedAtItsClosingBrace() {
    var parser = HermesParser.forTools(TOOLS);
    var seen = new ArrayList<OutputEvent>();
    parser.accept("<tool_call>\n{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}", seen::add);
    assertThat(seen).isEmpty();
    parser.accept("}", seen::add);
    assertThat(seen).containsExactly(sf());
  }

  @Test
  void howAReplyIsCutNeverMatters() {
    List<String> parts =
        List.of(
            "<think>",
            "</think>",
            "<tool_call>",
            "</tool_call>",
            "\n",
            " ",
            "text",
            "```json\n",
            "```",
            "{\"name\": \"get_w\", \"arguments\": {\"loc\": \"SF\"}}",
            "{'name': 'get_w'}",
            "{\"name\": \"nope\", \"arguments\": {}}",
            "{",
            "}",
            "[",
            "]",
            "\"",
            "<",
            ",",
            "{\"arguments\": {}, \"name\": \"calculator\"}",
            "{\"name\": \"get_w\", \"arguments\": {",
            "\\",
            "'",
            "é\uD83D\uDE00");
    var random = new Random(7);
    for (int round = 0; round < 2_000; round++) {
      var reply = new StringBuilder();
      for (int i = random.nextInt(8); i >= 0; i--) {
        reply.append(parts.get(random.nextInt(parts.size())));
      }
      var pieces = new ArrayList<String>();
      for (int from = 0; from < reply.length(); ) {
        int to = Math.min(reply.length(), from + 1 + random.nextInt(6));
        pieces.add(reply.substring(from, to));
        from = to;
      }
      List<OutputEvent> cut = merged(HermesParser.forTools(TOOLS), pieces);
      if (!cut.equals(merged(HermesParser.forTools(TOOLS), List.of(reply.toString())))) {
        assertThat(cut)
            .as(reply + " cut into " + pieces)
            .isEqualTo(merged(HermesParser.forTools(TOOLS), List.of(reply.toString())));
      }
    }
  }
}
