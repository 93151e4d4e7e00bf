package dev.qwen4j.inference.internal.arch;

import java.util.List;

/**
 * Rotary position embedding, NeoX style: of a head's first {@code rotated} dimensions the pair (i,
 * i + rotated/2) is turned by {@code position · frequency[i]}; the rest stays. (Su et al. 2021;
 * rounded to float32 where transformers rounds.)
 */
final class Rope {
  private final int headDim;
  private final int half;
  private final double amplitude;
  private final float[] frequencies; // [half]
  private float[] cos = new float[0]; // [tokens, half]
  private float[] sin = new float[0]; // [tokens, half]

  Rope(int headDim, RopeConfig config) {
    this.headDim = headDim;
    this.half = config.rotated() / 2;
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
    if (cos.length < tokens * half) {
      cos = new float[tokens * half];
      sin = new float[tokens * half];
    }
  }

  private void at(int row, int position, int tokens) {
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < half; i++) {
        float angle = (position + t) * frequencies[i];
        cos[(row + t) * half + i] = (float) (Math.cos(angle) * amplitude);
        sin[(row + t) * half + i] = (float) (Math.sin(angle) * amplitude);
      }
    }
  }

  /**
   * Turns every head of every token in place.
   *
   * @param x [tokens, heads, headDim]
   */
  void rotate(float[] x, int tokens, int heads) {
    for (int t = 0; t < tokens; t++) {
      for (int h = 0; h < heads; h++) {
        rotateHead(x, (t * heads + h) * headDim, t * half);
      }
    }
  }

  private void rotateHead(float[] x, int head, int angle) {
    for (int i = 0; i < half; i++) {
      float c = cos[angle + i];
      float s = sin[angle + i];
      float a = x[head + i];
      float b = x[head + half + i];
      x[head + i] = a * c - b * s;
      x[head + half + i] = b * c + a * s;
    }
  }
}
