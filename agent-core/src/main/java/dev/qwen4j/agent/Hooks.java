package dev.qwen4j.agent;

import dev.qwen4j.agent.Hook.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/** The hooks of an agent, asked in their order. */
record Hooks(List<Hook> all) {
  Hooks {
    all = List.copyOf(all);
  }

  /**
   * What they say together: {@code Rewrite} with the last version if any of them rewrote it.
   *
   * @param step asks one of them
   */
  <T> Verdict<T> ask(T thing, BiFunction<Hook, T, Verdict<T>> step) {
    Verdict<T> together = Verdict.pass();
    T now = thing;
    for (Hook hook : all) {
      switch (said(hook, now, step)) {
        case Verdict.Pass<T> pass -> {}
        case Verdict.Rewrite<T> rewrite -> {
          now = rewrite.value();
          together = rewrite;
        }
        case Verdict.Block<T> block -> {
          return block;
        }
      }
    }
    return together;
  }

  private static <T> Verdict<T> said(Hook hook, T thing, BiFunction<Hook, T, Verdict<T>> step) {
    try {
      return step.apply(hook, thing);
    } catch (RuntimeException e) { // What could not be checked must not go on.
      return Verdict.block("A check failed: " + (e.getMessage() == null ? e : e.getMessage()));
    }
  }

  boolean holdRepliesBack() {
    return all.stream().anyMatch(Hook::holdsRepliesBack);
  }

  /**
   * The listeners of the hooks for one run.
   *
   * @param listening hooks of the runs around, which hear it from there
   * @param around who hears those runs
   */
  List<AgentListener> listeners(List<Hook> listening, List<AgentListener> around) {
    var listeners = new ArrayList<AgentListener>();
    for (Hook hook : all) {
      if (listening.stream().noneMatch(other -> other == hook)) {
        hook.listener(around).ifPresent(listeners::add);
      }
    }
    return listeners;
  }
}
