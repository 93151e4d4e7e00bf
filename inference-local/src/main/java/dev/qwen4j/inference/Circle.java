package dev.qwen4j.inference;

import java.util.Arrays;

/**
 * Notices tokens that go round in a circle: the last {@value #LONG_ENOUGH} are each the same as the
 * one a fixed distance before. Small models do that inside of a call and never leave it.
 */
final class Circle {
  /** More than any sensible argument repeats itself, and some ten seconds of a small model. */
  private static final int LONG_ENOUGH = 256;

  private static final int LONGEST_DISTANCE = 64;

  private final int[] last = new int[LONGEST_DISTANCE];
  private final int[] equal = new int[LONGEST_DISTANCE + 1];
  private int seen;

  /** Takes the next token; whether the circle is closed with it. */
  boolean closes(int id) {
    boolean closed = false;
    for (int distance = 1; distance <= Math.min(seen, LONGEST_DISTANCE); distance++) {
      boolean same = last[Math.floorMod(seen - distance, LONGEST_DISTANCE)] == id;
      equal[distance] = same ? equal[distance] + 1 : 0;
      closed |= equal[distance] >= LONG_ENOUGH;
    }
    last[seen % LONGEST_DISTANCE] = id;
    seen++;
    return closed;
  }

  /** Begins anew. */
  void forget() {
    seen = 0;
    Arrays.fill(equal, 0);
  }
}
