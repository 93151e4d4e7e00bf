package dev.qwen4j.agent;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;

/** Lets everything run, and is known for it: nobody has to be waited for. */
enum AllowAll implements Approval {
  INSTANCE;

  @Override
  public Decision decide(ToolCall call, Tool tool) {
    return new Decision.Allow();
  }
}
