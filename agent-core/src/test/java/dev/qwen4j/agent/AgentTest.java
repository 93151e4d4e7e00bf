package dev.qwen4j.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import java.util.List;
import org.junit.jupiter.api.Test;

class AgentTest {
  static final class Arithmetic {
    @Tool("Multiplies two numbers")
    public int multiply(@P("the first") int a, @P("the second") int b) {
      return a * b;
    }
  }

  @Test
  void callsAToolAndAnswersWithItsResult() {
    var model =
        new ScriptedModel()
            .enqueue(ScriptedModel.reply().call("multiply", "{\"a\": 1234, \"b\": 5678}"))
            .enqueueText("It is 7006652.");
    var listener = new RecordingListener();

    RunResult result =
        Agent.builder()
            .model(model)
            .toolsFrom(new Arithmetic())
            .build()
            .run("What is 1234 * 5678?", listener);

    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(result.text()).isEqualTo("It is 7006652.");
    assertThat(listener.events(AgentEvent.ToolCallFinished.class))
        .singleElement()
        .satisfies(finished -> assertThat(finished.content()).isEqualTo("7006652"));
  }

  @Test
  void anAgentNeedsAModel() {
    assertThatThrownBy(() -> Agent.builder().build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("call .model(…)");
  }

  @Test
  void twoToolsOfOneNameAreRefusedWithTheFix() {
    var builder = Agent.builder().model(new ScriptedModel()).tool(TestTool.upper());
    assertThatThrownBy(() -> builder.tools(List.of(TestTool.upper())).build())
        .hasMessage(
            "Two tools are named 'upper', and a model can tell tools apart only by name: leave one"
                + " out or rename it.");
  }

  @Test
  void aBuiltAgentDoesNotChangeWithItsBuilder() {
    Agent.Builder builder = Agent.builder().model(new ScriptedModel()).instructions(" Be brief. ");
    Agent agent = builder.build();
    builder.name("other").tool(TestTool.upper());
    assertThat(agent.name()).isEqualTo("main");
    assertThat(agent.instructions()).isEqualTo("Be brief.");
    assertThat(agent.tools()).isEmpty();
  }
}
