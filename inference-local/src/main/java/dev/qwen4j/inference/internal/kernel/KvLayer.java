package dev.qwen4j.inference.internal.kernel;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Keys and values of one attention layer for one sequence. Grows as positions are written, up to
 * {@code maxPositions}.
 */
public final class KvLayer {
  private final KvType type;
  private final int headDim;
  private final int maxPositions;
  private final KvHead[] keys;
  private final KvHead[] values;

  /** An empty layer that keeps half precision. */
  public KvLayer(int kvHeads, int headDim, int maxPositions) {
    this(KvType.F16, kvHeads, headDim, maxPositions);
  }

  public KvLayer(KvType type, int kvHeads, int headDim, int maxPositions) {
    this.type = type;
    this.headDim = headDim;
    this.maxPositions = maxPositions;
    this.keys = new KvHead[kvHeads];
    this.values = new KvHead[kvHeads];
    Arrays.setAll(keys, h -> new KvHead(type, headDim, maxPositions));
    Arrays.setAll(values, h -> new KvHead(type, headDim, maxPositions));
  }

  public int kvHeads() {
    return keys.length;
  }

  KvType type() {
    return type;
  }

  public int headDim() {
    return headDim;
  }

  /**
   * Writes {@code tokens} positions from {@code position} on, over whatever was there.
   *
   * @param k [row + tokens, kvHeads, headDim], rotated
   * @param v [row + tokens, kvHeads, headDim]
   * @param row of {@code k} and {@code v} that comes first
   */
  void write(int position, int tokens, float[] k, float[] v, int row) {
    reserve(position, tokens);
    for (int t = 0; t < tokens; t++) {
      writeToken(position + t, row + t, k, v);
    }
  }

  /** Writes a position, which there is room for, from a row of {@code k} and {@code v}. */
  void writeToken(int position, int row, float[] k, float[] v) {
    for (int h = 0; h < keys.length; h++) {
      int from = (row * keys.length + h) * headDim;
      keys[h].write(position, k, from);
      values[h].write(position, v, from);
    }
  }

  /** Knows the first positions of another layer of the same shape and type; both may go on. */
  public void copy(KvLayer other, int positions) {
    for (int h = 0; h < keys.length; h++) {
      keys[h].copy(other.keys[h], positions);
      values[h].copy(other.values[h], positions);
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
    reserve(0, positions);
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

  KvHead keys(int kvHead) {
    return keys[kvHead];
  }

  KvHead values(int kvHead) {
    return values[kvHead];
  }

  /** Makes room for so many tokens from a position on, which only this layer will see. */
  void reserve(int position, int tokens) {
    int positions = position + tokens;
    if (positions > maxPositions) {
      throw new IllegalArgumentException(
          "position " + positions + " is beyond the context of " + maxPositions);
    }
    for (int h = 0; h < keys.length; h++) {
      keys[h].reserve(position, tokens);
      values[h].reserve(position, tokens);
    }
  }
}
