package dev.qwen4j.inference.internal.tokenizer;

import java.util.Arrays;

/**
 * Byte-pair encoding: which two neighbours merge into which token, and in which order.
 *
 * <p>A piece starts as one token per byte; then the pair of lowest rank, the leftmost among equals,
 * merges until none can. The tokens form a linked list and the pairs a heap, so a piece of n bytes
 * takes O(n log n), however long. Immutable, safe to share; {@link Merging} is not.
 *
 * <p>Source: Sennrich et al. 2016, in the byte-level form of GPT-2; ties and order as in
 * HuggingFace tokenizers.
 */
final class BytePairs {
  private static final long EMPTY = -1;

  private final int[] byteTokens;

  /** An open hash table: pair of ids, its rank, the id of the merged token. */
  private final long[] pairs;

  private final int[] ranks;
  private final int[] merged;
  private final int mask;

  /**
   * Pairs by their rank.
   *
   * @param byteTokens the token of each of the 256 bytes
   * @param merges left, right and merged token of each merge, the most important first
   */
  BytePairs(int[] byteTokens, int[] merges) {
    this.byteTokens = byteTokens;
    int capacity = Integer.highestOneBit(Math.max(16, merges.length / 3)) * 4;
    pairs = new long[capacity];
    ranks = new int[capacity];
    merged = new int[capacity];
    mask = capacity - 1;
    Arrays.fill(pairs, EMPTY);
    for (int i = 0; i < merges.length; i += 3) {
      put(pair(merges[i], merges[i + 1]), i / 3, merges[i + 2]);
    }
  }

  private void put(long pair, int rank, int id) {
    int slot = slot(pair);
    if (pairs[slot] == EMPTY) { // of a merge given twice the first counts
      pairs[slot] = pair;
      ranks[slot] = rank;
      merged[slot] = id;
    }
  }

  /** Where {@code pair} is, or would be. */
  private int slot(long pair) {
    long hash = pair * 0x9E3779B97F4A7C15L;
    int slot = (int) (hash >>> 32) & mask;
    while (pairs[slot] != EMPTY && pairs[slot] != pair) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private static long pair(int left, int right) {
    return (long) left << 32 | right;
  }

  /** The working memory of one encoding, used again for every piece. */
  final class Merging {
    private int[] tokens = new int[32];
    private int[] next = new int[32];
    private int[] previous = new int[32];

    /** Pairs that may merge, rank above position of the left token; a binary heap. */
    private long[] heap = new long[64];

    private int heapSize;

    /** Appends the tokens of {@code piece} to {@code out}. */
    void encode(byte[] piece, IntList out) {
      start(piece);
      while (heapSize > 0) {
        long top = pop();
        int left = (int) top;
        int right = tokens[left] < 0 ? -1 : next[left];
        if (right < 0) {
          continue;
        }
        int slot = slot(pair(tokens[left], tokens[right]));
        if (pairs[slot] == EMPTY || ranks[slot] != (int) (top >>> 32)) {
          continue; // a neighbour has merged away since
        }
        tokens[left] = merged[slot];
        tokens[right] = -1;
        next[left] = next[right];
        if (next[left] >= 0) {
          previous[next[left]] = left;
          offer(left);
        }
        if (previous[left] >= 0) {
          offer(previous[left]);
        }
      }
      for (int i = 0; i >= 0; i = next[i]) {
        out.add(tokens[i]);
      }
    }

    private void start(byte[] piece) {
      int length = piece.length;
      if (length > tokens.length) {
        int capacity = Math.max(length, tokens.length * 2);
        tokens = new int[capacity];
        next = new int[capacity];
        previous = new int[capacity];
      }
      for (int i = 0; i < length; i++) {
        tokens[i] = byteTokens[piece[i] & 0xFF];
        next[i] = i + 1 < length ? i + 1 : -1;
        previous[i] = i - 1;
      }
      heapSize = 0;
      for (int i = 0; i + 1 < length; i++) {
        offer(i);
      }
    }

    /** Puts the pair that starts at {@code left} on the heap if it can merge. */
    private void offer(int left) {
      int slot = slot(pair(tokens[left], tokens[next[left]]));
      if (pairs[slot] == EMPTY) {
        return;
      }
      if (heapSize == heap.length) {
        heap = Arrays.copyOf(heap, heapSize * 2);
      }
      long entry = (long) ranks[slot] << 32 | left;
      int i = heapSize++;
      while (i > 0 && heap[(i - 1) / 2] > entry) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
      }
      heap[i] = entry;
    }

    private long pop() {
      long top = heap[0];
      long entry = heap[--heapSize];
      int i = 0;
      while (true) {
        int child = 2 * i + 1;
        if (child >= heapSize) {
          break;
        }
        if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
          child++;
        }
        if (heap[child] >= entry) {
          break;
        }
        heap[i] = heap[child];
        i = child;
      }
      heap[i] = entry;
      return top;
    }
  }
}
