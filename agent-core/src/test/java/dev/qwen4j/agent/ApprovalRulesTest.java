package dev.qwen4j.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolResult;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ApprovalRulesTest {
  private static final ApprovalRules RULES =
      ApprovalRules.parse(
          """
          {"deny": ["delete_*", {"tool": "write", "arguments": {"x": ".git/**"}}],
           "ask": [{"tool": "write", "arguments": {"x": "pom.xml"}}],
           "allow": [{"tool": "write", "arguments": {"x": "src/**"}}, "delete_all"],
           "otherwise": "ask_changes"}
          """);

  private static Decision decide(ApprovalRules rules, String tool, String x) {
    var call = new ToolCall("1", tool, ToolArguments.parse("{\"x\":\"" + x + "\"}"));
    var body = ToolResult.of("ok");
    return rules.decide(
        call,
        tool.startsWith("read")
            ? TestTool.looking(tool, (c, context) -> body)
            : TestTool.changing(tool, (c, context) -> body));
  }

  @ParameterizedTest
  @CsvSource({
    "delete_all, a, Deny", // though a later rule allows it
    "write, .git/config, Deny",
    "write, ./.git/config, Deny",
    "write, src/../.git/config, Deny",
    "write, pom.xml, Ask",
    "write, src/Main.java, Allow",
    "write, src/../README.md, Ask", // not below src
    "write, src/a/../b, Allow",
    "write, README.md, Ask",
    "read, README.md, Allow",
  })
  void denyComesBeforeAskBeforeAllowBeforeWhatHoldsOtherwise(
      String tool, String x, String expected) {
    assertThat(decide(RULES, tool, x).getClass().getSimpleName()).isEqualTo(expected);
  }

  @Test
  void everyDenialAndQuestionNamesItsRule() {
    assertThat(decide(RULES, "delete_all", "a"))
        .isEqualTo(new Decision.Deny("the rule 'deny delete_*' forbids this call."));
    assertThat(((Decision.Ask) decide(RULES, "write", "pom.xml")).question())
        .contains("write", "{\"x\":\"pom.xml\"}", "ask write{x=pom.xml}");
  }

  @Test
  void aRuleAboutAnArgumentIsNotAboutCallsWithoutIt() {
    ApprovalRules rules =
        ApprovalRules.parse(
            "{\"allow\":[{\"tool\":\"*\",\"arguments\":{\"path\":\"*\"}}],\"otherwise\":\"deny\"}");
    assertThat(decide(rules, "write", "src/a")).isInstanceOf(Decision.Deny.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'otherwise':'allow' | not JSON",
        "[] | expected an object",
        "{'deny':[]} | otherwise: expected allow, ask_changes, ask or deny, found nothing",
        "{'denny':[],'otherwise':'ask'} | unknown field 'denny'",
        "{'deny':['a',7],'otherwise':'ask'} | deny[1]: expected a tool's name",
        "{'deny':'a','otherwise':'ask'} | deny: expected a list",
        "{'ask':[{'tool':'a','arguments':{'x':1}}],'otherwise':'ask'} | ask[0].arguments.x",
      })
  void whatIsNoSetOfRulesIsRefusedWithThePlace(String json, String message) {
    assertThatThrownBy(() -> ApprovalRules.parse(json.replace('\'', '"')))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("approval rules: ")
        .hasMessageContaining(message);
  }
}
