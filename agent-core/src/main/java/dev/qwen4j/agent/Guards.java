package dev.qwen4j.agent;

import dev.qwen4j.agent.Attempt.Outcome;
import dev.qwen4j.agent.Hook.Verdict;
import dev.qwen4j.tool.Cancellation;
import java.util.function.BiFunction;

/**
 * An agent's hooks in one of its runs, which waits for them no longer than it wants to: one that
 * does not come to its end in time, or before the run is cancelled, is left behind, and blocks.
 *
 * @param end when a hook is given up
 */
record Guards(Hooks hooks, Cancellation cancellation, Deadline end) {
  /**
   * What they say together.
   *
   * @param step asks one of them
   */
  <T> Verdict<T> ask(T thing, BiFunction<Hook, T, Verdict<T>> step) {
    if (hooks.all().isEmpty()) {
      return Verdict.pass();
    }
    var attempt = new Attempt<>("qwen4j-hook", cancellation, own -> hooks.ask(thing, step));
    return switch (attempt.await(end)) {
      case Outcome.Done<Verdict<T>>(Verdict<T> verdict) -> verdict;
      case Outcome.Failed<Verdict<T>>(Throwable cause) -> Verdict.block("A check failed: " + cause);
      case Outcome.TimedOut<Verdict<T>>() -> Verdict.block("A check did not end in time.");
      case Outcome.Cancelled<Verdict<T>>() -> Verdict.block("The run was cancelled.");
    };
  }

  /** Whether hooks are given up by now. */
  boolean areOver() {
    return cancellation.isCancelled() || end.isPast();
  }

  /**
   * What a step that blocked means for the run.
   *
   * @param otherwise if no hook was given up
   */
  <T> T given(T cancelled, T outOfTime, T otherwise) {
    return cancellation.isCancelled() ? cancelled : end.isPast() ? outOfTime : otherwise;
  }
}
