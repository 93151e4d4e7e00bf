package dev.qwen4j.inference.internal.arch;

/**
 * The shape of a mixture of experts.
 *
 * @param used experts per token
 * @param inner width between an expert's projections
 * @param sharedInner the same of the expert that every token passes, 0 where there is none
 * @param renormalised whether the chosen experts' probabilities are scaled to a sum of 1
 * @param scale factor on those probabilities
 */
record ExpertsConfig(
    int count, int used, int inner, int sharedInner, boolean renormalised, float scale) {
  static ExpertsConfig read(ConfigReader in, boolean shared, boolean renormalised) {
    int count = in.width("expert_count");
    int used = in.count("expert_used_count");
    in.expect(used <= count, "expert_used_count", used + " of " + count + " experts");
    // Early conversions state only what all experts of a token have together, and then the shared
    // expert's width is the same.
    int together = in.countOrZero("feed_forward_length");
    double scale = in.number("expert_weights_scale", -1e-9, 1e6, 1);
    return new ExpertsConfig(
        count,
        used,
        in.width("expert_feed_forward_length", Math.max(1, together / used)),
        shared ? in.width("expert_shared_feed_forward_length", Math.max(1, together)) : 0,
        in.flag("expert_weights_norm").orElse(renormalised),
        scale == 0 ? 1 : (float) scale);
  }
}
