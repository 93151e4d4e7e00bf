package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.qwen4j.agent.Attempt.Outcome;
import dev.qwen4j.agent.Hook.Verdict;
import dev.qwen4j.agent.ToolArgumentsCheck.Checked;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.SessionEntry;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tool calls of one run, from what the model wrote to what it reads back: prepare, approve,
 * execute, finish. The calls of a turn are prepared and approved one after another; then those that
 * {@linkplain Tool#runsInParallel may} run at the same time as their neighbours, the others alone;
 * their results come in the order of the calls.
 *
 * <p>Whatever goes wrong with a call becomes its result, written for the model.
 */
final class ToolCalls {
  private static final String REPEATED =
      "\n\n(You made this same call before and nothing has changed since: this is its result from"
          + " then. Use it instead of calling again.)";
  private static final String NOT_MADE =
      "Interrupted: the run was cancelled before this call was made.";
  private static final String CANCELLED =
      "Interrupted: the run was cancelled. The call may have taken effect in part.";

  /**
   * A call with its result.
   *
   * @param arguments as they were run with, or as written if they could not be
   * @param repeated whether the result is that of an earlier identical call
   * @param endsRun whether its tool is one that ends the run
   */
  record Finished(
      String name,
      ToolExecutionRequest request,
      String arguments,
      boolean changesState,
      ToolResult result,
      boolean repeated,
      boolean endsRun) {}

  private record SameCall(String name, ToolArguments arguments) {}

  private final Agent agent;
  private final RunScope scope;
  private final Deadline runEnd;
  private final Guards guards;
  private final Conversation conversation;
  private final Map<String, Decision> decided = new HashMap<>();
  private final List<Question> questions = new ArrayList<>();
  private final Map<SameCall, ToolResult> answered = new HashMap<>();

  /**
   * For one run.
   *
   * @param conversation takes the results
   * @param scope what the run tells and spends
   * @param runEnd when calls that still run are given up
   */
  ToolCalls(Agent agent, Conversation conversation, RunScope scope, Deadline runEnd) {
    this.agent = agent;
    this.conversation = conversation;
    this.scope = scope;
    this.runEnd = runEnd;
    this.guards = new Guards(agent.hooks(), scope.cancellation(), runEnd);
  }

  /** Decides calls beforehand, by their ids. */
  void decide(Map<String, Decision> decisions) {
    decided.putAll(decisions);
  }

  /** What the last {@link #run} has to ask before its calls, or those of an agent, can run. */
  List<Question> questions() {
    return List.copyOf(questions);
  }

  /**
   * Runs the calls of one turn. If one has to be {@linkplain #questions asked}, none of them runs;
   * those that cannot run anyway are answered. If an agent that runs as a tool has to ask, the
   * calls after it do not run.
   *
   * @param cutOff whether the model's reply ended at its output limit
   */
  List<Finished> run(List<ToolExecutionRequest> requests, boolean cutOff) {
    List<Step> steps = new ArrayList<>();
    boolean changing = false; // Whether what earlier calls saw is about to change.
    for (ToolExecutionRequest request : requests) {
      Step step = prepare(request, cutOff, changing);
      changing |= step.result == null && step.changesState();
      steps.add(step);
    }
    if (!questions.isEmpty()) {
      steps.stream().filter(step -> step.result != null).forEach(step -> finish(step, null));
      return List.of();
    }
    List<Finished> finished = new ArrayList<>();
    for (int from = 0, to; from < steps.size() && questions.isEmpty(); from = to) {
      to = from + 1;
      while (to < steps.size()
          && steps.get(from).runsInParallel()
          && steps.get(to).runsInParallel()) {
        to++;
      }
      runTogether(steps.subList(from, to), finished);
    }
    return finished;
  }

  /** What a call that ends the run has for an answer, if there is one. */
  static @Nullable String answer(List<Finished> results) {
    for (Finished call : results) {
      if (call.endsRun() && !call.result().isError()) {
        return call.result().text();
      }
    }
    return null;
  }

  /** One call on its way: it has a result, or a tool and arguments to execute. */
  private static final class Step {
    final ToolExecutionRequest request;
    final String name;
    final String written;
    final long started = System.nanoTime();
    @Nullable Tool tool;
    @Nullable ToolCall call;
    @Nullable ToolResult result;
    @Nullable Attempt<ToolResult> attempt;
    List<Question> asked = List.of(); // What an agent that is its tool has to ask.
    Deadline deadline;
    boolean repeated;
    int twin = 1; // Which one it is of its tool's calls at the same time.

    Step(ToolExecutionRequest request, Deadline deadline) {
      this.request = request;
      this.deadline = deadline;
      this.name = request.name() == null ? "" : request.name();
      this.written = request.arguments() == null ? "" : request.arguments();
    }

    boolean changesState() {
      return tool == null || tool.changesState();
    }

    boolean runsInParallel() {
      return result != null || tool == null || tool.runsInParallel();
    }
  }

  private Step prepare(ToolExecutionRequest request, boolean cutOff, boolean changing) {
    var step = new Step(request, runEnd);
    scope.tell(new AgentEvent.ToolCallStarted(scope.path(), request.id(), step.name, step.written));
    scope.budget().addCall();
    int most = scope.budget().overCalls();
    if (most >= 0) {
      step.result =
          ToolResult.error(
              "Not run: this run may make " + most + " tool calls and has made them all.");
      return step;
    }
    switch (agent.argumentsCheck().check(step.name, step.written, cutOff)) {
      case Checked.Refused(String why) -> step.result = ToolResult.error(why);
      case Checked.Accepted(Tool tool, ToolArguments arguments, List<String> repairs) -> {
        repairs.forEach(this::notice);
        step.tool = tool;
        ToolCall call = guarded(step, new ToolCall(request.id(), tool.name(), arguments));
        step.call = call;
        ToolResult earlier = answered.get(new SameCall(tool.name(), call.arguments()));
        if (step.result == null && earlier != null && !changing) {
          step.repeated = true;
          step.result = ToolResult.of(earlier.text() + REPEATED);
        } else if (step.result == null && !scope.hasBegun(request.id())) { // Or it was approved.
          approve(step, tool, call);
        }
      }
    }
    return step;
  }

  /** The call as the hooks let it go on; if they do not, the step has its result. */
  private ToolCall guarded(Step step, ToolCall call) {
    switch (GuardedCall.of(call, agent.argumentsCheck(), guards)) {
      case GuardedCall.Stopped(String why) -> {
        notice(call.name() + ": " + why);
        step.result = ToolResult.error(why);
      }
      case GuardedCall.Goes(ToolCall as) -> {
        return as;
      }
    }
    return call;
  }

  private void approve(Step step, Tool tool, ToolCall call) {
    step.result =
        switch (decide(call, tool)) {
          case Outcome.Done<Decision>(Decision.Allow()) -> null;
          case Outcome.Done<Decision>(Decision.Ask(String text)) -> {
            ask(new Question(call.id(), call.name(), call.arguments().json(), text));
            yield null;
          }
          case Outcome.Done<Decision>(Decision.Deny(String reason)) -> {
            notice("Denied: " + call.name() + ". " + reason);
            yield ToolResult.error("Denied: " + reason);
          }
          case Outcome.Done<Decision>(Decision.AllowChanged(ToolArguments changed)) ->
              switch (agent.argumentsCheck().check(call.name(), changed.json(), false)) {
                case Checked.Refused(String why) ->
                    ToolResult.error("Not run, because the approval changed it: " + why);
                case Checked.Accepted accepted -> {
                  step.call = new ToolCall(call.id(), call.name(), accepted.arguments());
                  yield null;
                }
              };
          case Outcome.Failed<Decision>(Throwable cause) ->
              ToolResult.error("Not run, because its approval failed: " + describe(cause));
          case Outcome.TimedOut<Decision>() ->
              ToolResult.error("Not run, because nobody approved it in time.");
          case Outcome.Cancelled<Decision>() -> ToolResult.error(NOT_MADE);
        };
  }

  private void ask(Question question) {
    Question asked = scope.outside(question);
    questions.add(asked);
    conversation.record(new SessionEntry.Asked(question));
    scope.tell(new AgentEvent.QuestionAsked(scope.path(), asked));
  }

  private Outcome<Decision> decide(ToolCall call, Tool tool) {
    Decision before = decided.remove(call.id());
    if (before == null && scope.gate().allowsAll()) {
      // Nobody decides here, so nobody answers what was asked elsewhere.
      String asked = conversation.askedAbout(call.id()).orElse(null);
      return new Outcome.Done<>(asked == null ? new Decision.Allow() : new Decision.Ask(asked));
    }
    return before != null
        ? new Outcome.Done<>(before)
        : new Attempt<>(
                "qwen4j-approval", scope.cancellation(), own -> scope.gate().decide(call, tool))
            .await(runEnd);
  }

  /** Executes neighbours at the same time, and finishes them in order. */
  private void runTogether(List<Step> steps, List<Finished> finished) {
    try (var inbox = new Inbox(scope::tell)) {
      Map<String, Integer> runs = new HashMap<>(); // Of each tool, so far.
      for (Step step : steps) {
        if (step.result == null && scope.cancellation().isCancelled()) {
          step.result = ToolResult.error(NOT_MADE);
        } else if (step.result == null && step.tool != null && step.call != null) {
          step.twin = runs.merge(step.tool.name(), 1, Integer::sum);
          execute(step, step.tool, step.call, inbox);
        }
      }
      for (Step step : steps) {
        ToolResult result = step.result == null ? resultOf(step, inbox) : null;
        if (step.asked.isEmpty()) {
          finished.add(finish(step, result));
        }
        questions.addAll(step.asked);
      }
    } finally { // The listener may have thrown.
      for (Step step : steps) {
        if (step.attempt != null) {
          step.attempt.stop();
        }
      }
    }
  }

  private void execute(Step step, Tool tool, ToolCall call, Inbox inbox) {
    Deadline deadline = Deadline.in(timeout(tool)).earlier(runEnd);
    step.deadline = deadline;
    conversation.record(new SessionEntry.Started(call.id(), tool.changesState()));
    Attempt.Work<ToolResult> work =
        tool instanceof AgentTool nested
            ? own ->
                callAgent(
                    step,
                    nested,
                    call,
                    scope.forCall(call.id(), own, inbox::add, deadline, step.twin))
            : own -> tool.call(call, new ToolContext(own, deadline.instant()));
    step.attempt =
        new Attempt<>("qwen4j-tool-" + tool.name(), scope.cancellation(), work, inbox::wake);
  }

  private static ToolResult callAgent(Step step, AgentTool agent, ToolCall call, RunScope within) {
    RunResult result = agent.call(call, within);
    step.asked = result.questions();
    return agent.result(result);
  }

  private Duration timeout(@Nullable Tool tool) {
    Duration usual = agent.limits().toolTimeout();
    return tool == null ? usual : tool.timeout().orElse(usual);
  }

  /**
   * @param ran the result of a call that was run, if it was
   */
  private Finished finish(Step step, @Nullable ToolResult ran) {
    ToolResult result = step.result;
    if (result == null) {
      result = shown(step, guarded(step.call, Objects.requireNonNull(ran)));
      if (step.changesState()) {
        answered.clear();
      } else if (!result.isError() && step.call != null) {
        answered.put(new SameCall(step.call.name(), step.call.arguments()), result);
      }
    }
    Duration time = Duration.ofNanos(System.nanoTime() - step.started);
    conversation.append(step.request, result);
    scope.tell(
        new AgentEvent.ToolCallFinished(
            scope.path(), step.request.id(), step.name, result.isError(), result.text(), time));
    String arguments = step.call == null ? step.written : step.call.arguments().json();
    return new Finished(
        step.name,
        step.request,
        arguments,
        step.changesState(),
        result,
        step.repeated,
        step.tool != null && step.tool.endsRun());
  }

  private ToolResult guarded(@Nullable ToolCall call, ToolResult result) {
    return call == null
        ? result
        : switch (guards.ask(result, (hook, now) -> hook.afterTool(call, now))) {
          case Verdict.Pass<ToolResult> pass -> result;
          case Verdict.Rewrite<ToolResult>(ToolResult other) -> other;
          case Verdict.Block<ToolResult>(String reason) -> ToolResult.error("Blocked: " + reason);
        };
  }

  /** What reads a large result on must not be cut in turn. */
  private ToolResult shown(Step step, ToolResult result) {
    return step.tool instanceof LargeResults ? result : agent.largeResults().shown(result);
  }

  private ToolResult resultOf(Step step, Inbox inbox) {
    if (step.attempt == null) {
      throw new IllegalStateException("a call without a result has been started");
    }
    return switch (inbox.await(step.attempt, step.deadline)) {
      case Outcome.Done<ToolResult>(ToolResult result) when result != null -> result;
      case Outcome.Done<ToolResult> nothing -> ToolResult.error("The tool gave no result.");
      case Outcome.Failed<ToolResult>(Throwable cause) -> ToolResult.error(describe(cause));
      case Outcome.Cancelled<ToolResult>() -> ToolResult.error(CANCELLED);
      case Outcome.TimedOut<ToolResult>() ->
          ToolResult.error(
              (runEnd.isPast()
                      ? "Interrupted: the time of the whole run is up."
                      : "Timed out after " + words(timeout(step.tool)) + " and was stopped.")
                  + " The call may have taken effect in part.");
    };
  }

  private static String describe(Throwable cause) {
    String message = cause.getMessage();
    return message == null || message.isBlank() || cause instanceof Error
        ? cause.toString()
        : message;
  }

  private static String words(Duration time) {
    return time.toMillis() % 1000 == 0 ? time.toSeconds() + " s" : time.toMillis() + " ms";
  }

  private void notice(String text) {
    scope.tell(new AgentEvent.Notice(scope.path(), text));
  }
}
