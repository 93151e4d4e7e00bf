package dev.qwen4j.tool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.P;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class AnnotatedToolsTest {
  enum Unit {
    CELSIUS,
    KELVIN
  }

  record Weather(String place, int degrees) {}

  static class Station {
    @dev.langchain4j.agent.tool.Tool(value = "Measures", metadata = "{\"changesState\": false}")
    public Weather measure(
        @P("where") String place, @P(value = "in what", required = false) Unit unit) {
      return new Weather(place, unit == Unit.KELVIN ? 300 : 27);
    }

    @dev.langchain4j.agent.tool.Tool("Adds up")
    String sum(List<Integer> numbers, @P(value = "start", required = false) int start) {
      return "" + (start + numbers.stream().mapToInt(Integer::intValue).sum());
    }

    @dev.langchain4j.agent.tool.Tool("Waits")
    void await(ToolContext context, @P(value = "why", defaultValue = "for fun") String reason) {
      assertThat(context.cancellation().isCancelled()).isFalse();
      assertThat(reason).isEqualTo("for fun");
    }

    @dev.langchain4j.agent.tool.Tool("Fails")
    void fail() throws IOException {
      throw new IOException("the sensor is wet");
    }
  }

  static final class BetterStation extends Station {
    @Override
    @dev.langchain4j.agent.tool.Tool("Fails no more")
    void fail() {}
  }

  private final Station station = new Station();

  private static Tool named(String name, Object object) {
    return AnnotatedTools.of(object).stream()
        .filter(tool -> tool.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private ToolResult call(String name, String arguments) throws Exception {
    return named(name, station)
        .call(
            new ToolCall("1", name, ToolArguments.parse(arguments)),
            new ToolContext(new Cancellation(), Instant.MAX));
  }

  @Test
  void anythingReturnedIsWrittenAsJson() throws Exception {
    assertThat(call("measure", "{\"place\": \"Rome\", \"unit\": \"KELVIN\"}").text())
        .isEqualTo("{\"place\":\"Rome\",\"degrees\":300}");
    assertThat(call("measure", "{\"place\": \"Rome\"}").text()).contains("27");
  }

  @Test
  void listsAndMissingNumbersAreConverted() throws Exception {
    assertThat(call("sum", "{\"numbers\": [1, 2]}").text()).isEqualTo("3");
    assertThat(call("sum", "{\"numbers\": [1, 2], \"start\": 4}").text()).isEqualTo("7");
  }

  @Test
  void theContextIsPassedAndNotAskedOfTheModel() throws Exception {
    assertThat(call("await", "{}").text()).isEqualTo("Done.");
    assertThat(named("await", station).specification().toJson()).doesNotContain("context");
  }

  @Test
  void aMethodsExceptionComesThrough() {
    assertThatThrownBy(() -> call("fail", "{}"))
        .isInstanceOf(IOException.class)
        .hasMessage("the sensor is wet");
  }

  @Test
  void anArgumentThatCannotBeConvertedIsNamed() {
    assertThatThrownBy(() -> call("measure", "{\"place\": \"Rome\", \"unit\": \"FURLONG\"}"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Argument 'unit' must be readable as Unit, but was FURLONG.");
  }

  @Test
  void aMethodIsTakenToChangeStateUnlessItSaysOtherwise() {
    assertThat(named("measure", station).changesState()).isFalse();
    assertThat(named("sum", station).changesState()).isTrue();
    assertThat(named("sum", station).runsInParallel()).isFalse();
  }

  @Test
  void anOverriddenMethodCountsOnce() {
    assertThat(named("fail", new BetterStation()).specification().description())
        .isEqualTo("Fails no more");
  }

  @Test
  void anObjectWithoutToolsIsRefused() {
    assertThatThrownBy(() -> AnnotatedTools.of("text"))
        .hasMessage(
            "java.lang.String has no method with LangChain4j's @Tool: annotate the methods to"
                + " offer.");
  }
}
