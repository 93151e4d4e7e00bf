package dev.qwen4j.agent;

import dev.langchain4j.model.output.TokenUsage;

/**
 * What a model's tokens cost, in any currency.
 *
 * @param inputPerMillion the price of a million input tokens
 * @param outputPerMillion the price of a million output tokens
 */
public record Prices(double inputPerMillion, double outputPerMillion) {
  /** For a model that costs nothing, or nobody counts. */
  public static final Prices FREE = new Prices(0, 0);

  public Prices {
    if (!(inputPerMillion >= 0) || !(outputPerMillion >= 0)) {
      throw new IllegalArgumentException(
          "prices must not be negative, but were " + inputPerMillion + " and " + outputPerMillion);
    }
  }

  double of(TokenUsage usage) {
    return (orZero(usage.inputTokenCount()) * inputPerMillion
            + orZero(usage.outputTokenCount()) * outputPerMillion)
        / 1_000_000;
  }

  private static int orZero(Integer count) {
    return count == null ? 0 : count;
  }
}
