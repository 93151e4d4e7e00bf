package dev.qwen4j.examples;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code qwen4j chat}: a conversation. The memory of a conversation is a list of messages that goes
 * into the next run with one more line at its end; there is nothing else to it.
 */
@Command(
    name = "chat",
    description = "Talks with an agent that can look at files, calculate and read web pages.",
    footer = {
      "",
      "In the conversation: /clear forgets it, /exit or Ctrl-D leaves, Ctrl-C stops the answer.",
      "When standard input is not a terminal, each of its lines is one message.",
      "",
      "Examples:",
      "  qwen4j chat -m hf:Qwen/Qwen3-4B-GGUF -w ~/project",
      "  qwen4j chat -m ~/models/Qwen3-8B --quantize q4_0 --kv-cache q8_0 --context 32768",
      "  QWEN4J_MODEL=openai:http://localhost:8000/v1#Qwen3-8B qwen4j chat"
    })
final class ChatCommand implements Callable<Integer> {
  private final Surroundings surroundings;

  @Mixin private ModelOption model = new ModelOption();

  @Mixin private GenerationOptions generation = new GenerationOptions();

  @Mixin private MemoryFileOption memory = new MemoryFileOption();

  @Option(
      names = {"-w", "--workspace"},
      paramLabel = "DIR",
      description = "The folder whose files the agent may read (default: the current one).")
  private Path workspace = Path.of("");

  ChatCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Exception {
    ModelSource source = model.sourceOrDemo(surroundings);
    generation.check(source);
    Optional<OpenModel> opened = open(source);
    if (opened.isEmpty()) {
      surroundings.complain("interrupted");
      return ExitCode.INTERRUPTED.code();
    }
    try (OpenModel ready = opened.get();
        LineSource lines = LineSource.of(surroundings)) {
      Agent agent = memory.give(ExampleAgent.of(source, ready, workspace)).build();
      return converse(agent, lines, ready.name()).code();
    }
  }

  private Optional<OpenModel> open(ModelSource source) throws Exception {
    Cancellation cancellation = new Cancellation();
    try (var _ = Interrupts.cancelling(cancellation)) {
      return Foreground.run(
          cancellation, () -> source.open(generation, surroundings, surroundings::complain));
    }
  }

  private ExitCode converse(Agent agent, LineSource lines, String name) throws IOException {
    lines.greet("Talking with " + name + ". /exit leaves, Ctrl-C stops an answer.");
    List<ChatMessage> conversation = List.of();
    ExitCode last = ExitCode.ANSWERED;
    while (true) {
      Optional<String> line = lines.next();
      if (line.isEmpty()) {
        return last;
      }
      String input = line.get().strip();
      switch (input) {
        case "" -> {}
        case "/exit", "/quit" -> {
          return last;
        }
        case "/clear" -> {
          conversation = List.of();
          lines.greet("Forgotten.");
        }
        default -> {
          if (input.startsWith("/")) {
            surroundings.complain("unknown command " + input + "; there are /clear and /exit");
            continue;
          }
          List<ChatMessage> next = new ArrayList<>(conversation);
          next.add(UserMessage.from(input));
          RunResult result = answer(agent, next);
          last = ExitCode.of(result);
          if (result.stopReason() != StopReason.ERROR) {
            conversation = result.messages();
          }
        }
      }
    }
  }

  private RunResult answer(Agent agent, List<ChatMessage> conversation) {
    Cancellation cancellation = new Cancellation();
    RunView view =
        new TerminalView(surroundings.out(), surroundings.hasColour("out"), cancellation::cancel);
    try (var _ = Interrupts.cancelling(cancellation)) {
      RunResult result = agent.run(conversation, view, cancellation);
      result.error().ifPresent(surroundings::complain);
      return result;
    }
  }
}
