package dev.qwen4j.agent;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;

/**
 * Decides before each tool call whether it may run. May block, for example to ask a person: it is
 * called on a virtual thread of its own, for one call of a run at a time, and interrupted when the
 * run is cancelled or out of time. A call whose approval throws does not run.
 */
@FunctionalInterface
public interface Approval {
  Decision decide(ToolCall call, Tool tool);

  /** Lets everything run: the default. */
  static Approval allowAll() {
    return AllowAll.INSTANCE;
  }

  /** Lets only tools run that change nothing. */
  static Approval readOnly() {
    return (call, tool) ->
        tool.changesState()
            ? new Decision.Deny("This run may only look, and '" + call.name() + "' changes things.")
            : new Decision.Allow();
  }
}
