package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;

import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolResult;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * A program that runs an agent in a session and can be killed at any moment. In its folder it keeps
 * what its tool did ({@code effects}) and what its listener was told ({@code told}), one line each.
 */
final class CrashingRun {
  static final int TURNS = 5;

  private CrashingRun() {}

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]);
    try (Session session = Session.open(folder.resolve("session"))) {
      go(folder, session);
    }
  }

  /** Begins the run, or goes on with it. */
  static RunResult go(Path folder, Session session) {
    AgentListener listener =
        event -> {
          switch (event) {
            case AgentEvent.ToolCallFinished call ->
                write(folder.resolve("told"), "result " + call.id());
            case AgentEvent.RunFinished finished -> write(folder.resolve("told"), "finished");
            default -> {}
          }
        };
    return session.messages().isEmpty()
        ? agent(folder).run(session, "go", listener, new Cancellation())
        : agent(folder).resume(session, List.of(), listener, new Cancellation());
  }

  private static Agent agent(Path folder) {
    var write =
        TestTool.changing(
            "write",
            (call, context) -> {
              write(folder.resolve("effects"), call.arguments().string("x"));
              Thread.sleep(4); // The moment between the effect and its record.
              return ToolResult.of("wrote " + call.arguments().string("x"));
            });
    var look = TestTool.looking("look", (call, context) -> ToolResult.of("nothing new"));
    return Agent.builder()
        .model(new ScriptedModel().otherwise(CrashingRun::next))
        .tools(List.of(write, look))
        .build();
  }

  private static ScriptedModel.Reply next(ChatRequest request) {
    long done =
        request.messages().stream().filter(ToolExecutionResultMessage.class::isInstance).count();
    if (done >= 3 * TURNS) {
      return reply().text("All done.");
    }
    return reply()
        .text("Turn.")
        .call("w" + done, "write", "{\"x\":\"effect " + done + "\"}")
        .call("l" + done, "look", "{\"x\":\"" + done + "\"}")
        .call("v" + done, "write", "{\"x\":\"other " + done + "\"}");
  }

  private static void write(Path file, String line) {
    try (var out = new FileOutputStream(file.toFile(), true)) {
      out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
