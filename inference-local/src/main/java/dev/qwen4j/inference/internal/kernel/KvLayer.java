package dev.qwen4j.inference.internal.kernel;

import java.util.Arrays;

/**
 * Keys and values of one attention layer for one sequence, in F16. Grows as positions are written,
 * up to {@code maxPositions}.
 */
public final class KvLayer {
  private static final int FIRST_CAPACITY = 256;

  private final int kvHeads;
  private final int headDim;
  private final int maxPositions;
  private int capacity;
  // Per KV head: [capacity, headDim] as IEEE half precision bits.
  private final short[][] keys;
  private final short[][] values;

  public KvLayer(int kvHeads, int headDim, int maxPositions) {
    this.kvHeads = kvHeads;
    this.headDim = headDim;
    this.maxPositions = maxPositions;
    this.capacity = Math.min(FIRST_CAPACITY, maxPositions);
    this.keys = new short[kvHeads][capacity * headDim];
    this.values = new short[kvHeads][capacity * headDim];
  }

  public int kvHeads() {
    return kvHeads;
  }

  public int headDim() {
    return headDim;
  }

  /**
   * Writes {@code tokens} positions from {@code position} on, over whatever was there.
   *
   * @param k [tokens, kvHeads, headDim], rotated
   * @param v [tokens, kvHeads, headDim]
   */
  public void write(int position, int tokens, float[] k, float[] v) {
    ensureCapacity(position + tokens);
    for (int t = 0; t < tokens; t++) {
      for (int h = 0; h < kvHeads; h++) {
        int from = (t * kvHeads + h) * headDim;
        int to = (position + t) * headDim;
        short[] key = keys[h];
        short[] value = values[h];
        for (int i = 0; i < headDim; i++) {
          key[to + i] = Float.floatToFloat16(k[from + i]);
          value[to + i] = Float.floatToFloat16(v[from + i]);
        }
      }
    }
  }

  /** Keys of one head, [capacity, headDim], as half precision bits. */
  short[] keys(int kvHead) {
    return keys[kvHead];
  }

  /** Values of one head, [capacity, headDim], as half precision bits. */
  short[] values(int kvHead) {
    return values[kvHead];
  }

  private void ensureCapacity(int positions) {
    if (positions > maxPositions) {
      throw new IllegalArgumentException(
          "position " + positions + " is beyond the context of " + maxPositions);
    }
    if (positions <= capacity) {
      return;
    }
    capacity = Math.min(maxPositions, Math.max(positions, capacity + capacity / 2));
    for (int h = 0; h < kvHeads; h++) {
      keys[h] = Arrays.copyOf(keys[h], capacity * headDim);
      values[h] = Arrays.copyOf(values[h], capacity * headDim);
    }
  }
}
