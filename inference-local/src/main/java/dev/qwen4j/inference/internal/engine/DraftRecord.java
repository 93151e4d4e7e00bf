package dev.qwen4j.inference.internal.engine;

/**
 * What drafts have cost and brought so far, in all replies of an engine: moving averages of the
 * time of steps, and counts. The times are given, so that nothing here depends on a clock.
 *
 * <p>What makes a step slow for once (the compiler, other processes) is soon forgotten: averages
 * fall faster than they rise.
 */
final class DraftRecord {
  /** Single steps that a step with a draft costs, until it has been measured. */
  private static final double FIRST_COST = 2.2;

  /** Of a new measurement in an average that it is above of, and that it is below of. */
  private static final double RISING = 1 / 8.0;

  private static final double FALLING = 1 / 2.0;

  /** Steps with drafts after which a single one is measured again: the context has grown. */
  private static final int SINGLE_IS_OLD = 32;

  private double single; // nanoseconds; 0 before the first
  private double cost = FIRST_COST;
  private int sinceSingle;
  private long drafted;
  private long accepted;

  /** A step that read one token took so long. */
  synchronized void single(long nanos) {
    single = single == 0 ? (double) nanos : moved(single, (double) nanos);
    sinceSingle = 0;
  }

  /** A step that read a draft as well took so long. */
  synchronized void drafted(long nanos) {
    // As a ratio, it stays right while a busy machine slows all steps down.
    cost = moved(cost, single == 0 ? FIRST_COST : Math.max(1, (double) nanos / single));
    sinceSingle++;
    drafted += Drafting.LENGTH;
  }

  private static double moved(double average, double measured) {
    double weight = measured < average ? FALLING : RISING;
    return average + weight * (Math.min(measured, 2 * average) - average);
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
