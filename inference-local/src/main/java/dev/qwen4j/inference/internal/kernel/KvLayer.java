package dev.qwen4j.inference.internal.kernel;

import java.nio.ByteBuffer;

/**
 * Keys and values of one attention layer for one sequence. Grows as positions are written, up to
 * {@code maxPositions}.
 */
public final class KvLayer {
  private static final int FIRST_CAPACITY = 256;

  private final int headDim;
  private final int maxPositions;
  private final KvRows[] keys; // per KV head
  private final KvRows[] values;
  private int capacity;

  /** An empty layer that keeps half precision. */
  public KvLayer(int kvHeads, int headDim, int maxPositions) {
    this(KvType.F16, kvHeads, headDim, maxPositions);
  }

  public KvLayer(KvType type, int kvHeads, int headDim, int maxPositions) {
    this.headDim = headDim;
    this.maxPositions = maxPositions;
    this.capacity = Math.min(FIRST_CAPACITY, maxPositions);
    this.keys = new KvRows[kvHeads];
    this.values = new KvRows[kvHeads];
    for (int h = 0; h < kvHeads; h++) {
      keys[h] = KvRows.of(type, headDim, capacity);
      values[h] = KvRows.of(type, headDim, capacity);
    }
  }

  public int kvHeads() {
    return keys.length;
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
      for (int h = 0; h < keys.length; h++) {
        int from = (t * keys.length + h) * headDim;
        keys[h].write(position + t, k, from);
        values[h].write(position + t, v, from);
      }
    }
  }

  /** Takes over the first positions of another layer of the same shape and type. */
  public void copy(KvLayer other, int positions) {
    capacity = Math.max(capacity, positions);
    for (int h = 0; h < keys.length; h++) {
      keys[h] = other.keys[h].grown(capacity);
      values[h] = other.values[h].grown(capacity);
    }
  }

  /** Puts the first positions, as they are kept, to {@code out}. */
  public void store(int positions, ByteBuffer out) {
    for (int h = 0; h < keys.length; h++) {
      keys[h].store(positions, out);
      values[h].store(positions, out);
    }
  }

  /**
   * Takes over the first positions of what a layer of the same shape and type has stored.
   *
   * @param stored how many it has stored
   */
  public void load(int stored, int positions, ByteBuffer in) {
    ensureCapacity(positions);
    for (int h = 0; h < keys.length; h++) {
      keys[h].load(stored, positions, in);
      values[h].load(stored, positions, in);
    }
  }

  /** The keys of one head at {@code count} positions: [count, headDim]. */
  void readKeys(int kvHead, int position, int count, float[] out) {
    keys[kvHead].read(position, count, out);
  }

  /** The values of one head at {@code count} positions: [count, headDim]. */
  void readValues(int kvHead, int position, int count, float[] out) {
    values[kvHead].read(position, count, out);
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
    for (int h = 0; h < keys.length; h++) {
      keys[h] = keys[h].grown(capacity);
      values[h] = values[h].grown(capacity);
    }
  }
}
