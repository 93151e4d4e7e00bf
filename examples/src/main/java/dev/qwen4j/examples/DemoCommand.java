package dev.qwen4j.examples;

import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code qwen4j demo}: three tasks one after the other on the model in the box, in a folder made
 * for them, with everything that happens in view. No download, no key, no network.
 */
@Command(
    name = "demo",
    description =
        "Shows an agent at work: three tasks on a tiny model that comes with the program.",
    footer = {
      "",
      "The model was trained from scratch to use tools and knows nothing else. With --json, each",
      "task is a line of type task, followed by its events up to a line of type result.",
      "",
      "Examples:",
      "  qwen4j demo",
      "  qwen4j demo --json | jq -r 'select(.type==\"result\").text'"
    })
final class DemoCommand implements Callable<Integer> {
  /** What the folder of the tasks holds. */
  private static final Map<String, String> FILES =
      Map.of(
          "budget.txt", "rent: 700\nfood: 250\ntravel: 120\n",
          "letters/anna.txt", "Dear Anna, the party is on Friday.\n",
          "server.conf", "host: alpha.example\nport: 8080\nuser: admin\n");

  private static final List<String> TASKS =
      List.of(
          "What is 318 * 47?",
          "Find the file that mentions Anna and read it.",
          "Add up the numbers in budget.txt.");

  private final Surroundings surroundings;

  @Mixin private GenerationOptions generation = new GenerationOptions();

  @Option(names = "--json", description = "Print events as JSON, one per line.")
  private boolean json;

  DemoCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Exception {
    Cancellation cancellation = new Cancellation();
    try (TaskFolder folder = TaskFolder.create();
        Interrupts interrupts = Interrupts.cancelling(cancellation)) {
      ExitCode end =
          Foreground.run(cancellation, () -> play(folder.with("workspace", FILES), cancellation))
              .orElse(ExitCode.INTERRUPTED);
      return interrupts.exitCode(end).code();
    }
  }

  private ExitCode play(Path workspace, Cancellation cancellation) throws IOException {
    var source = new ModelSource.Demo();
    try (OpenModel model = source.open(generation, surroundings, surroundings::complain)) {
      Agent agent = ExampleAgent.of(source, model, workspace).build();
      ExitCode worst = ExitCode.ANSWERED;
      for (String task : TASKS) {
        RunView view = view(cancellation);
        announce(task);
        var speed = new Speed();
        AgentListener both =
            event -> {
              speed.onEvent(event);
              view.onEvent(event);
            };
        RunResult result = agent.run(List.of(UserMessage.from(task)), both, cancellation);
        if (view.outputClosed()) {
          return ExitCode.OUTPUT_CLOSED;
        }
        if (!json) {
          surroundings.out().print("  (" + speed.inWords() + ")\n\n");
        }
        ExitCode end = ExitCode.of(result);
        worst = worst == ExitCode.ANSWERED ? end : worst;
        if (cancellation.isCancelled()) {
          return end;
        }
      }
      if (!json) {
        surroundings
            .out()
            .print("This was %s. A real Qwen: %s\n".formatted(model.name(), DemoModel.REAL_MODEL));
      }
      return worst;
    }
  }

  private RunView view(Cancellation cancellation) {
    return json
        ? new JsonView(surroundings.out(), cancellation::cancel)
        : new TerminalView(surroundings.out(), surroundings.hasColour("out"), cancellation::cancel);
  }

  private void announce(String task) {
    surroundings
        .out()
        .print(
            json
                ? JsonLines.JSON.createObjectNode().put("type", "task").put("text", task) + "\n"
                : "> " + task + "\n");
  }

  /** How many tokens the model read and wrote, and how fast. */
  private static final class Speed implements AgentListener {
    private int read;
    private int written;
    private long nanos;

    @Override
    public void onEvent(AgentEvent event) {
      if (event instanceof AgentEvent.TurnFinished turn && turn.usage() != null) {
        read += turn.usage().inputTokenCount();
        written += turn.usage().outputTokenCount();
        nanos += turn.time().toNanos();
      }
    }

    String inWords() {
      return String.format(
          Locale.ROOT,
          "%d tokens written after reading %,d, in %.2f s: %.0f tokens/s in all",
          written,
          read,
          nanos / 1e9,
          written / Math.max(1e-9, nanos / 1e9));
    }
  }
}
