package dev.qwen4j.inference.internal.kernel;

/**
 * Which logits of a row have to be right: the {@code count} largest of the first {@code among}.
 * Every other may be an estimate, which is below those.
 *
 * @param among those of the ids that may be chosen
 */
public record Candidates(int count, int among) {
  /** All of them. */
  public static final Candidates ALL = new Candidates(Integer.MAX_VALUE, Integer.MAX_VALUE);

  /** What is right for both. */
  public Candidates and(Candidates other) {
    return new Candidates(Math.max(count, other.count), Math.min(among, other.among));
  }
}
