package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.model.FallbackModel;
import dev.qwen4j.model.ModelException;
import dev.qwen4j.testing.ScriptedModel;
import org.junit.jupiter.api.Test;

class FallbackModelTest {
  private final ScriptedModel first = new ScriptedModel();
  private final ScriptedModel second = new ScriptedModel();

  private RunResult run(StreamingChatModel... models) {
    return Agent.builder().model(FallbackModel.of(models)).build().run("go");
  }

  @Test
  void theNextModelAnswersWhenOneFails() {
    first.enqueue(reply().fail(new ModelException("overloaded")));
    second.enqueueText("Hello from the second.");
    assertThat(run(first, second).text()).isEqualTo("Hello from the second.");
    assertThat(second.requests().getFirst().messages())
        .isEqualTo(first.requests().getFirst().messages());
  }

  @Test
  void anAnswerThatHasBegunIsNotBegunAgain() {
    first.enqueue(reply().text("Hel").fail(new ModelException("the connection broke")));
    RunResult result = run(first, second);
    assertThat(result.error()).contains("the connection broke");
    assertThat(result.text()).isEqualTo("Hel");
    assertThat(second.requests()).isEmpty();
  }

  @Test
  void whenAllFailTheLastFailureCounts() {
    first.enqueue(reply().fail(new ModelException("overloaded")));
    second.enqueue(reply().fail(new ModelException("no such model")));
    assertThat(run(first, second).error()).contains("no such model");
  }

  @Test
  void thereMustBeAModel() {
    assertThatThrownBy(FallbackModel::of).isInstanceOf(IllegalArgumentException.class);
  }
}
