package dev.qwen4j.agent;

/**
 * Hears everything that happens in a run, in order. Events of one run arrive one at a time; what a
 * listener throws ends the run.
 */
@FunctionalInterface
public interface AgentListener {
  void onEvent(AgentEvent event);
}
