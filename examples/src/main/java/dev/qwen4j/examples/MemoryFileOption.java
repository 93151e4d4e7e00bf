package dev.qwen4j.examples;

import dev.qwen4j.agent.Agent;
import dev.qwen4j.memory.Memory;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the agent keeps beyond a conversation. */
final class MemoryFileOption {
  @Option(
      names = "--memory",
      paramLabel = "FILE",
      description =
          "Keep facts in FILE across conversations, and know those that are in it: the agent gets"
              + " the tools remember, recall and forget. Several programs may share a file.")
  private @Nullable Path file;

  /** The agent, with its memory if it is to have one. */
  Agent.Builder give(Agent.Builder agent) {
    return file == null ? agent : agent.memory(Memory.file(file));
  }
}
