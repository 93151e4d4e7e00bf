package dev.qwen4j.examples;

import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.ContextPolicy;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.testing.Replay;
import dev.qwen4j.testing.ScriptedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code qwen4j session replay}: whether today's agent does what the one in the session did. */
@Command(
    name = "replay",
    description = {
      "Runs today's agent on what a session holds, without a model and without running tools, and",
      "tells the first difference. Exit code 1 if there is one."
    },
    footer = {"", "Example:", "  qwen4j session replay work.jsonl"})
final class ReplayCommand implements Callable<Integer> {
  private final Surroundings surroundings;

  @Parameters(paramLabel = "FILE", description = "The session.")
  private Path file = Path.of("");

  @Option(names = "--no-tools", description = "The agent of run --no-tools.")
  private boolean noTools;

  @Option(
      names = "--max-turns",
      paramLabel = "N",
      description = "Model calls at most (default: ${DEFAULT-VALUE}).")
  private int maxTurns = Limits.DEFAULT.maxTurns();

  ReplayCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws IOException {
    OpenModel journal =
        new OpenModel("the journal", new ScriptedModel(), ContextPolicy.UNKNOWN, () -> {});
    Agent agent =
        (noTools ? ExampleAgent.withoutTools(journal) : ExampleAgent.of(journal, Path.of("")))
            .limits(Limits.DEFAULT.withMaxTurns(maxTurns).withMaxToolCalls(Integer.MAX_VALUE))
            .build();
    Replay.Report report = Replay.of(file).against(agent);
    surroundings
        .out()
        .print(
            report.difference().map(found -> "different: " + found + "\n").orElseGet(() -> "")
                + "%d runs, %d messages the same\n".formatted(report.runs(), report.messages()));
    return (report.difference().isEmpty() ? ExitCode.ANSWERED : ExitCode.FAILED).code();
  }
}
