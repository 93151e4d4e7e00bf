package dev.qwen4j.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonArraySchema;
import dev.langchain4j.model.chat.request.json.JsonIntegerSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.agent.ToolArgumentsCheck.Checked;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.util.List;
import org.junit.jupiter.api.Test;

class ToolArgumentsCheckTest {
  private record SpecifiedTool(ToolSpecification specification) implements Tool {
    @Override
    public ToolResult call(ToolCall call, ToolContext context) {
      return ToolResult.of("");
    }
  }

  private final ToolArgumentsCheck check =
      new ToolArgumentsCheck(
          List.of(
              new SpecifiedTool(
                  ToolSpecification.builder()
                      .name("read_file")
                      .parameters(
                          JsonObjectSchema.builder()
                              .addStringProperty("path")
                              .addIntegerProperty("limit")
                              .addBooleanProperty("numbers")
                              .addEnumProperty("unit", List.of("lines", "bytes"))
                              .addProperty(
                                  "range",
                                  JsonArraySchema.builder().items(new JsonIntegerSchema()).build())
                              .required("path")
                              .additionalProperties(false)
                              .build())
                      .build()),
              new SpecifiedTool(ToolSpecification.builder().name("now").build())),
          List.of());

  private String refusal(String name, String arguments) {
    Checked checked = check.check(name, arguments, false);
    assertThat(checked).isInstanceOf(Checked.Refused.class);
    return ((Checked.Refused) checked).why();
  }

  private Checked.Accepted accepted(String name, String arguments) {
    Checked checked = check.check(name, arguments, false);
    assertThat(checked).isInstanceOf(Checked.Accepted.class);
    return (Checked.Accepted) checked;
  }

  @Test
  void argumentsThatFitAreLeftAsTheyAre() {
    Checked.Accepted accepted =
        accepted("read_file", "{\"path\": \"a\", \"limit\": 5, \"range\": [1, 2]}");
    assertThat(accepted.arguments().json())
        .isEqualTo("{\"path\":\"a\",\"limit\":5,\"range\":[1,2]}");
    assertThat(accepted.repairs()).isEmpty();
    assertThat(accepted("now", "").arguments().json()).isEqualTo("{}");
  }

  @Test
  void aMissingArgumentIsNamedWithItsPath() {
    assertThat(refusal("read_file", "{\"limit\": 5}"))
        .isEqualTo(
            "The arguments of 'read_file' do not fit. $.path is required, but missing (given:"
                + " limit). Correct them and call again.");
  }

  @Test
  void aWrongTypeSaysWhatWasExpectedAndFound() {
    assertThat(refusal("read_file", "{\"path\": \"a\", \"limit\": \"ten\"}"))
        .contains("$.limit must be a whole number, but was \"ten\".");
    assertThat(refusal("read_file", "{\"path\": \"a\", \"range\": [1, \"x\"]}"))
        .contains("$.range[1] must be a whole number, but was \"x\".");
    assertThat(refusal("read_file", "{\"path\": {}}")).contains("$.path must be a string");
  }

  @Test
  void anUnknownArgumentIsAnsweredWithTheKnownOnes() {
    assertThat(refusal("read_file", "{\"path\": \"a\", \"file\": \"b\"}"))
        .contains("$ takes no 'file'; it takes path, limit, numbers, unit, range.");
  }

  @Test
  void aValueOutsideAnEnumIsAnsweredWithTheValues() {
    assertThat(refusal("read_file", "{\"path\": \"a\", \"unit\": \"miles\"}"))
        .contains("$.unit must be one of [\"lines\",\"bytes\"], but was \"miles\".");
  }

  @Test
  void whatHasExactlyOneReadingIsRead() {
    Checked.Accepted accepted =
        accepted(
            "read_file",
            "{\"path\": 7, \"limit\": \"5\", \"numbers\": \"True\", \"unit\": \"Lines\","
                + " \"range\": \"[1, 2]\"}");
    assertThat(accepted.arguments().json())
        .isEqualTo(
            "{\"path\":\"7\",\"limit\":5,\"numbers\":true,\"unit\":\"lines\",\"range\":[1,2]}");
    assertThat(accepted.repairs()).contains("Read $.limit as 5 instead of \"5\".").hasSize(5);
  }

  @Test
  void nullForSomethingOptionalIsNotGiven() {
    assertThat(accepted("read_file", "{\"path\": \"a\", \"limit\": null}").arguments().json())
        .isEqualTo("{\"path\":\"a\"}");
    assertThat(refusal("read_file", "{\"path\": null}")).contains("$.path must be a string");
  }

  @Test
  void aNameThatDiffersOnlyInCaseOrDashesIsTaken() {
    Checked.Accepted accepted = accepted("Read-File", "{\"path\": \"a\"}");
    assertThat(accepted.tool().name()).isEqualTo("read_file");
    assertThat(accepted.repairs()).containsExactly("Took 'Read-File' for the tool 'read_file'.");
  }

  @Test
  void anUnknownNameIsAnsweredWithTheNearest() {
    assertThat(refusal("reed_files", "{}"))
        .isEqualTo(
            "There is no tool 'reed_files'. Did you mean 'read_file'? The tools are: read_file,"
                + " now.");
    assertThat(refusal("translate", "{}"))
        .isEqualTo("There is no tool 'translate'. The tools are: read_file, now.");
    assertThat(refusal("", "<function=now>"))
        .contains("no readable name")
        .contains("<function=now>");
  }

  @Test
  void argumentsThatAreNoObjectAreRefused() {
    assertThat(refusal("now", "[1]")).contains("must be one JSON object");
    assertThat(refusal("now", "{} {}")).contains("more text follows");
  }
}
