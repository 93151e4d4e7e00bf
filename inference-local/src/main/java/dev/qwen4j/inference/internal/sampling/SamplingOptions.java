package dev.qwen4j.inference.internal.sampling;

import org.jspecify.annotations.Nullable;

/**
 * How the next token is chosen. {@link Sampler} says in which order these apply.
 *
 * @param temperature 0 always takes the most likely token; 1 leaves the distribution as it is
 * @param topK how many of the most likely tokens stay; 0 for all
 * @param topP the most likely tokens whose probabilities reach this sum stay; in (0, 1], 1 for all
 * @param minP tokens at least this fraction as likely as the most likely stay; in [0, 1], 0 for all
 * @param penalties against repeating
 * @param seed the same seed, prompt and options give the same tokens; null for a fresh one
 */
public record SamplingOptions(
    double temperature,
    int topK,
    double topP,
    double minP,
    Penalties penalties,
    @Nullable Long seed) {

  /** Always the most likely token. */
  public static final SamplingOptions GREEDY =
      new SamplingOptions(0, 0, 1, 0, Penalties.NONE, null);

  public SamplingOptions {
    check(temperature >= 0 && Double.isFinite(temperature), "temperature", ">= 0", temperature);
    check(topK >= 0, "top_k", ">= 0 (0 for all)", topK);
    check(topP > 0 && topP <= 1, "top_p", "in (0, 1]", topP);
    check(minP >= 0 && minP <= 1, "min_p", "in [0, 1]", minP);
  }

  /** Drawing from the whole distribution at this temperature. */
  public static SamplingOptions temperature(double temperature) {
    return new SamplingOptions(temperature, 0, 1, 0, Penalties.NONE, null);
  }

  public SamplingOptions withTopK(int value) {
    return new SamplingOptions(temperature, value, topP, minP, penalties, seed);
  }

  public SamplingOptions withTopP(double value) {
    return new SamplingOptions(temperature, topK, value, minP, penalties, seed);
  }

  public SamplingOptions withMinP(double value) {
    return new SamplingOptions(temperature, topK, topP, value, penalties, seed);
  }

  public SamplingOptions withPenalties(Penalties value) {
    return new SamplingOptions(temperature, topK, topP, minP, value, seed);
  }

  public SamplingOptions withSeed(@Nullable Long value) {
    return new SamplingOptions(temperature, topK, topP, minP, penalties, value);
  }

  /**
   * Penalties against repeating.
   *
   * @param repetition divides positive and multiplies negative logits of tokens seen in the prompt
   *     or the output (HuggingFace); 1 for none
   * @param presence taken once from the logit of a token already generated; 0 for none
   * @param frequency taken from it once per occurrence; 0 for none
   * @param window how many of the latest tokens {@code repetition} looks at
   */
  public record Penalties(double repetition, double presence, double frequency, int window) {
    /** Repeating is free. */
    public static final Penalties NONE = new Penalties(1, 0, 0, Integer.MAX_VALUE);

    public Penalties {
      check(
          repetition > 0 && Double.isFinite(repetition),
          "repetition_penalty",
          "> 0 (1 for none)",
          repetition);
      check(presence >= -2 && presence <= 2, "presence_penalty", "in [-2, 2]", presence);
      check(frequency >= -2 && frequency <= 2, "frequency_penalty", "in [-2, 2]", frequency);
      check(window > 0, "penalty window", "> 0", window);
    }

    boolean none() {
      return repetition == 1 && presence == 0 && frequency == 0;
    }
  }

  private static void check(boolean ok, String name, String wanted, Number found) {
    if (!ok) {
      throw new IllegalArgumentException(name + ": expected " + wanted + ", found " + found);
    }
  }
}
