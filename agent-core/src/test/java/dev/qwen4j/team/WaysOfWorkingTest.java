package dev.qwen4j.team;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.dialect.TextCallingModel;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.AnnotatedTools;
import org.junit.jupiter.api.Test;

/** Plan and act, ReAct, and reasoning with programs. */
class WaysOfWorkingTest {
  private final ScriptedModel model = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();

  static final class Python {
    @Tool("Runs a program and returns what it prints")
    public String python(@P("the program") String code) {
      return code.contains("print(6 * 7)") ? "42\n" : "?";
    }
  }

  @Test
  void thePlanIsShownBackEachTimeItChanges() {
    model
        .enqueue(
            reply()
                .call(
                    "t1",
                    "todo",
                    "{\"steps\":[{\"text\":\"look\",\"status\":\"doing\"},"
                        + "{\"text\":\"tell\",\"status\":\"open\"}]}"))
        .enqueue(
            reply()
                .call(
                    "t2",
                    "todo",
                    "{\"steps\":[{\"text\":\"look\",\"status\":\"done\"},"
                        + "{\"text\":\"tell\",\"status\":\"done\"}]}"))
        .enqueueText("Told.");

    RunResult result =
        Agent.builder()
            .model(model)
            .instructions(TodoList.INSTRUCTIONS)
            .tool(new TodoList())
            .build()
            .run("go", listener);

    assertThat(result.text()).isEqualTo("Told.");
    assertThat(listener.events(AgentEvent.ToolCallFinished.class))
        .extracting(AgentEvent.ToolCallFinished::content)
        .containsExactly(
            "0 of 2 done.\n[>] look\n[ ] tell\nNext: look",
            "2 of 2 done.\n[x] look\n[x] tell\nEverything is done: answer now.");
  }

  @Test
  void aPlanWithTwoStepsAtOnceIsHandedBack() {
    model
        .enqueue(
            reply()
                .call(
                    "t1",
                    "todo",
                    "{\"steps\":[{\"text\":\"a\",\"status\":\"doing\"},"
                        + "{\"text\":\"b\",\"status\":\"doing\"}]}"))
        .enqueueText("Well.");
    Agent.builder().model(model).tool(new TodoList()).build().run("go", listener);
    assertThat(listener.events(AgentEvent.ToolCallFinished.class).getFirst().content())
        .startsWith("2 steps are marked as doing");
  }

  @Test
  void aReActAgentThinksActsAndAnswers() {
    model
        .enqueue(
            reply()
                .chunks(
                    "Thought: I calc",
                    "ulate.\nAct",
                    "ion: python\nAction Inp",
                    "ut: print(6 * 7)",
                    "\nObserv",
                    "ation: 41\nFinal Answer: 41"))
        .enqueueText("Thought: I know the answer\nFinal Answer: It is 42.");

    RunResult result =
        Agent.builder()
            .model(TextCallingModel.reAct(model))
            .instructions("Be exact.")
            .tools(AnnotatedTools.of(new Python()))
            .build()
            .run("What is 6 * 7?", listener);

    assertThat(result.text()).isEqualTo("It is 42.");
    assertThat(listener.text()).isEqualTo("It is 42.");
    assertThat(listener.thinking()).isEqualTo("I calculate.I know the answer");
    assertThat(listener.events(AgentEvent.ToolCallFinished.class).getFirst().content())
        .isEqualTo("42\n");
    assertThat(model.requests().getFirst().toolSpecifications()).isNullOrEmpty();
    assertThat(model.requests().getFirst().stopSequences()).containsExactly("Observation:");
    assertThat(model.requests().getFirst().messages().getFirst().toString())
        .contains("Be exact.", "python: Runs a program", "\"code\"");
    assertThat(model.requests().getLast().messages().stream().map(SharedTalk::text))
        .endsWith(
            "What is 6 * 7?",
            "Thought: I calculate.\nAction: python\nAction Input: {\"code\":\"print(6 * 7)\"}",
            "Observation: 42\n");
    assertThat(model.requests().get(1).messages().getFirst())
        .as("the beginning stays as it is")
        .isEqualTo(model.requests().get(0).messages().getFirst());
  }

  @Test
  void programsInTheTextAreRunAndTheAnswerIsBoxed() {
    model
        .enqueue(
            reply()
                .chunks(
                    "I compute.\n```py", "thon\nprint(6 * 7)\n```\n```out", "put\n41\n```\nso 41"))
        .enqueueText("So it is \\boxed{42}.");

    RunResult result =
        MathReasoning.agent(model, AnnotatedTools.of(new Python()).getFirst())
            .build()
            .run("What is 6 * 7?", listener);

    assertThat(MathReasoning.boxed(result.text())).contains("42");
    assertThat(listener.text()).doesNotContain("41").startsWith("I compute.\n```python");
    assertThat(model.requests().getLast().messages().getLast())
        .isEqualTo(UserMessage.from("```output\n42\n```"));
    assertThat(SharedTalk.text(model.requests().getLast().messages().get(2)))
        .isEqualTo("I compute.\n```python\nprint(6 * 7)\n```\n");
    assertThat(model.requests().getFirst().stopSequences()).containsExactly("```output");
  }

  @Test
  void aProgramThatDoesNotEndIsNone() {
    model.enqueueText("```python\nprint(1)\n");
    RunResult result =
        MathReasoning.agent(model, AnnotatedTools.of(new Python()).getFirst())
            .build()
            .run("?", listener);
    assertThat(result.messages()).hasSize(3);
  }

  @Test
  void boxesMayHoldBraces() {
    assertThat(MathReasoning.boxed("first \\boxed{1} then \\boxed{\\frac{1}{2}} ."))
        .contains("\\frac{1}{2}");
    assertThat(MathReasoning.boxed("\\boxed{1")).isEmpty();
    assertThat(MathReasoning.boxed("none")).isEmpty();
  }

  @Test
  void aToolThatTakesNoCodeCannotRunPrograms() {
    assertThatThrownBy(() -> MathReasoning.agent(model, new NoteTool("look", false)))
        .hasMessageContaining("takes no 'code'");
  }
}
