package dev.qwen4j.mcp;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class McpToolsTest {
  private static McpTools shared;

  @BeforeAll
  static void startServer() {
    shared = server("normal").environment("GIVEN_KEY", "1").start();
  }

  @AfterAll
  static void endServer() {
    shared.close();
  }

  @Test
  void theServersToolsAreListed() {
    assertThat(shared.tools())
        .extracting(Tool::name)
        .contains("echo", "fail", "hang", "dotted_name_x", "dotted_name_x_2");
    assertThat(tool(shared, "echo").specification().description()).isEqualTo("Says it again");
  }

  @Test
  void aCallReturnsItsTextInEveryScript() throws Exception {
    assertThat(call(shared, "echo", "{\"text\":\"Grüße, 世界 😀 \\n next\"}"))
        .isEqualTo(ToolResult.of("Grüße, 世界 😀 \n next"));
  }

  @Test
  void anErrorResultIsAnError() throws Exception {
    assertThat(call(shared, "fail", "{}")).isEqualTo(ToolResult.error("no such city"));
  }

  @Test
  void aProtocolErrorIsAnErrorWithTheServersReason() throws Exception {
    ToolResult result = call(shared, "nested", "{\"text\":17}");
    assertThat(result.isError()).isTrue();
    assertThat(result.text()).contains("/text: integer found, string expected");
    assertThat(call(shared, "refuse", "{}").isError()).isTrue();
    assertThat(call(shared, "refuse", "{}").text())
        .endsWith("answered with an error: quota used up");
  }

  @Test
  void contentOfOtherKindsIsNamed() throws Exception {
    assertThat(call(shared, "mixed", "{}").text())
        .isEqualTo("first\n[image image/png, 6 bytes, not shown]\nlast");
    assertThat(call(shared, "structured", "{}").text()).contains("{\"sum\":3}");
    assertThat(call(shared, "nothing", "{}").text()).isEqualTo("[The tool returned nothing.]");
  }

  @Test
  void aLargeResultIsCut() throws Exception {
    assertThat(call(shared, "big", "{}").text())
        .hasSizeLessThan(20_100)
        .endsWith("😀\n[Cut: the first 20,000 of 200,000 characters]");
  }

  @Test
  void theInputSchemaIsKeptAsTheServerWroteIt() {
    var parameters = tool(shared, "nested").specification().parameters();
    assertThat(parameters.additionalProperties()).isFalse();
    Map<String, Object> schema = JsonSchemaElementUtils.toMap(parameters);
    assertThat(schema)
        .containsEntry("required", List.of("text"))
        .containsEntry("$defs", Map.of("point", Map.of("type", "array", "maxItems", 2)))
        .containsEntry(
            "properties",
            Map.of(
                "text",
                Map.of("type", "string", "minLength", 1, "format", "uri"),
                "either",
                Map.of(
                    "anyOf", List.of(Map.of("type", "integer"), Map.of("$ref", "#/$defs/point")))));
  }

  @Test
  void toolsOfOneNameAfterCleaningStayApart() throws Exception {
    assertThat(call(shared, "dotted_name_x", "{}").text()).isEqualTo("dotted");
    assertThat(call(shared, "dotted_name_x_2", "{}").text()).isEqualTo("plain");
  }

  @Test
  void theServerSeesOnlyTheEnvironmentItIsMeantToSee() throws Exception {
    assertThat(System.getenv()).containsKey("SHOULD_NOT_BE_SEEN_BY_MCP_SERVERS");
    assertThat(call(shared, "environment", "{}").text())
        .contains("PATH", "GIVEN_KEY")
        .doesNotContain("SHOULD_NOT_BE_SEEN");
  }

  @Test
  void aHangingCallIsGivenUpAndTheServerStaysUsable() throws Exception {
    var context = new ToolContext(new Cancellation(), Instant.now().plusMillis(400));
    ToolResult result = call(shared, "hang", "{}", context);
    assertThat(result.isError()).isTrue();
    assertThat(result.text()).startsWith("hang did not answer within ");
    assertThat(call(shared, "echo", "{\"text\":\"still there\"}").text()).isEqualTo("still there");
  }

  @Test
  void aCancelledCallEndsAtOnce() throws Exception {
    var cancellation = new Cancellation();
    var context = new ToolContext(cancellation, Instant.now().plusSeconds(250));
    try (var timer = Executors.newSingleThreadScheduledExecutor()) {
      var cancelling = timer.schedule(cancellation::cancel, 300, TimeUnit.MILLISECONDS);
      assertThat(call(shared, "hang", "{}", context))
          .isEqualTo(ToolResult.error("hang was cancelled."));
      cancelling.get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void toolsAreTakenToChangeStateUnlessTheServerIsTrusted() {
    assertThat(tool(shared, "echo").changesState()).isTrue();
    try (McpTools trusted = server("normal").trustReadOnlyHints().only("echo", "fail").start()) {
      assertThat(tool(trusted, "echo").changesState()).isFalse();
      assertThat(tool(trusted, "fail").changesState()).isTrue();
    }
  }

  @Test
  void toolsCanBeChosenPrefixedAndRunInAFolder(@TempDir Path folder) throws Exception {
    try (McpTools tools =
        server("normal").only("folder").namePrefix("test_").directory(folder).start()) {
      assertThat(tools.tools()).extracting(Tool::name).containsExactly("test_folder");
      assertThat(call(tools, "test_folder", "{}").text()).isEqualTo(folder.toRealPath().toString());
    }
  }

  @Test
  void aChosenToolThatDoesNotExistIsNamedWithThoseThatDo() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> server("normal").only("echoo").start())
        .withMessageContaining("has no tool echoo; it has [echo, nested, fail");
  }

  @Test
  void aServerThatDiesInACallIsReportedAtOnceAndEverAfter() throws Exception {
    try (McpTools tools = server("normal").start()) {
      Instant start = Instant.now();
      ToolResult result = call(tools, "crash", "{}");
      assertThat(result.isError()).isTrue();
      assertThat(result.text()).contains("ended with exit code 3: out of cheese");
      assertThat(call(tools, "echo", "{\"text\":\"x\"}").text()).contains("exit code 3");
      assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofMinutes(2));
    }
  }

  @Test
  void aServerThatGreetsOnItsOutputStillWorks() throws Exception {
    try (McpTools tools = server("noisy").start()) {
      assertThat(call(tools, "echo", "{\"text\":\"x\"}").text()).isEqualTo("x");
    }
  }

  @Test
  void aServerWithoutToolsHasNone() {
    try (McpTools tools = server("toolless").start()) {
      assertThat(tools.tools()).isEmpty();
    }
  }

  @Test
  void aCommandThatDoesNotExistIsNamed() {
    assertThatThrownBy(() -> McpTools.stdio("no-such-command-here", "--flag"))
        .isInstanceOf(McpServerException.class)
        .hasMessageContaining("Cannot start the MCP server 'no-such-command-here --flag'");
  }

  @Test
  void aServerThatExitsAtOnceIsReportedWithItsLastWords() {
    Instant start = Instant.now();
    assertThatThrownBy(() -> server("exit").start())
        .isInstanceOf(McpServerException.class)
        .hasMessageContaining("ended with exit code 7: loading | no licence found")
        .hasMessageNotContaining("\n");
    assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofMinutes(2));
  }

  @Test
  void aServerThatNeverAnswersIsGivenUp() {
    assertThatThrownBy(() -> server("silent").startTimeout(Duration.ofSeconds(1)).start())
        .isInstanceOf(McpServerException.class)
        .hasMessageContaining("did not answer within 1 seconds");
  }

  @Test
  void closingEndsEvenAServerThatWillNot() {
    Set<ProcessHandle> before = ProcessHandle.current().descendants().collect(toSet());
    McpTools tools = server("stubborn").start();
    List<ProcessHandle> started =
        ProcessHandle.current().descendants().filter(each -> !before.contains(each)).toList();
    assertThat(started).hasSize(1);
    Instant start = Instant.now();
    tools.close();
    assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(60));
    await(() -> !started.getFirst().isAlive());
  }

  @Test
  void closingDoesNotWaitForAServerThatDoesNotRead() throws Exception {
    var process =
        new ServerProcess(
            Stream.concat(Stream.of(ServerInTest.java()), Stream.of(ServerInTest.command("silent")))
                .toList(),
            Map.of(),
            Optional.empty());
    process.carry(line -> {});
    process.send("x".repeat(1 << 20)); // more than a pipe holds
    Thread.sleep(300);
    Instant start = Instant.now();
    process.close();
    assertThat(process.gone().get(60, TimeUnit.SECONDS)).contains("ended with exit code");
    assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(60));
  }

  @Test
  void noThreadOfAnOpenServerKeepsTheJvmAlive() {
    assertThat(Thread.getAllStackTraces().keySet())
        .filteredOn(thread -> thread.getName().startsWith("mcp-"))
        .isNotEmpty()
        .allMatch(Thread::isDaemon);
  }

  private static void await(java.util.function.BooleanSupplier condition) {
    Instant end = Instant.now().plusSeconds(60);
    while (!condition.getAsBoolean()) {
      assertThat(Instant.now()).isBefore(end);
      Thread.onSpinWait();
    }
  }

  private static McpTools.Builder server(String mode) {
    return McpTools.builder(ServerInTest.java(), ServerInTest.command(mode));
  }

  private static Tool tool(McpTools tools, String name) {
    return tools.tools().stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow();
  }

  private static ToolResult call(McpTools tools, String name, String json) throws Exception {
    return call(
        tools, name, json, new ToolContext(new Cancellation(), Instant.now().plusSeconds(30)));
  }

  private static ToolResult call(McpTools tools, String name, String json, ToolContext context)
      throws Exception {
    return tool(tools, name).call(new ToolCall("1", name, ToolArguments.parse(json)), context);
  }
}
