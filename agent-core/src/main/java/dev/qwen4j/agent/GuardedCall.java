package dev.qwen4j.agent;

import dev.qwen4j.agent.Hook.Verdict;
import dev.qwen4j.agent.ToolArgumentsCheck.Checked;
import dev.qwen4j.tool.ToolCall;

/** What becomes of a call under the hooks of its agent. */
sealed interface GuardedCall {
  /**
   * It goes on, to its approval.
   *
   * @param call with the arguments that it will have
   */
  record Goes(ToolCall call) implements GuardedCall {}

  /**
   * It does not.
   *
   * @param why for the model
   */
  record Stopped(String why) implements GuardedCall {}

  /** Asks them; arguments that they rewrite must fit the schema again. */
  static GuardedCall of(ToolCall call, ToolArgumentsCheck check, Guards guards) {
    return switch (guards.ask(call, Hook::beforeTool)) {
      case Verdict.Pass<ToolCall> pass -> new Goes(call);
      case Verdict.Block<ToolCall>(String reason) -> new Stopped("Blocked: " + reason);
      case Verdict.Rewrite<ToolCall>(ToolCall other) ->
          switch (check.check(call.name(), other.arguments().json(), false)) {
            case Checked.Refused(String why) ->
                new Stopped("Not run, because a hook changed it: " + why);
            case Checked.Accepted accepted ->
                new Goes(new ToolCall(call.id(), call.name(), accepted.arguments()));
          };
    };
  }
}
