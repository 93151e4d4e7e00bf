package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.KvLayer;
import java.util.ArrayList;
import java.util.List;

/**
 * What a model remembers of one sequence: how far it has read, and each layer's keys and values.
 */
public final class SequenceState {
  private final List<KvLayer> layers;
  private final int maxPositions;
  private int position;

  SequenceState(int layers, int kvHeads, int headDim, int maxPositions) {
    this.maxPositions = maxPositions;
    this.layers = new ArrayList<>(layers);
    for (int l = 0; l < layers; l++) {
      this.layers.add(new KvLayer(kvHeads, headDim, maxPositions));
    }
  }

  /** Tokens read so far, which is the position of the next one. */
  public int position() {
    return position;
  }

  public int maxPositions() {
    return maxPositions;
  }

  /** Forgets everything from {@code to} on. */
  public void rewind(int to) {
    if (to < 0 || to > position) {
      throw new IllegalArgumentException(
          "cannot rewind to position %d, only %d have been read".formatted(to, position));
    }
    position = to;
  }

  KvLayer layer(int index) {
    return layers.get(index);
  }

  void advance(int tokens) {
    position += tokens;
  }
}
