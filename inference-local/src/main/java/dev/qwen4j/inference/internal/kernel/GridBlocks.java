package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Blocks of the types whose weights are points of a lattice (ggml's IQ1, IQ2 and IQ3) to float32,
 * with ggml's roundings: 256 weights under one half, 16 or 32 under a smaller scale, and eight, or
 * twice four, to an index. IQ2 and IQ3 have their signs apart; IQ1 shifts each point a little.
 */
final class GridBlocks {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final float SHIFT = 0.125f;

  private GridBlocks() {}

  static void dequantize(TensorType type, MemorySegment s, long b, float[] out, int o) {
    switch (type) {
      case IQ1_S -> iq1S(s, b, out, o);
      case IQ1_M -> iq1M(s, b, out, o);
      case IQ2_XXS -> iq2Xxs(s, b, out, o);
      case IQ2_XS -> iq2Xs(s, b, out, o);
      case IQ2_S -> iq2S(s, b, out, o);
      case IQ3_XXS -> iq3Xxs(s, b, out, o);
      case IQ3_S -> iq3S(s, b, out, o);
      default -> throw new IllegalArgumentException(type + " has no lattice");
    }
  }

  private static void iq1S(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    for (int i = 0; i < 32; i++) {
      int h = u16(s, b + 34 + 2L * (i / 4));
      int index = u8(s, b + 2 + i) | ((h >> (3 * (i % 4))) & 7) << 8;
      float scale = d * (2 * ((h >> 12) & 7) + 1);
      shifted(index, scale, (h & 0x8000) == 0 ? SHIFT : -SHIFT, out, o + 8 * i);
    }
  }

  /** The half is in the high bits of the four words of scales. */
  private static void iq1M(MemorySegment s, long b, float[] out, int o) {
    int bits = 0;
    for (int w = 0; w < 4; w++) {
      bits |= u16(s, b + 48 + 2L * w) >> 12 << (4 * w);
    }
    float d = Float.float16ToFloat((short) bits);
    for (int i = 0; i < 32; i++) {
      int h = u8(s, b + 32 + i / 2) >> (4 * (i % 2));
      int index = u8(s, b + i) | (h & 7) << 8;
      int scale = (u16(s, b + 48 + 2L * (i / 8)) >> (3 * (i % 8 / 2))) & 7;
      shifted(index, d * (2 * scale + 1), (h & 8) == 0 ? SHIFT : -SHIFT, out, o + 8 * i);
    }
  }

  private static void shifted(int index, float scale, float shift, float[] out, int o) {
    for (int j = 0; j < 8; j++) {
      out[o + j] = scale * (Grids.IQ1[8 * index + j] + shift);
    }
  }

  private static void iq2Xxs(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    for (int i = 0; i < 32; i++) {
      int more = s.get(INT, b + 6 + 8L * (i / 4));
      float scale = d * (0.5f + (more >>> 28)) * 0.25f;
      int signs = evenly(more >>> (7 * (i % 4)));
      points(Grids.IQ2_XXS, u8(s, b + 2 + 8L * (i / 4) + i % 4), 8, signs, scale, out, o + 8 * i);
    }
  }

  private static void iq2Xs(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    for (int i = 0; i < 32; i++) {
      int q = u16(s, b + 2 + 2L * i);
      float scale = d * (0.5f + nibble(s, b + 66, i / 2)) * 0.25f;
      points(Grids.IQ2_XS, q & 511, 8, evenly(q >> 9), scale, out, o + 8 * i);
    }
  }

  private static void iq2S(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    for (int i = 0; i < 32; i++) {
      int index = u8(s, b + 2 + i) | ((u8(s, b + 66 + i / 4) >> (2 * (i % 4))) & 3) << 8;
      float scale = d * (0.5f + nibble(s, b + 74, i / 2)) * 0.25f;
      points(Grids.IQ2_S, index, 8, u8(s, b + 34 + i), scale, out, o + 8 * i);
    }
  }

  private static void iq3Xxs(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    for (int i = 0; i < 64; i++) {
      int more = s.get(INT, b + 66 + 4L * (i / 8));
      float scale = d * (0.5f + (more >>> 28)) * 0.5f;
      int signs = evenly(more >>> (7 * (i % 8 / 2))) >> (4 * (i % 2));
      points(Grids.IQ3_XXS, u8(s, b + 2 + i), 4, signs, scale, out, o + 4 * i);
    }
  }

  private static void iq3S(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    for (int i = 0; i < 64; i++) {
      int index = u8(s, b + 2 + i) | ((u8(s, b + 66 + i / 8) >> (i % 8)) & 1) << 8;
      float scale = d * (1 + 2 * nibble(s, b + 106, i / 8));
      int signs = u8(s, b + 74 + i / 2) >> (4 * (i % 2));
      points(Grids.IQ3_S, index, 4, signs, scale, out, o + 4 * i);
    }
  }

  private static void points(
      byte[] grid, int index, int count, int signs, float scale, float[] out, int o) {
    for (int j = 0; j < count; j++) {
      float value = scale * grid[count * index + j];
      out[o + j] = (signs >> j & 1) == 0 ? value : -value;
    }
  }

  /** Seven signs, and an eighth that makes the number of minuses even. */
  private static int evenly(int signs) {
    int seven = signs & 127;
    return seven | (Integer.bitCount(seven) & 1) << 7;
  }

  private static int nibble(MemorySegment s, long at, int index) {
    return (u8(s, at + index / 2) >> (4 * (index % 2))) & 15;
  }

  private static float half(MemorySegment s, long at) {
    return Dequantizer.half(s, at);
  }

  private static int u8(MemorySegment s, long at) {
    return s.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
  }

  private static int u16(MemorySegment s, long at) {
    return s.get(SHORT, at) & 0xFFFF;
  }
}
