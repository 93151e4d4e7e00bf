package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.ToolResult;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LargeResultsTest {
  private static final Pattern ON =
      Pattern.compile("\\[read_result (\\{\"id\":\"[0-9a-f]+\",\"offset\":\\d+\\})");
  private static final String LARGE =
      IntStream.range(0, 2_000)
          .mapToObj(i -> "line " + i + " 世界🙂")
          .collect(Collectors.joining("\n"));

  @TempDir private Path folder;
  private final ScriptedModel model = new ScriptedModel();

  private Agent agent(String result) {
    return Agent.builder()
        .model(model)
        .tool(TestTool.looking("look", (call, context) -> ToolResult.of(result)))
        .context(ContextPolicy.UNKNOWN.withLargestResult(2_000).withResultFolder(folder))
        .build();
  }

  private static String lastResult(ChatRequest request) {
    return ((ToolExecutionResultMessage) request.messages().getLast()).text();
  }

  private static List<String> tools(ChatRequest request) {
    return request.toolSpecifications().stream().map(ToolSpecification::name).toList();
  }

  @Test
  void aLargeResultIsShownInPartAndCanBeReadOnToItsEnd() {
    var read = new StringBuilder();
    model.enqueue(reply().call("look", "{}"));
    model.otherwise(
        request -> {
          String text = lastResult(request);
          assertThat(text.length()).isLessThan(2_200);
          assertThat(tools(request)).containsExactly("look", "read_result");
          Matcher on = ON.matcher(text);
          int mark = text.indexOf("\n[");
          read.append(text, 0, mark);
          return on.find() ? reply().call("read_result", on.group(1)) : reply().text("done");
        });
    RunResult result =
        Agent.builder()
            .model(model)
            .tool(TestTool.looking("look", (call, context) -> ToolResult.of(LARGE)))
            .context(ContextPolicy.UNKNOWN.withLargestResult(2_000).withResultFolder(folder))
            .limits(Limits.DEFAULT.withMaxTurns(100).withMaxToolCalls(100))
            .build()
            .run("go");
    assertThat(result.text()).isEqualTo("done");
    assertThat(read.toString()).isEqualTo(LARGE);
    assertThat(folder).isDirectoryContaining("glob:**/*.txt");
  }

  @Test
  void theToolIsOfferedOnlyWhenThereIsSomethingToReadOn() {
    model.enqueue(reply().call("look", "{}")).enqueueText("done");
    agent("small").run("go");
    assertThat(model.requests()).allSatisfy(r -> assertThat(tools(r)).containsExactly("look"));
    assertThat(lastResult(model.requests().getLast())).isEqualTo("small");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void anIdThatNobodyGaveIsAnErrorAndNoPath() {
    model
        .enqueue(reply().call("look", "{}"))
        .enqueue(reply().call("read_result", "{\"id\":\"../../etc/passwd\"}"))
        .enqueue(reply().call("read_result", "{\"id\":\"0123456789ab\"}"))
        .enqueueText("done");
    RunResult result = agent(LARGE).run("go");
    assertThat(
            result.messages().stream()
                .filter(ToolExecutionResultMessage.class::isInstance)
                .map(message -> ((ToolExecutionResultMessage) message).text())
                .skip(1))
        .satisfiesExactly(
            text -> assertThat(text).startsWith("There is no result '../../etc/passwd'"),
            text -> assertThat(text).contains("is not kept any more"));
  }
}
