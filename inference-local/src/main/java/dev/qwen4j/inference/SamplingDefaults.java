package dev.qwen4j.inference;

import dev.qwen4j.inference.internal.sampling.SamplingOptions;
import dev.qwen4j.inference.internal.weights.Metadata;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How to sample when a request does not say: as the checkpoint's {@code general.sampling.*} says,
 * and otherwise as Qwen recommends for the family (the model cards' "Best Practices" and
 * generation_config.json).
 */
final class SamplingDefaults {
  private static final Set<String> THINKING_FAMILIES = Set.of("qwen3", "qwq", "qwen3.5");
  private static final String KEY = "general.sampling.";

  private final Metadata metadata;
  private final String family;

  SamplingDefaults(Metadata metadata, String family) {
    this.metadata = metadata;
    this.family = family;
  }

  SamplingOptions fill(LocalChatRequestParameters wanted) {
    boolean thinks =
        THINKING_FAMILIES.contains(family) && !Boolean.FALSE.equals(wanted.enableThinking());
    double temperature = pick(wanted.temperature(), "temp", thinks ? 0.6 : 0.7);
    boolean greedy = temperature == 0;
    double repetition =
        greedy
            ? pick(wanted.repetitionPenalty(), 1)
            : pick(
                wanted.repetitionPenalty(), "penalty_repeat", family.equals("qwen2.5") ? 1.05 : 1);
    return new SamplingOptions(
        temperature,
        (int) pick(asDouble(wanted.topK()), "top_k", 20),
        pick(wanted.topP(), "top_p", thinks ? 0.95 : 0.8),
        pick(wanted.minP(), "min_p", 0),
        new SamplingOptions.Penalties(
            repetition,
            pick(wanted.presencePenalty(), 0),
            pick(wanted.frequencyPenalty(), 0),
            Integer.MAX_VALUE),
        wanted.seed());
  }

  private double pick(@Nullable Double wanted, String key, double otherwise) {
    return wanted != null ? wanted : metadata.optionalNumber(KEY + key).orElse(otherwise);
  }

  private static double pick(@Nullable Double wanted, double otherwise) {
    return wanted != null ? wanted : otherwise;
  }

  private static @Nullable Double asDouble(@Nullable Integer value) {
    return value == null ? null : Double.valueOf(value);
  }
}
