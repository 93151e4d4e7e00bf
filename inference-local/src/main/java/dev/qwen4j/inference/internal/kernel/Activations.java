package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * One token's activations in the forms that row products read: as they are, and rounded to 8 bits
 * in blocks of 32 with a scale each (ggml's Q8_0, but 16 bits wide in memory, which is what 16-bit
 * multiplies want). The buffers are reused from token to token.
 */
final class Activations {
  /** 1.5 · 2^23: adding it rounds a small float to an integer in the low mantissa bits. */
  private static final float ROUND = 12582912f;

  float[] x = new float[0];

  /** Halves decode to 2^-112 of their value without a multiply, and so on; this is x · 2^56. */
  float[] xHalf = new float[0];

  /**
   * Pairs of neighbours rounded to 8 bits, the first in the low 16 bits, the second in the high.
   */
  int[] pairs = new int[0];

  /** Scale of each block of 32. */
  float[] scale = new float[0];

  /** Scale of each 16. */
  float[] scale16 = new float[0];

  /** scale · Σq of each block of 32. */
  float[] sum = new float[0];

  /** Σq of each block of 32. */
  int[] total = new int[0];

  /** Σq of each 16. */
  int[] total16 = new int[0];

  private int[] rounded = new int[0];

  void set(float[] values, int cols, boolean quantized, boolean halves) {
    x = values;
    if (halves) {
      if (xHalf.length < cols) {
        xHalf = new float[cols];
      }
      for (int i = 0; i < cols; i++) {
        xHalf[i] = values[i] * 0x1p56f;
      }
    }
    if (quantized) {
      if (rounded.length < cols) {
        rounded = new int[cols];
        pairs = new int[cols / 2];
        scale = new float[cols / 32];
        sum = new float[cols / 32];
        scale16 = new float[cols / 16];
        total16 = new int[cols / 16];
        total = new int[cols / 32];
      }
      quantize(values, cols);
    }
  }

  private void quantize(float[] values, int cols) {
    for (int b = 0; b < cols / 32; b++) {
      int at = b * 32;
      FloatVector max = FloatVector.zero(F);
      for (int j = 0; j < 32; j += L) {
        max = max.max(FloatVector.fromArray(F, values, at + j).abs());
      }
      float d = max.reduceLanes(VectorOperators.MAX) / 127;
      float inverse = d == 0 ? 0 : 1 / d;
      for (int j = 0; j < 32; j += L) {
        FloatVector.fromArray(F, values, at + j)
            .mul(inverse)
            .add(ROUND)
            .reinterpretAsInts()
            .sub(Float.floatToRawIntBits(ROUND))
            .intoArray(rounded, at + j);
      }
      scale[b] = d;
    }
    for (int i = 0; i < cols / 2; i++) {
      pairs[i] = (rounded[2 * i] & 0xFFFF) | rounded[2 * i + 1] << 16;
    }
    for (int i = 0; i < cols / 16; i++) {
      int all = 0;
      for (int j = i * 16; j < i * 16 + 16; j++) {
        all += rounded[j];
      }
      scale16[i] = scale[i / 2];
      total16[i] = all;
    }
    for (int b = 0; b < cols / 32; b++) {
      total[b] = total16[2 * b] + total16[2 * b + 1];
      sum[b] = scale[b] * total[b];
    }
  }
}
