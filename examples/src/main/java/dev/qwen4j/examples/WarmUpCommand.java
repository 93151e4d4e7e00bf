package dev.qwen4j.examples;

import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.ContextPolicy;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;

/**
 * What the launcher runs once after a build, so that the JVM can keep what it learned about the
 * classes of an ordinary run and start faster.
 */
@Command(name = "warm-up", hidden = true, description = "Runs a scripted agent and prints nothing.")
final class WarmUpCommand implements Runnable {
  @Override
  public void run() {
    try (PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream())) {
      play(new JsonView(nowhere, () -> {}));
      play(new TerminalView(nowhere, true, () -> {}));
    }
  }

  private static void play(AgentListener view) {
    ScriptedModel model =
        new ScriptedModel()
            .enqueue(ScriptedModel.reply().call("calculator", "{\"expression\": \"6 * 7\"}"))
            .enqueueText("It is 42.");
    ExampleAgent.of(new OpenModel("scripted", model, ContextPolicy.UNKNOWN, () -> {}), Path.of(""))
        .build()
        .run(List.of(UserMessage.from("What is 6 * 7?")), view, new Cancellation());
  }
}
