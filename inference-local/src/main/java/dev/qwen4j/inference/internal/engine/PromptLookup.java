package dev.qwen4j.inference.internal.engine;

import java.util.Arrays;

/**
 * Drafts from the conversation itself: what followed the last time that its latest ids were there
 * (Saxena 2023, "Prompt lookup decoding"). Code that is edited, a file that is quoted and a call
 * that is repeated are copied for many tokens.
 *
 * <p>The longest match counts, up to {@link #LONGEST}, and of several the latest. One scan
 * backwards finds it, some 20 µs behind 32,000 ids; nothing is allocated for a token.
 */
final class PromptLookup {
  /** Ids that must be alike: after fewer, too much is a coincidence. */
  static final int SHORTEST = 3;

  /** Ids that are compared: more say nothing new. */
  static final int LONGEST = 16;

  private static final int ROOM = 256;

  private int[] ids;
  private int size;

  /** Knows a prompt. */
  PromptLookup(int[] prompt) {
    ids = Arrays.copyOf(prompt, prompt.length + ROOM);
    size = prompt.length;
  }

  /** The next id of the conversation. */
  void add(int id) {
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, 2 * size);
    }
    ids[size++] = id;
  }

  /**
   * Fills {@code draft} with what followed then. Where that reaches the present, the text repeats
   * itself, and the draft goes on with what it repeats.
   *
   * @return how many of the latest ids were there before; 0 if too few, with the draft as it was
   */
  int propose(int[] draft) {
    if (size <= SHORTEST) {
      return 0;
    }
    int last = ids[size - 1];
    int lastButOne = ids[size - 2];
    int longest = SHORTEST - 1;
    int next = 0;
    for (int at = size - 2; at >= longest && longest < LONGEST; at--) {
      if (ids[at] == last && ids[at - 1] == lastButOne) {
        int alike = alike(at);
        if (alike > longest) {
          longest = alike;
          next = at + 1;
        }
      }
    }
    if (longest < SHORTEST) {
      return 0;
    }
    for (int i = 0; i < draft.length; i++) {
      draft[i] = next + i < size ? ids[next + i] : draft[next + i - size];
    }
    return longest;
  }

  /** How many ids up to {@code at} are the latest ones. */
  private int alike(int at) {
    int most = Math.min(LONGEST, at + 1);
    int alike = 2;
    while (alike < most && ids[at - alike] == ids[size - 1 - alike]) {
      alike++;
    }
    return alike;
  }
}
