package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Turns;
import java.util.List;

/**
 * The angles of rotary position embedding: of a head's first {@code rotated} dimensions the pair
 * (i, i + rotated/2) is turned by {@code position · frequency[i]}. (Su et al. 2021; rounded to
 * float32 where transformers rounds.)
 */
final class Rope {
  private final int half;
  private final double amplitude;
  private final float[] frequencies; // [half]
  private Turns turns;

  Rope(RopeConfig config) {
    this.half = config.rotated() / 2;
    this.turns = new Turns(half, new float[0], new float[0]);
    this.amplitude = config.amplitude();
    this.frequencies = config.frequencies();
  }

  /** Computes the angles of a batch of {@code tokens}, for all layers. */
  void at(List<Span> spans, int tokens) {
    reserve(tokens);
    int row = 0;
    for (Span span : spans) {
      at(row, span.state().position(), span.count());
      row += span.count();
    }
  }

  /** Computes the angles of {@code tokens} positions from {@code position} on, for all layers. */
  void at(int position, int tokens) {
    reserve(tokens);
    at(0, position, tokens);
  }

  private void reserve(int tokens) {
    if (turns.cos().length < tokens * half) {
      turns = new Turns(half, new float[tokens * half], new float[tokens * half]);
    }
  }

  private void at(int row, int position, int tokens) {
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < half; i++) {
        float angle = (position + t) * frequencies[i];
        turns.cos()[(row + t) * half + i] = (float) (Math.cos(angle) * amplitude);
        turns.sin()[(row + t) * half + i] = (float) (Math.sin(angle) * amplitude);
      }
    }
  }

  /** What was computed last. */
  Turns turns() {
    return turns;
  }
}
