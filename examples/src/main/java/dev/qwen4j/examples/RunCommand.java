package dev.qwen4j.examples;

import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.Approval;
import dev.qwen4j.agent.ApprovalRules;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.Spent;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.model.ModelException;
import dev.qwen4j.session.Session;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code qwen4j run}: gives one task to an agent with the read-only tools and shows what happens.
 * From here on down it is the library as any program would use it: open a model, build an {@link
 * Agent}, run it with a listener.
 */
@Command(
    name = "run",
    description = "Gives a task to an agent that can look at files, calculate and read web pages.",
    footer = {
      "",
      "With --json, stdout carries one JSON object per line and nothing else: text, thinking,",
      "tool_call, tool_result and other events, and in every case a last one of type result with",
      "text, answered, stop_reason (answer, max_turns, max_time, max_tokens, no_progress,",
      "cancelled, error), error, turns and usage; unmeasured_turns is there when some turns did"
          + " not",
      "say what they cost, and are missing in usage.",
      "",
      "Examples:",
      "  qwen4j run -m model.gguf \"What is 1234 * 5678? Use the calculator.\"",
      "  qwen4j run -m openai:http://localhost:8000/v1#Qwen3-8B -w src \"Where is the entry"
          + " point?\"",
      "  qwen4j run -m model.gguf --session work.jsonl --approve rules.json \"Tidy up\"",
      "  qwen4j run -m model.gguf --resume work.jsonl --answer allow",
      "  git diff | qwen4j run -m hf:Qwen/Qwen3-4B-GGUF --json - | jq -r"
          + " 'select(.type==\"result\").text'"
    })
final class RunCommand implements Callable<Integer> {
  private final Surroundings surroundings;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call()
  private CommandSpec spec;

  @Mixin private ModelOption model = new ModelOption();

  @Mixin private GenerationOptions generation = new GenerationOptions();

  @Mixin private SessionOptions sessions = new SessionOptions();

  @Mixin private ApprovalOptions approvals = new ApprovalOptions();

  @Mixin private MemoryFileOption memory = new MemoryFileOption();

  @Option(
      names = {"-w", "--workspace"},
      paramLabel = "DIR",
      description = "The folder whose files the agent may read (default: the current one).")
  private Path workspace = Path.of("");

  @Option(names = "--no-tools", description = "Only ask the model, without tools.")
  private boolean noTools;

  @Option(
      names = "--max-turns",
      paramLabel = "N",
      description = "Model calls at most (default: ${DEFAULT-VALUE}).")
  private int maxTurns = Limits.DEFAULT.maxTurns();

  @Option(
      names = "--max-time",
      paramLabel = "SECONDS",
      description =
          "Wall time at most from when the model is ready, the last answer included (default:"
              + " ${DEFAULT-VALUE}).")
  private double maxSeconds = Limits.DEFAULT.maxTime().toSeconds();

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description =
          "Output tokens of one reply at most, thinking included (default: ${DEFAULT-VALUE}).")
  private int maxTokens = Limits.DEFAULT.maxReplyTokens();

  @Option(names = "--json", description = "Print events as JSON, one per line.")
  private boolean json;

  @Parameters(
      paramLabel = "TASK",
      arity = "0..*",
      description = "What to do; - reads it from standard input.")
  private List<String> task = List.of();

  RunCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    sessions.check(!task.isEmpty());
    ModelSource source = model.sourceOrDemo(surroundings);
    generation.check(source);
    Limits limits = limits();
    Cancellation cancellation = new Cancellation();
    RunView view = view(cancellation);
    try (Interrupts interrupts = Interrupts.cancelling(cancellation)) {
      RunResult result;
      try {
        result =
            Foreground.run(cancellation, () -> run(source, limits, view, cancellation))
                .orElseGet(() -> ended(StopReason.CANCELLED, null));
      } catch (Exception | OutOfMemoryError | StackOverflowError e) {
        result = cancellation.isCancelled() ? ended(StopReason.CANCELLED, null) : failed(e);
      }
      // The agent has shown its own end; this one counts when it never came to run.
      view.onEvent(new AgentEvent.RunFinished(ExampleAgent.NAME, result));
      if (view.outputClosed()) {
        return ExitCode.OUTPUT_CLOSED.code();
      }
      report(result);
      return interrupts.exitCode(ExitCode.of(result)).code();
    }
  }

  private RunResult run(ModelSource source, Limits limits, RunView view, Cancellation cancellation)
      throws Exception {
    Optional<ApprovalRules> rules = approvals.rules(); // First: bad ones leave no empty session.
    Optional<Session> kept = sessions.open();
    try (Session _ = kept.orElse(null)) {
      Approval approval = approvals.approval(rules, surroundings, json, kept);
      String input = task.isEmpty() ? "" : input();
      Consumer<String> notice =
          text -> view.onEvent(new AgentEvent.Notice(ExampleAgent.NAME, text));
      try (OpenModel opened = source.open(generation, surroundings, notice)) {
        Agent agent =
            memory
                .give(
                    noTools
                        ? ExampleAgent.withoutTools(opened)
                        : ExampleAgent.of(source, opened, workspace))
                .limits(limits)
                .approval(approval)
                .context(sessions.context(opened.context()))
                .build();
        if (kept.isEmpty()) {
          return agent.run(List.of(UserMessage.from(input)), view, cancellation);
        }
        opened.keeping().run();
        return task.isEmpty()
            ? sessions.resume(agent, kept.get(), view, cancellation)
            : agent.run(kept.get(), input, view, cancellation);
      }
    }
  }

  private String input() throws IOException {
    String given = String.join(" ", task);
    return given.equals("-")
        ? new String(surroundings.in().readAllBytes(), StandardCharsets.UTF_8)
        : given;
  }

  private RunView view(Cancellation cancellation) {
    return json
        ? new JsonView(surroundings.out(), cancellation::cancel)
        : new TerminalView(surroundings.out(), surroundings.hasColour("out"), cancellation::cancel);
  }

  private Limits limits() {
    // Turns, time and the length of a reply are what a user can set; the other limits would only
    // get in their way.
    try {
      return new Limits(
          maxTurns,
          Integer.MAX_VALUE,
          Long.MAX_VALUE,
          maxTokens,
          Double.POSITIVE_INFINITY,
          Duration.ofMillis(Math.round(maxSeconds * 1000)),
          Limits.DEFAULT.toolTimeout());
    } catch (IllegalArgumentException e) {
      throw new ParameterException(
          spec.commandLine(),
          "--max-turns, --max-time and --max-tokens must be positive: " + e.getMessage());
    }
  }

  /** Says on stderr what a person would otherwise look for in vain. */
  private void report(RunResult result) {
    switch (result.stopReason()) {
      case ERROR -> {
        Exception failure = result.failure();
        surroundings.complain(failure == null ? "the run failed" : OneLine.of(failure));
        if (failure != null && surroundings.debugging()) {
          failure.printStackTrace(surroundings.err());
        }
      }
      case CANCELLED -> surroundings.complain("interrupted");
      case ANSWER, MAX_TURNS, MAX_TOOL_CALLS, MAX_TOKENS, MAX_COST, MAX_TIME, NO_PROGRESS -> {}
      case BLOCKED -> surroundings.complain("blocked: " + OneLine.of(result.text()));
      case SUSPENDED -> surroundings.complain("suspended: " + resumeAdvice(result));
    }
  }

  private static String resumeAdvice(RunResult result) {
    return result.questions().getFirst().text()
        + " Answer with run --resume FILE --answer allow, or deny";
  }

  /** The last line for arguments that could not be understood. */
  void printUsageError(Exception problem) {
    new JsonView(surroundings.out(), () -> {})
        .onEvent(new AgentEvent.RunFinished(ExampleAgent.NAME, failed(problem)));
  }

  private static RunResult failed(Throwable problem) {
    return ended(
        StopReason.ERROR,
        problem instanceof Exception e ? e : new ModelException(OneLine.of(problem), problem));
  }

  private static RunResult ended(StopReason reason, @Nullable Exception failure) {
    return new RunResult("", false, reason, failure, Spent.NOTHING, List.of(), List.of());
  }
}
