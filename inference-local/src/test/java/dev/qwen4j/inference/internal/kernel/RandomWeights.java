package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/** Matrices of random blocks whose scales are sane. */
final class RandomWeights {
  private RandomWeights() {}

  static RawMatrix of(Arena arena, TensorType type, int rows, int cols, long seed) {
    Random random = new Random(seed);
    byte[] bytes = new byte[Math.toIntExact(type.bytes((long) rows * cols))];
    random.nextBytes(bytes);
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int size = type.blockBytes();
    for (int b = 0; b < bytes.length; b += size) {
      switch (type) {
        case F32 -> buffer.putFloat(b, (float) random.nextGaussian());
        case F16 -> half(buffer, b, random.nextGaussian());
        case BF16 ->
            buffer.putShort(
                b, (short) (Float.floatToIntBits((float) random.nextGaussian()) >>> 16));
        case Q4_0, Q5_0, Q8_0, IQ4_NL, IQ4_XS, IQ1_S, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S ->
            half(buffer, b, scale(random));
        case Q4_1, Q5_1, Q4_K, Q5_K -> {
          half(buffer, b, scale(random));
          half(buffer, b + 2, scale(random));
        }
        case Q2_K -> {
          half(buffer, b + 80, scale(random));
          half(buffer, b + 82, scale(random));
        }
        case Q3_K -> half(buffer, b + 108, scale(random));
        case Q6_K -> half(buffer, b + 208, scale(random));
        case TQ1_0 -> half(buffer, b + 52, scale(random));
        case TQ2_0 -> half(buffer, b + 64, scale(random));
        case IQ1_M -> highNibbles(buffer, b + 48, scale(random));
        case E4M3 -> {
          buffer.putFloat(b, (float) scale(random));
          for (int i = b + 4; i < b + size; i++) {
            if ((bytes[i] & 0x7F) == 0x7F) {
              bytes[i] = 0;
            }
          }
        }
        case MXFP4 -> buffer.put(b, (byte) (120 + random.nextInt(8)));
      }
    }
    MemorySegment data = arena.allocate(bytes.length, 64);
    data.copyFrom(MemorySegment.ofArray(bytes));
    return new RawMatrix(type, rows, cols, data);
  }

  static float[] floats(int n, long seed) {
    Random random = new Random(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static double scale(Random random) {
    return (0.5 + random.nextDouble()) * (random.nextBoolean() ? 0.01 : -0.01);
  }

  /** A half in the high bits of four words. */
  private static void highNibbles(ByteBuffer buffer, int at, double value) {
    short half = Float.floatToFloat16((float) value);
    for (int i = 0; i < 4; i++) {
      int low = buffer.getShort(at + 2 * i) & 0x0FFF;
      buffer.putShort(at + 2 * i, (short) (low | ((half >> (4 * i)) & 15) << 12));
    }
  }

  private static void half(ByteBuffer buffer, int at, double value) {
    buffer.putShort(at, Float.floatToFloat16((float) value));
  }
}
