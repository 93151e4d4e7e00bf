package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.qwen4j.agent.ToolArgumentsCheck.Checked;
import dev.qwen4j.tool.Cancellation;
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
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The tool calls of one run, from what the model wrote to what it reads back. The calls of a turn
 * are prepared and approved one after another, in order; then those that may {@link
 * Tool#runsInParallel} run at the same time as their neighbours, the others one by one; results are
 * told and returned in call order.
 *
 * <p>Whatever goes wrong with a call becomes its result, written for the model.
 */
final class ToolCalls {
  /** A call with its result. */
  record Finished(
      ToolExecutionRequest request,
      String arguments,
      boolean changesState,
      ToolResult result,
      boolean repeated) {
    String name() {
      return request.name() == null ? "" : request.name();
    }
  }

  private final Agent agent;
  private final Consumer<AgentEvent> events;
  private final Cancellation cancellation;
  private final Deadline runDeadline;
  private final Map<ToolCallKey, ToolResult> answered = new HashMap<>();
  private int count;

  private record ToolCallKey(String name, ToolArguments arguments) {}

  ToolCalls(Agent agent, Consumer<AgentEvent> events, Cancellation cancellation, Deadline end) {
    this.agent = agent;
    this.events = events;
    this.cancellation = cancellation;
    this.runDeadline = end;
  }

  /** Whether the model has asked for more calls than the run may make. */
  boolean overLimit() {
    return count > agent.limits().maxToolCalls();
  }

  /**
   * Runs the calls of one turn.
   *
   * @param cutOff whether the model's reply ended at its output limit
   */
  List<Finished> run(List<ToolExecutionRequest> requests, boolean cutOff) {
    List<Step> steps = new ArrayList<>();
    for (ToolExecutionRequest request : requests) {
      steps.add(prepare(request, cutOff));
    }
    List<Finished> finished = new ArrayList<>();
    for (int from = 0; from < steps.size(); ) {
      int to = from + 1;
      while (to < steps.size() && steps.get(from).joins() && steps.get(to).joins()) {
        to++;
      }
      runTogether(steps.subList(from, to), finished);
      from = to;
    }
    return finished;
  }

  /** One call on its way: refused with a result, or ready to execute. */
  private static final class Step {
    final ToolExecutionRequest request;
    final long started = System.nanoTime();
    @Nullable Tool tool;
    @Nullable ToolCall call;
    @Nullable ToolResult result;
    boolean repeated;

    Step(ToolExecutionRequest request) {
      this.request = request;
    }

    boolean joins() {
      return result != null || (tool != null && tool.runsInParallel());
    }
  }

  private Step prepare(ToolExecutionRequest request, boolean cutOff) {
    String name = request.name() == null ? "" : request.name();
    String written = request.arguments() == null ? "" : request.arguments();
    events.accept(new AgentEvent.ToolCallStarted(agent.name(), request.id(), name, written));
    var step = new Step(request);
    count++;
    if (overLimit()) {
      step.result =
          ToolResult.error(
              "Not run: this run may make "
                  + agent.limits().maxToolCalls()
                  + " tool calls and has made them all.");
      return step;
    }
    switch (agent.argumentsCheck().check(name, written, cutOff)) {
      case Checked.Refused(String why) -> step.result = ToolResult.error(why);
      case Checked.Accepted(Tool tool, ToolArguments arguments, List<String> repairs) -> {
        repairs.forEach(this::notice);
        step.tool = tool;
        step.call = new ToolCall(request.id(), tool.name(), arguments);
        ToolResult earlier = answered.get(new ToolCallKey(tool.name(), arguments));
        if (earlier != null) {
          step.repeated = true;
          step.result =
              ToolResult.of(
                  earlier.text()
                      + "\n\n(You made this same call before; this is its result from then."
                      + " Nothing has changed since: use it instead of asking again.)");
        } else {
          approve(step, tool, step.call);
        }
      }
    }
    return step;
  }

  private void approve(Step step, Tool tool, ToolCall call) {
    var decision = new FutureTask<>(() -> agent.approval().decide(call, tool));
    Thread.ofVirtual().name("qwen4j-approval").start(decision);
    Outcome<Decision> outcome = await(decision, runDeadline);
    switch (outcome.value()) {
      case null -> step.result = ToolResult.error("Not approved: " + outcome.problem());
      case Decision.Allow() -> {}
      case Decision.Deny(String reason) -> {
        step.result = ToolResult.error("Denied: " + reason);
        notice("Denied " + call.name() + ": " + reason);
      }
      case Decision.AllowChanged(ToolArguments changed) -> {
        switch (agent.argumentsCheck().check(call.name(), changed.json(), false)) {
          case Checked.Accepted accepted ->
              step.call = new ToolCall(call.id(), call.name(), accepted.arguments());
          case Checked.Refused(String why) ->
              step.result = ToolResult.error("The approval changed the arguments: " + why);
        }
      }
    }
  }

  private void runTogether(List<Step> steps, List<Finished> finished) {
    var running = new ArrayList<@Nullable Running>();
    try {
      for (Step step : steps) {
        running.add(step.result != null ? null : start(step));
      }
      for (int i = 0; i < steps.size(); i++) {
        finished.add(finish(steps.get(i), running.get(i)));
      }
    } finally {
      for (Running each : running) {
        if (each != null) {
          each.stop();
        }
      }
    }
  }

  /** A call under way; stopping it is harmless when it has ended. */
  private record Running(
      FutureTask<ToolResult> task,
      Cancellation cancellation,
      Cancellation.Registration link,
      Deadline deadline) {
    void stop() {
      link.close();
      if (!task.isDone()) {
        cancellation.cancel();
        task.cancel(true);
      }
    }
  }

  private @Nullable Running start(Step step) {
    Tool tool = step.tool;
    ToolCall call = step.call;
    if (tool == null || call == null) {
      throw new IllegalStateException("a step without a result has a tool and a call");
    }
    if (cancellation.isCancelled() || runDeadline.isPast()) {
      step.result =
          ToolResult.error("Not run: " + (stopped() ? "the run was cancelled." : "no time left."));
      return null;
    }
    if (tool.changesState()) {
      answered.clear();
    }
    var own = new Cancellation();
    Deadline deadline = Deadline.in(agent.limits().toolTimeout()).earlier(runDeadline);
    var task = new FutureTask<>(() -> tool.call(call, new ToolContext(own, deadline.instant())));
    var running = new Running(task, own, cancellation.onCancel(own::cancel), deadline);
    Thread.ofVirtual().name("qwen4j-tool-" + call.name()).start(task);
    return running;
  }

  private boolean stopped() {
    return cancellation.isCancelled();
  }

  private Finished finish(Step step, @Nullable Running running) {
    if (running != null) {
      Outcome<ToolResult> outcome = await(running.task(), running.deadline());
      running.stop();
      ToolResult result = outcome.value();
      step.result = result != null ? result : ToolResult.error(outcome.problem());
    }
    ToolResult result = step.result;
    if (result == null) {
      throw new IllegalStateException("a finished step has a result");
    }
    boolean changesState = step.tool == null || step.tool.changesState();
    if (step.call != null && running != null && !changesState && !result.isError()) {
      answered.put(new ToolCallKey(step.call.name(), step.call.arguments()), result);
    }
    String name = step.request.name() == null ? "" : step.request.name();
    events.accept(
        new AgentEvent.ToolCallFinished(
            agent.name(),
            step.request.id(),
            name,
            result.isError(),
            result.text(),
            Duration.ofNanos(System.nanoTime() - step.started)));
    String arguments = step.call != null ? step.call.arguments().json() : step.request.arguments();
    return new Finished(
        step.request, arguments == null ? "" : arguments, changesState, result, step.repeated);
  }

  /**
   * @param value what the task returned, or null
   * @param problem why there is no value
   */
  private record Outcome<T>(@Nullable T value, String problem) {}

  private <T> Outcome<T> await(FutureTask<T> task, Deadline deadline) {
    var listening = cancellation.onCancel(() -> task.cancel(true));
    try (listening) {
      T value = task.get(deadline.remainingNanos(), TimeUnit.NANOSECONDS);
      return new Outcome<>(value, "It gave no result.");
    } catch (ExecutionException e) {
      return new Outcome<>(null, describe(e.getCause()));
    } catch (TimeoutException e) {
      task.cancel(true);
      return new Outcome<>(
          null,
          runDeadline.isPast()
              ? "Interrupted: the time of the whole run is up. It may have taken effect in part."
              : "Timed out after "
                  + seconds(agent.limits().toolTimeout())
                  + " and was stopped. It may have taken effect in part.");
    } catch (CancellationException e) {
      return new Outcome<>(null, "Interrupted: the run was cancelled.");
    } catch (InterruptedException e) {
      cancellation.cancel();
      Thread.currentThread().interrupt();
      return new Outcome<>(null, "Interrupted: the run was cancelled.");
    }
  }

  private static String describe(@Nullable Throwable cause) {
    if (cause == null) {
      return "It failed without a reason.";
    }
    String message = cause.getMessage();
    return message == null || message.isBlank() || cause instanceof Error
        ? cause.toString()
        : message;
  }

  private static String seconds(Duration time) {
    return time.toMillis() % 1000 == 0 ? time.toSeconds() + " s" : time.toMillis() + " ms";
  }

  private void notice(String text) {
    events.accept(new AgentEvent.Notice(agent.name(), text));
  }
}
