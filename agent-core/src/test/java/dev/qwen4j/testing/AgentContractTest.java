package dev.qwen4j.testing;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.Hook;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class AgentContractTest {
  /** What a test's agent can do. */
  public static final class Sums {
    @Tool("Adds")
    int add(int a, int b) {
      return a + b;
    }
  }

  /** Calls a tool, then answers from its result, any number of times. */
  private static ScriptedModel adding() {
    return new ScriptedModel()
        .otherwise(
            request ->
                request.messages().getLast() instanceof ToolExecutionResultMessage result
                    ? reply().thinking("So.").chunks("It is ", result.text())
                    : reply().call("add", "{\"a\":20,\"b\":22}"));
  }

  @TestFactory
  Stream<DynamicTest> anAgentKeepsTheContract() {
    Agent agent = Agent.builder().model(adding()).toolsFrom(new Sums()).build();
    return AgentContract.of(agent, "20 + 22?").checks().stream()
        .map(check -> DynamicTest.dynamicTest(check.promise(), check::run));
  }

  @Test
  void whatIsNotKeptIsNamed() {
    Agent failing =
        Agent.builder()
            .model(
                new ScriptedModel()
                    .otherwise(r -> reply().fail(new IllegalStateException("no model here"))))
            .build();
    assertThatThrownBy(() -> AgentContract.of(failing, "20 + 22?").verify())
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("a run answers: it ended as error")
        .hasMessageContaining("what was said can be gone on with");
  }

  @Test
  void anAnswerThatIsNotWhatWasStreamedIsFound() {
    Hook rewriting =
        new Hook() {
          @Override
          public Verdict<AiMessage> afterReply(AiMessage reply) {
            return Verdict.rewrite(AiMessage.from("something else"));
          }
        };
    Agent agent = Agent.builder().model(adding()).hook(rewriting).build();
    assertThatThrownBy(() -> AgentContract.of(agent, "20 + 22?").verify())
        .hasMessageContaining("what was streamed is what was said");
  }
}
