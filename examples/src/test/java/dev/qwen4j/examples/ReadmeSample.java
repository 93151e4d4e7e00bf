package dev.qwen4j.examples;

import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.inference.LocalModel;
import dev.qwen4j.mcp.McpTools;
import dev.qwen4j.tools.BasicTools;
import dev.qwen4j.tools.CodingTools;
import java.nio.file.Path;

/** The README's first sample, compiled; {@link ReadmeTest} keeps the two equal. */
final class ReadmeSample {
  private ReadmeSample() {}

  static void run() {
    // sample
    try (LocalModel qwen = LocalModel.load(Path.of("Qwen3-4B-Q4_K_M.gguf"));
        McpTools files =
            McpTools.stdio("npx", "-y", "@modelcontextprotocol/server-filesystem", ".")) {
      Agent agent =
          Agent.builder()
              .model(qwen.streamingChatModel())
              .instructions("Answer from what the tools show.")
              .tools(CodingTools.readOnly(Path.of(".")), BasicTools.create(), files)
              .build();
      RunResult result = agent.run("Which test is slowest, and why?");
      System.out.println(result.text());
    }
    // end
  }
}
