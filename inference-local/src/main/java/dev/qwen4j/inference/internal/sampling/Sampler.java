package dev.qwen4j.inference.internal.sampling;

import java.util.SplittableRandom;

/**
 * Chooses the next token of one sequence; holds the sequence's history and its random numbers.
 *
 * <p>Order, as in HuggingFace transformers' {@code generate} (which Qwen's recommended settings are
 * meant for): repetition penalty, then presence and frequency penalty (OpenAI's definition, as vLLM
 * applies them), temperature, top-k, top-p, min-p. Top-p sums the probabilities that top-k left.
 * Among equal logits the lower id counts as the more likely, so that a cut is always exact.
 *
 * <p>Nothing is sorted as a whole: top-k is a bounded heap over one pass, top-p and min-p pop from
 * a heap only what they keep. Nothing is allocated per token. Not safe for use by several threads.
 */
public final class Sampler {
  /** Tokens less likely than e^-40 of the best are never drawn: a double's sum cannot tell. */
  private static final double NEGLIGIBLE = -40;

  private final SamplingOptions options;
  private final int vocabulary;
  private final SplittableRandom random;
  private final CandidateHeap candidates;
  private final TokenHistory history;

  /**
   * A sampler at the start of a sequence.
   *
   * @param vocabulary how many ids the tokenizer knows; logits beyond are padding, never chosen
   */
  public Sampler(SamplingOptions options, int vocabulary) {
    if (vocabulary <= 0) {
      throw new IllegalArgumentException("vocabulary: expected > 0, found " + vocabulary);
    }
    this.options = options;
    this.vocabulary = vocabulary;
    Long seed = options.seed();
    random = seed == null ? new SplittableRandom() : new SplittableRandom(seed);
    int kept = options.topK() == 0 ? vocabulary : Math.min(options.topK(), vocabulary);
    candidates = new CandidateHeap(options.temperature() == 0 ? 0 : kept);
    history = new TokenHistory(options.penalties(), vocabulary);
  }

  /** Tells the sampler the prompt, which the repetition penalty counts. */
  public void prompt(int[] ids) {
    for (int id : ids) {
      history.add(id, false);
    }
  }

  /** Records a token of the output that was not sampled here but forced. */
  public void accept(int id) {
    history.add(id, true);
  }

  /**
   * Chooses the next token and records it.
   *
   * @param logits one per row of the output matrix, at least one per known id; penalties are
   *     applied in place. Minus infinity forbids a token.
   * @throws IllegalStateException if no token has a usable logit
   */
  public int sample(float[] logits) {
    if (logits.length < vocabulary) {
      throw new IllegalArgumentException(
          "logits: expected at least " + vocabulary + ", found " + logits.length);
    }
    history.penalise(logits);
    int best = best(logits);
    int id = options.temperature() == 0 ? best : draw(logits, logits[best]);
    history.add(id, true);
    return id;
  }

  /**
   * How many of the largest logits {@link #sample} looks at: as many as may be chosen from, and as
   * penalties may push below others.
   *
   * @param ahead tokens to be sampled before, each of which may be one more to penalise
   */
  public int candidates(int ahead) {
    if (!history.onlyLowers()) {
      return vocabulary;
    }
    int chosen = options.temperature() == 0 ? 1 : candidates.capacity();
    return Math.min(vocabulary, chosen + history.penalised(ahead));
  }

  private int best(float[] logits) {
    int best = -1;
    float bestLogit = Float.NEGATIVE_INFINITY;
    for (int id = 0; id < vocabulary; id++) {
      if (logits[id] > bestLogit) {
        best = id;
        bestLogit = logits[id];
      }
    }
    if (best < 0 || bestLogit == Float.POSITIVE_INFINITY) {
      throw new IllegalStateException(
          "no token can be sampled: expected a finite best logit, found "
              + (best < 0 ? "only NaN or -Infinity" : "Infinity"));
    }
    return best;
  }

  private int draw(float[] logits, float max) {
    double lowest = max + NEGLIGIBLE * options.temperature();
    candidates.clear();
    if (candidates.capacity() < vocabulary) {
      candidates.keepLargest(logits, vocabulary, lowest);
    } else {
      candidates.keepAll(logits, vocabulary, lowest);
    }
    double total = candidates.toWeights(max, options.temperature());
    if (options.topP() < 1 || options.minP() > 0) {
      // The most likely token has weight 1.
      total = candidates.cut(options.topP() * total, options.minP());
    }
    return candidates.at(random.nextDouble() * total);
  }
}
