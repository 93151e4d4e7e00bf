package dev.qwen4j.agent;

import dev.langchain4j.model.output.TokenUsage;
import org.jspecify.annotations.Nullable;

/**
 * What a run has used up so far. Only what is known is counted, nothing is estimated: hosts say
 * what a reply cost when it is complete, so one that was cut short, cancelled or failed on the way
 * may stay unmeasured. A local model counts those too.
 *
 * @param turns model calls made
 * @param usage tokens, summed over the turns whose cost is known
 * @param unmeasuredTurns turns whose cost is not known; above 0, {@code usage} and {@code cost} are
 *     lower bounds
 * @param cost the price of the tokens by the agent's {@link Prices}
 */
public record Spent(int turns, TokenUsage usage, int unmeasuredTurns, double cost) {
  /** Before the first turn. */
  public static final Spent NOTHING = new Spent(0, new TokenUsage(0, 0, 0), 0, 0);

  /** With one turn more. */
  Spent plus(@Nullable TokenUsage turn, Prices prices) {
    return turn == null
        ? new Spent(turns + 1, usage, unmeasuredTurns + 1, cost)
        : new Spent(
            turns + 1, TokenUsage.sum(usage, turn), unmeasuredTurns, cost + prices.of(turn));
  }
}
