package dev.qwen4j.inference.internal.arch;

/**
 * Rotary position embedding, NeoX style: the pair (i, i + d/2) of a head is turned by {@code
 * position · base^(−2i/d)}. (Su et al. 2021; rounded to float32 where transformers rounds.)
 */
final class Rope {
  private final int half;
  private final float[] frequencies; // [half]
  private float[] cos = new float[0]; // [tokens, half]
  private float[] sin = new float[0]; // [tokens, half]

  Rope(int headDim, double base) {
    this.half = headDim / 2;
    this.frequencies = new float[half];
    for (int i = 0; i < half; i++) {
      frequencies[i] = (float) (1 / Math.pow(base, 2.0 * i / headDim));
    }
  }

  /** Computes the angles of {@code tokens} positions from {@code position} on, for all layers. */
  void at(int position, int tokens) {
    if (cos.length < tokens * half) {
      cos = new float[tokens * half];
      sin = new float[tokens * half];
    }
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < half; i++) {
        float angle = (position + t) * frequencies[i];
        cos[t * half + i] = (float) Math.cos(angle);
        sin[t * half + i] = (float) Math.sin(angle);
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
        rotateHead(x, (t * heads + h) * 2 * half, t * half);
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
