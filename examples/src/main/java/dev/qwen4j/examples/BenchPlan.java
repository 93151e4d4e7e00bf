package dev.qwen4j.examples;

import dev.qwen4j.inference.EngineProbe;
import java.util.List;

/**
 * What is measured of a model.
 *
 * @param prompt tokens to read at once; 0 for none
 * @param generated tokens to write one by one; 0 for none
 * @param depths tokens of context before those, each a measurement of its own
 * @param history tokens of a conversation whose second turn is timed; 0 for none
 * @param replies that are written side by side; 0 or 1 for none
 * @param repeats measurements of each, after one that warms up
 */
record BenchPlan(
    int prompt, int generated, List<Integer> depths, int history, int replies, int repeats) {
  /** Tokens of the prompt whose first token is timed. */
  static final int SHORT_PROMPT = 20;

  /** Tokens that a second turn adds. */
  static final int NEW_IN_SECOND_TURN = 100;

  /** A depth that tells something and is soon read. */
  static final int USUAL_DEPTH = 1024;

  BenchPlan {
    depths = List.copyOf(depths);
  }

  /** The same at the depths that are measured when nobody says which. */
  BenchPlan atUsualDepths(int contextLength) {
    BenchPlan deep =
        new BenchPlan(prompt, generated, List.of(0, USUAL_DEPTH), history, replies, repeats);
    return deep.positions() <= contextLength
        ? deep
        : new BenchPlan(prompt, generated, List.of(0), history, replies, repeats);
  }

  /** Tokens of the longest context that is measured. */
  long positions() {
    long deepest = depths.stream().mapToLong(Integer::longValue).max().orElse(0);
    long behind = Math.max(prompt, generated == 0 ? 0 : generated + 1L);
    if (replies > 1 && generated > 0) {
      behind = Math.max(behind, EngineProbe.PROMPT_OF_REPLY + generated + 1L);
    }
    return Math.max(deepest + behind, history == 0 ? 0 : history + NEW_IN_SECOND_TURN + 1L);
  }
}
