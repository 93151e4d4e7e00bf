package dev.qwen4j.agent;

import java.time.Duration;

/**
 * How far a run may go. Reaching a limit is no exception: the model gets one last turn without
 * tools to answer from what it has, and the result says which limit it was.
 *
 * <p>Start from {@link #DEFAULT} and change what matters: {@code
 * Limits.DEFAULT.withMaxTurns(5).withMaxTime(Duration.ofMinutes(1))}.
 *
 * @param maxTurns model calls with tools on offer
 * @param maxToolCalls tool calls in the whole run
 * @param maxTokens input plus output tokens over all model calls
 * @param maxReplyTokens output tokens of one reply, thinking included. Any number but the default
 *     is sent to the model; the default is not, since hosts refuse a number that does not fit their
 *     window. In either case a reply is cut off after as many streamed pieces, of which each is a
 *     token or more
 * @param maxCost of all tokens by the agent's {@link Prices}; infinite unless set
 * @param maxTime wall time of the whole run, the last answer included
 * @param toolTimeout wall time of one tool call, for tools that do not say otherwise
 */
public record Limits(
    int maxTurns,
    int maxToolCalls,
    long maxTokens,
    int maxReplyTokens,
    double maxCost,
    Duration maxTime,
    Duration toolTimeout) {
  /**
   * 20 turns, 50 calls, a million tokens, 16384 of them in one reply, any cost, 10 minutes, 60
   * seconds for a tool.
   */
  public static final Limits DEFAULT =
      new Limits(
          20,
          50,
          1_000_000,
          16_384,
          Double.POSITIVE_INFINITY,
          Duration.ofMinutes(10),
          Duration.ofSeconds(60));

  /** As good as no limit on time; keeps sums below the clock's overflow. */
  static final Duration LONGEST = Duration.ofDays(10_000);

  /** A fifth of the time, but no more than this, is kept for a last answer. */
  private static final Duration LONGEST_RESERVE = Duration.ofSeconds(30);

  public Limits {
    require(maxTurns >= 1, "maxTurns", maxTurns);
    require(maxToolCalls >= 0, "maxToolCalls", maxToolCalls);
    require(maxTokens >= 1, "maxTokens", maxTokens);
    require(maxReplyTokens >= 1, "maxReplyTokens", maxReplyTokens);
    require(maxCost > 0, "maxCost", maxCost);
    require(maxTime.isPositive(), "maxTime", maxTime);
    require(toolTimeout.isPositive(), "toolTimeout", toolTimeout);
  }

  public Limits withMaxTurns(int turns) {
    return new Limits(
        turns, maxToolCalls, maxTokens, maxReplyTokens, maxCost, maxTime, toolTimeout);
  }

  public Limits withMaxToolCalls(int calls) {
    return new Limits(maxTurns, calls, maxTokens, maxReplyTokens, maxCost, maxTime, toolTimeout);
  }

  public Limits withMaxTokens(long tokens) {
    return new Limits(
        maxTurns, maxToolCalls, tokens, maxReplyTokens, maxCost, maxTime, toolTimeout);
  }

  public Limits withMaxReplyTokens(int tokens) {
    return new Limits(maxTurns, maxToolCalls, maxTokens, tokens, maxCost, maxTime, toolTimeout);
  }

  public Limits withMaxCost(double cost) {
    return new Limits(
        maxTurns, maxToolCalls, maxTokens, maxReplyTokens, cost, maxTime, toolTimeout);
  }

  public Limits withMaxTime(Duration time) {
    return new Limits(
        maxTurns, maxToolCalls, maxTokens, maxReplyTokens, maxCost, time, toolTimeout);
  }

  public Limits withToolTimeout(Duration timeout) {
    return new Limits(maxTurns, maxToolCalls, maxTokens, maxReplyTokens, maxCost, maxTime, timeout);
  }

  /** The time for everything but the last answer. */
  Duration workTime() {
    Duration fifth = maxTime.dividedBy(5);
    return maxTime.minus(fifth.compareTo(LONGEST_RESERVE) < 0 ? fifth : LONGEST_RESERVE);
  }

  private static void require(boolean holds, String name, Object value) {
    if (!holds) {
      throw new IllegalArgumentException(name + " must be positive, but was " + value);
    }
  }
}
