package dev.qwen4j.inference.internal.engine;

/**
 * What drafts have cost and brought so far, in all replies of an engine: moving averages of the
 * time of steps, and counts. The times are given, so that nothing here depends on a clock.
 */
final class DraftRecord {
  /** Single steps that checking a draft costs, until it has been measured. */
  private static final double FIRST_COST = 2.2;

  /** More than a draft can be worth: one slow step is no reason to believe more. */
  private static final double HIGHEST_COST = 2.0 + Drafting.LENGTH;

  /** Of a new measurement in an average. */
  private static final double WEIGHT = 1 / 8.0;

  /** Steps with drafts after which a single one is measured again: the context has grown. */
  private static final int SINGLE_IS_OLD = 32;

  private double single; // nanoseconds; 0 before the first
  private double cost = FIRST_COST;
  private int sinceSingle;
  private long drafted;
  private long accepted;

  /** A step that read one token took so long. */
  synchronized void single(long nanos) {
    // At most doubled, so that an interruption is soon forgotten.
    single =
        single == 0 ? nanos : single + WEIGHT * (Math.min((double) nanos, 2 * single) - single);
    sinceSingle = 0;
  }

  /** A step that read a draft as well took so long. */
  synchronized void drafted(long nanos) {
    double measured = single == 0 ? FIRST_COST : Math.clamp(nanos / single, 1, HIGHEST_COST);
    cost += WEIGHT * (measured - cost);
    sinceSingle++;
    drafted += Drafting.LENGTH;
  }

  /** The model went on with one more token of a draft. */
  synchronized void accepted() {
    accepted++;
  }

  /** Whether there is no recent single step that a draft's cost could be compared with. */
  synchronized boolean singleIsDue() {
    return single == 0 || sinceSingle >= SINGLE_IS_OLD;
  }

  /** Tokens that a draft has to bring for a step with it to be worth its time. */
  synchronized double breakEven() {
    return cost - 1;
  }

  synchronized long draftedTokens() {
    return drafted;
  }

  synchronized long acceptedTokens() {
    return accepted;
  }
}
