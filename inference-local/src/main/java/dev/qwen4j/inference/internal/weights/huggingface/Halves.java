package dev.qwen4j.inference.internal.weights.huggingface;

/** Which float32 values a half-precision number can stand for. */
final class Halves {
  /** Below, halves have a fixed step of 2^-24, and what rounding to it loses is next to nothing. */
  private static final float LEAST_NORMAL = 0x1p-14f;

  private Halves() {}

  /** Whether {@code value} is a half, or so small that the difference is below 2^-25. */
  static boolean holds(float value) {
    return Math.abs(value) < LEAST_NORMAL
        || Float.float16ToFloat(Float.floatToFloat16(value)) == value;
  }
}
