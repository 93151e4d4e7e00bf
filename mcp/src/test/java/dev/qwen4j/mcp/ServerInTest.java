package dev.qwen4j.mcp;

import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.server.McpServer;
import io.modelcontextprotocol.server.McpServerFeatures.SyncToolSpecification;
import io.modelcontextprotocol.server.transport.StdioServerTransportProvider;
import io.modelcontextprotocol.spec.McpError;
import io.modelcontextprotocol.spec.McpSchema.CallToolRequest;
import io.modelcontextprotocol.spec.McpSchema.CallToolResult;
import io.modelcontextprotocol.spec.McpSchema.ImageContent;
import io.modelcontextprotocol.spec.McpSchema.ServerCapabilities;
import io.modelcontextprotocol.spec.McpSchema.TextContent;
import io.modelcontextprotocol.spec.McpSchema.Tool;
import io.modelcontextprotocol.spec.McpSchema.ToolAnnotations;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;

/** An MCP server over stdio with well- and ill-behaved tools; the tests run it as a child JVM. */
final class ServerInTest {
  private static final Map<String, Object> ANYTHING = Map.of("type", "object");

  private ServerInTest() {}

  /** The command that runs this server in the given mode. */
  static String[] command(String mode) {
    return new String[] {
      "-XX:TieredStopAtLevel=1",
      "-cp",
      System.getProperty("java.class.path"),
      ServerInTest.class.getName(),
      mode
    };
  }

  static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  public static void main(String[] arguments) throws Exception {
    switch (arguments[0]) {
      case "exit" -> {
        write(FileDescriptor.err, "loading\nno licence found\n");
        System.exit(7);
      }
      case "silent" -> new CountDownLatch(1).await();
      case "stubborn" -> {
        Runtime.getRuntime().addShutdownHook(new Thread(ServerInTest::waitForEver));
        serve(tools(), true);
        waitForEver();
      }
      case "noisy" -> {
        write(FileDescriptor.out, "Welcome to the noisy server!\n{\"not\": \"a message\"}\n\n");
        serve(tools(), true);
      }
      case "toolless" -> serve(List.of(), false);
      default -> serve(tools(), true);
    }
  }

  private static void serve(List<SyncToolSpecification> tools, boolean hasTools) {
    var capabilities = ServerCapabilities.builder();
    McpServer.sync(new StdioServerTransportProvider(McpJsonDefaults.getMapper()))
        .serverInfo("in-test", "1")
        .capabilities((hasTools ? capabilities.tools(true) : capabilities).build())
        .strictToolNameValidation(false)
        .requestTimeout(Duration.ofMinutes(1))
        .tools(tools)
        .build();
  }

  private static List<SyncToolSpecification> tools() {
    Map<String, Object> nested =
        Map.of(
            "type",
            "object",
            "properties",
            Map.of(
                "text",
                Map.of("type", "string", "minLength", 1, "format", "uri"),
                "either",
                Map.of(
                    "anyOf", List.of(Map.of("type", "integer"), Map.of("$ref", "#/$defs/point")))),
            "required",
            List.of("text"),
            "additionalProperties",
            false,
            "$defs",
            Map.of("point", Map.of("type", "array", "maxItems", 2)));
    var readOnly = ToolAnnotations.builder().readOnlyHint(true).build();
    List<SyncToolSpecification> tools = new ArrayList<>();
    tools.add(
        tool(
            Tool.builder("echo", ANYTHING).description("Says it again").annotations(readOnly),
            call -> text(String.valueOf(call.arguments().get("text")))));
    tools.add(tool(Tool.builder("nested", nested), call -> text(call.arguments().toString())));
    tools.add(
        tool(
            Tool.builder("fail", ANYTHING),
            call -> CallToolResult.builder().addTextContent("no such city").isError(true).build()));
    tools.add(
        tool(
            Tool.builder("mixed", ANYTHING),
            call ->
                CallToolResult.builder()
                    .addContent(TextContent.builder("first").build())
                    .addContent(ImageContent.builder("aGVsbG8h", "image/png").build())
                    .addContent(TextContent.builder("last").build())
                    .build()));
    tools.add(
        tool(
            Tool.builder("structured", ANYTHING),
            call -> CallToolResult.builder().structuredContent(Map.of("sum", 3)).build()));
    tools.add(
        tool(
            Tool.builder("refuse", ANYTHING),
            call -> {
              throw McpError.builder(-32_000).message("quota used up").build();
            }));
    tools.add(tool(Tool.builder("nothing", ANYTHING), call -> text("")));
    tools.add(tool(Tool.builder("big", ANYTHING), call -> text("😀".repeat(100_000))));
    tools.add(
        tool(
            Tool.builder("environment", ANYTHING),
            call -> text(new TreeSet<>(System.getenv().keySet()).toString())));
    tools.add(
        tool(Tool.builder("folder", ANYTHING), call -> text(Path.of("").toAbsolutePath() + "")));
    tools.add(
        tool(
            Tool.builder("crash", ANYTHING),
            call -> {
              write(FileDescriptor.err, "out of cheese\n");
              Runtime.getRuntime().halt(3);
              return text("");
            }));
    tools.add(
        tool(
            Tool.builder("hang", ANYTHING),
            call -> {
              waitForEver();
              return text("");
            }));
    tools.add(tool(Tool.builder("dotted.name/x", ANYTHING), call -> text("dotted")));
    tools.add(tool(Tool.builder("dotted_name_x", ANYTHING), call -> text("plain")));
    return tools;
  }

  private static SyncToolSpecification tool(
      Tool.Builder tool, Function<CallToolRequest, CallToolResult> does) {
    return new SyncToolSpecification(tool.build(), (exchange, call) -> does.apply(call));
  }

  private static CallToolResult text(String text) {
    return CallToolResult.builder().addTextContent(text).build();
  }

  private static void write(FileDescriptor where, String text) {
    try {
      var out = new FileOutputStream(where); // closing it would close the channel itself
      out.write(text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void waitForEver() {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
