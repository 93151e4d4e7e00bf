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
        case Q4_0, Q5_0, Q8_0, IQ4_NL, IQ4_XS -> half(buffer, b, scale(random));
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

  private static void half(ByteBuffer buffer, int at, double value) {
    buffer.putShort(at, Float.floatToFloat16((float) value));
  }
}
