package dev.qwen4j.agent;

import dev.langchain4j.model.output.TokenUsage;
import org.jspecify.annotations.Nullable;

/**
 * What a run may spend, and what it has spent. What the runs within it spend counts here too, so
 * that a limit holds for all of them together; only turns are everyone's own. Safe to use from any
 * thread.
 */
final class Budget {
  private final Limits limits;
  private final @Nullable Budget around;
  private Spent spent = Spent.NOTHING;
  private int calls;

  /**
   * @param around what this is a part of, if anything
   */
  Budget(Limits limits, @Nullable Budget around) {
    this.limits = limits;
    this.around = around;
  }

  /** Counts a model call. */
  void addTurn(@Nullable TokenUsage usage, Prices prices) {
    synchronized (this) {
      spent = spent.plus(usage, prices);
    }
    if (around != null) {
      around.addTurn(usage, prices);
    }
  }

  /** Counts a tool call. */
  void addCall() {
    synchronized (this) {
      calls++;
    }
    if (around != null) {
      around.addCall();
    }
  }

  synchronized Spent spent() {
    return spent;
  }

  /** The limit on tool calls that has been overstepped, or -1. */
  int overCalls() {
    synchronized (this) {
      if (calls > limits.maxToolCalls()) {
        return limits.maxToolCalls();
      }
    }
    return around == null ? -1 : around.overCalls();
  }

  /** The limit that has been reached, of those that are counted here. */
  @Nullable StopReason reached() {
    if (overCalls() >= 0) {
      return StopReason.MAX_TOOL_CALLS;
    }
    synchronized (this) {
      if (spent.usage().totalTokenCount() >= limits.maxTokens()) {
        return StopReason.MAX_TOKENS;
      }
      if (spent.cost() >= limits.maxCost()) {
        return StopReason.MAX_COST;
      }
    }
    return around == null ? null : around.reached();
  }
}
