package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Float32 values to the types that this engine writes, F32, F16, Q8_0 and Q4_0, with the roundings
 * of ggml's reference quantisers (ggml-quants.c, {@code quantize_row_*_ref}).
 */
public final class Quantizer {
  private static final int BLOCK = 32;
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Quantizer() {}

  /**
   * Writes {@code count} values, whole blocks of the type.
   *
   * @throws IllegalArgumentException if there is no quantiser for the type
   */
  public static void write(TensorType type, float[] values, int count, MemorySegment out, long at) {
    switch (type) {
      case F32 -> MemorySegment.copy(values, 0, out, FLOAT, at, count);
      case F16 -> {
        short[] halves = new short[count];
        for (int i = 0; i < count; i++) {
          halves[i] = Float.floatToFloat16(values[i]);
        }
        MemorySegment.copy(halves, 0, out, GgufReader.SHORT, at, count);
      }
      case Q8_0 -> {
        for (int b = 0; b < count / BLOCK; b++) {
          q8Zero(values, b * BLOCK, out, at + (long) b * type.blockBytes());
        }
      }
      case Q4_0 -> {
        for (int b = 0; b < count / BLOCK; b++) {
          q4Zero(values, b * BLOCK, out, at + (long) b * type.blockBytes());
        }
      }
      default -> throw new IllegalArgumentException("no quantiser for " + type);
    }
  }

  private static void q8Zero(float[] x, int from, MemorySegment out, long at) {
    float largest = 0;
    for (int i = 0; i < BLOCK; i++) {
      largest = Math.max(largest, Math.abs(x[from + i]));
    }
    float d = largest / 127;
    float inverse = d == 0 ? 0 : 1 / d;
    out.set(GgufReader.SHORT, at, Float.floatToFloat16(d));
    for (int i = 0; i < BLOCK; i++) {
      out.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) roundAway(x[from + i] * inverse));
    }
  }

  /** The value of largest magnitude becomes −8, which halves the step on its side. */
  private static void q4Zero(float[] x, int from, MemorySegment out, long at) {
    float largest = 0;
    float signed = 0;
    for (int i = 0; i < BLOCK; i++) {
      if (Math.abs(x[from + i]) > largest) {
        largest = Math.abs(x[from + i]);
        signed = x[from + i];
      }
    }
    float d = signed / -8;
    float inverse = d == 0 ? 0 : 1 / d;
    out.set(GgufReader.SHORT, at, Float.floatToFloat16(d));
    for (int i = 0; i < BLOCK / 2; i++) {
      int low = Math.min(15, (int) (x[from + i] * inverse + 8.5f));
      int high = Math.min(15, (int) (x[from + i + BLOCK / 2] * inverse + 8.5f));
      out.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) (low | (high << 4)));
    }
  }

  /** C's roundf: halves away from zero. */
  private static int roundAway(float x) {
    return (int) (x + Math.copySign(0.5f, x));
  }
}
