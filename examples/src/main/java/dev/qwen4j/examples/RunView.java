package dev.qwen4j.examples;

import dev.qwen4j.agent.AgentListener;

/**
 * Shows a run to whoever started it, a person or a program. Whatever happens, {@link
 * dev.qwen4j.agent.AgentEvent.RunFinished} is the last thing shown; what comes later from a thread
 * that was given up is dropped.
 */
interface RunView extends AgentListener {
  /** Whether the reader of the output has gone away, so that nothing more need be done. */
  boolean outputClosed();
}
