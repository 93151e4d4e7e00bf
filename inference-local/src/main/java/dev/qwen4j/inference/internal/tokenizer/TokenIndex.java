package dev.qwen4j.inference.internal.tokenizer;

import java.util.Arrays;
import java.util.List;

/**
 * The ids of tokens by their text: an open hash table that is asked for parts of strings, so that
 * the hundred thousands of merges of a vocabulary are looked up without making a string of any.
 */
final class TokenIndex {
  private static final int NONE = -1;

  private final List<String> tokens;
  private final int[] slots;
  private final int mask;

  /** An empty index over some tokens. */
  TokenIndex(List<String> tokens) {
    this.tokens = tokens;
    this.slots = new int[Integer.highestOneBit(Math.max(16, tokens.size())) * 4];
    this.mask = slots.length - 1;
    Arrays.fill(slots, NONE);
  }

  /** Makes a token known; of several with the same text the first counts. */
  void add(int id) {
    String token = tokens.get(id);
    int slot = first(token.hashCode());
    while (slots[slot] != NONE) {
      if (tokens.get(slots[slot]).equals(token)) {
        return;
      }
      slot = (slot + 1) & mask;
    }
    slots[slot] = id;
  }

  /** The id of {@code text[from … to)}, or −1. */
  int find(String text, int from, int to) {
    int slot = first(hash(text, from, to, 0));
    while (slots[slot] != NONE) {
      String token = tokens.get(slots[slot]);
      if (token.length() == to - from && text.startsWith(token, from)) {
        return slots[slot];
      }
      slot = (slot + 1) & mask;
    }
    return NONE;
  }

  /** The id of {@code text} without the character at {@code gap}, or −1. */
  int findWithout(String text, int gap) {
    int length = text.length();
    int slot = first(hash(text, gap + 1, length, hash(text, 0, gap, 0)));
    while (slots[slot] != NONE) {
      String token = tokens.get(slots[slot]);
      if (token.length() == length - 1
          && token.regionMatches(0, text, 0, gap)
          && token.regionMatches(gap, text, gap + 1, length - gap - 1)) {
        return slots[slot];
      }
      slot = (slot + 1) & mask;
    }
    return NONE;
  }

  /** As {@link String#hashCode}, going on from {@code start}. */
  private static int hash(String text, int from, int to, int start) {
    int hash = start;
    for (int i = from; i < to; i++) {
      hash = 31 * hash + text.charAt(i);
    }
    return hash;
  }

  private int first(int hash) {
    return ((hash * 0x9E3779B9) >>> 7) & mask;
  }
}
