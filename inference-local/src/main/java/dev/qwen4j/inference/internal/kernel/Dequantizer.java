package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Quantised blocks to float32, value by value as ggml does it (the block layouts of the GGUF
 * specification, ggml-quants.c), in the same order of roundings, so that results are bit-equal to
 * the reference. Plain and slow: the oracle of the vector kernels, and the embedding look-up.
 */
public final class Dequantizer {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** The sixteen values of IQ4_NL and IQ4_XS. */
  static final byte[] IQ4_VALUES = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /** The sixteen values of an e2m1 float, doubled. */
  static final byte[] E2M1_DOUBLED = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private static final int[] POWERS_OF_3 = {1, 3, 9, 27, 81};

  private Dequantizer() {}

  /**
   * Writes {@code elements} float32 values from the blocks at {@code offset}.
   *
   * @param offset byte offset of the first block in {@code data}
   * @param elements whole blocks of the type
   * @param at where in {@code out} the first value goes
   */
  public static void dequantize(
      TensorType type, MemorySegment data, long offset, int elements, float[] out, int at) {
    int step = type.blockElements();
    long from = offset;
    for (int i = at; i < at + elements; i += step) {
      switch (type) {
        case F32 -> out[i] = data.get(FLOAT, from);
        case F16 -> out[i] = half(data, from);
        case BF16 -> out[i] = Float.intBitsToFloat(data.get(SHORT, from) << 16);
        case Q4_0 -> q4Zero(data, from, out, i);
        case Q4_1 -> q4One(data, from, out, i);
        case Q5_0 -> q5Zero(data, from, out, i);
        case Q5_1 -> q5One(data, from, out, i);
        case Q8_0 -> q8Zero(data, from, out, i);
        case Q2_K -> q2K(data, from, out, i);
        case Q3_K -> q3K(data, from, out, i);
        case Q4_K -> q4K(data, from, out, i);
        case Q5_K -> q5K(data, from, out, i);
        case Q6_K -> q6K(data, from, out, i);
        case IQ4_NL -> table(data, from + 2, half(data, from), IQ4_VALUES, out, i);
        case IQ4_XS -> iq4Xs(data, from, out, i);
        case MXFP4 -> table(data, from + 1, e8m0Half(u8(data, from, 0)), E2M1_DOUBLED, out, i);
        case TQ1_0 -> tq1Zero(data, from, out, i);
        case TQ2_0 -> tq2Zero(data, from, out, i);
        case E4M3 -> e4m3(data, from, out, i);
        case IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S ->
            GridBlocks.dequantize(type, data, from, out, i);
      }
      from += type.blockBytes();
    }
  }

  private static void q4Zero(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    for (int j = 0; j < 16; j++) {
      int q = u8(s, b, 2 + j);
      out[o + j] = d * ((q & 15) - 8);
      out[o + j + 16] = d * ((q >> 4) - 8);
    }
  }

  private static void q4One(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    float m = half(s, b + 2);
    for (int j = 0; j < 16; j++) {
      int q = u8(s, b, 4 + j);
      out[o + j] = d * (q & 15) + m;
      out[o + j + 16] = d * (q >> 4) + m;
    }
  }

  private static void q5Zero(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    int high = s.get(INT, b + 2);
    for (int j = 0; j < 16; j++) {
      int q = u8(s, b, 6 + j);
      out[o + j] = d * (((q & 15) | bit(high, j, 16)) - 16);
      out[o + j + 16] = d * (((q >> 4) | bit(high, j + 16, 16)) - 16);
    }
  }

  private static void q5One(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    float m = half(s, b + 2);
    int high = s.get(INT, b + 4);
    for (int j = 0; j < 16; j++) {
      int q = u8(s, b, 8 + j);
      out[o + j] = d * ((q & 15) | bit(high, j, 16)) + m;
      out[o + j + 16] = d * ((q >> 4) | bit(high, j + 16, 16)) + m;
    }
  }

  private static void q8Zero(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    for (int j = 0; j < 32; j++) {
      out[o + j] = d * i8(s, b, 2 + j);
    }
  }

  /** Sixteen sub-blocks of 16 with 4-bit scale and 4-bit minimum; two halves of 32 bytes. */
  private static void q2K(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b + 80);
    float min = half(s, b + 82);
    for (int i = 0; i < 256; i++) {
      int scale = u8(s, b, i / 16);
      int q = (u8(s, b, 16 + 32 * (i / 128) + i % 32) >> (2 * (i % 128 / 32))) & 3;
      out[o + i] = d * (scale & 15) * q - min * (scale >> 4);
    }
  }

  /** Sixteen sub-blocks of 16 with a 6-bit signed scale; the third bit lies in hmask. */
  private static void q3K(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b + 108);
    for (int i = 0; i < 256; i++) {
      int j = i / 16;
      int low = j < 8 ? u8(s, b, 96 + j) & 15 : u8(s, b, 96 + j - 8) >> 4;
      int scale = (low | (((u8(s, b, 104 + j % 4) >> (2 * (j / 4))) & 3) << 4)) - 32;
      int q = (u8(s, b, 32 + 32 * (i / 128) + i % 32) >> (2 * (i % 128 / 32))) & 3;
      int high = bit(u8(s, b, i % 32), i / 32, 4);
      out[o + i] = d * scale * (q - (4 - high));
    }
  }

  private static void q4K(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    float min = half(s, b + 2);
    for (int i = 0; i < 256; i++) {
      int j = i / 32;
      int q = (u8(s, b, 16 + 32 * (j / 2) + i % 32) >> (4 * (j % 2))) & 15;
      out[o + i] = d * kScale(s, b + 4, j) * q - min * kMin(s, b + 4, j);
    }
  }

  private static void q5K(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    float min = half(s, b + 2);
    for (int i = 0; i < 256; i++) {
      int j = i / 32;
      int q = (u8(s, b, 48 + 32 * (j / 2) + i % 32) >> (4 * (j % 2))) & 15;
      q |= bit(u8(s, b, 16 + i % 32), j, 16);
      out[o + i] = d * kScale(s, b + 4, j) * q - min * kMin(s, b + 4, j);
    }
  }

  private static void q6K(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b + 208);
    for (int i = 0; i < 256; i++) {
      int half = i / 128;
      int quarter = i % 128 / 32;
      int l = i % 32;
      int low = u8(s, b, 64 * half + 32 * (quarter % 2) + l) >> (4 * (quarter / 2));
      int high = u8(s, b, 128 + 32 * half + l) >> (2 * quarter);
      int q = ((low & 15) | ((high & 3) << 4)) - 32;
      out[o + i] = d * i8(s, b, 192 + i / 16) * q;
    }
  }

  private static void iq4Xs(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b);
    int highs = s.get(SHORT, b + 2) & 0xFFFF;
    for (int j = 0; j < 8; j++) {
      int low = (u8(s, b, 4 + j / 2) >> (4 * (j % 2))) & 15;
      int scale = (low | (((highs >> (2 * j)) & 3) << 4)) - 32;
      table(s, b + 8 + 16L * j, d * scale, IQ4_VALUES, out, o + 32 * j);
    }
  }

  /** Five trits to a byte, as the digits of a fraction in base 3, and four in the last bytes. */
  private static void tq1Zero(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b + 52);
    for (int i = 0; i < 256; i++) {
      int at = i < 160 ? i % 32 : i < 240 ? 32 + i % 16 : 48 + i % 4;
      int digit = i < 160 ? i / 32 : i < 240 ? (i - 160) / 16 : (i - 240) / 4;
      int rest = u8(s, b, at) * POWERS_OF_3[digit] & 0xFF;
      out[o + i] = d * (((rest * 3) >> 8) - 1);
    }
  }

  private static void tq2Zero(MemorySegment s, long b, float[] out, int o) {
    float d = half(s, b + 64);
    for (int i = 0; i < 256; i++) {
      int q = (u8(s, b, 32 * (i / 128) + i % 32) >> (2 * (i % 128 / 32))) & 3;
      out[o + i] = d * (q - 1);
    }
  }

  private static void e4m3(MemorySegment s, long b, float[] out, int o) {
    float factor = s.get(FLOAT, b);
    for (int j = 0; j < 32; j++) {
      out[o + j] = e4m3(i8(s, b, 4 + j)) * factor;
    }
  }

  /** An 8-bit float: its bits moved to a float's, whose exponent has 120 as its zero. */
  public static float e4m3(int code) {
    boolean number = (code & 0x7F) != 0x7F;
    int bits = (code & 0x7F) << 20 | (code & 0x80) << 24;
    return number ? Float.intBitsToFloat(bits) * 0x1p120f : Float.NaN;
  }

  /** A block of 32 table indices in 16 bytes, low nibbles first. */
  private static void table(MemorySegment s, long b, float d, byte[] values, float[] out, int o) {
    for (int j = 0; j < 16; j++) {
      int q = u8(s, b, j);
      out[o + j] = d * values[q & 15];
      out[o + j + 16] = d * values[q >> 4];
    }
  }

  /** The j-th of eight 6-bit scales in the 12 bytes of Q4_K and Q5_K. */
  private static int kScale(MemorySegment s, long b, int j) {
    return j < 4 ? u8(s, b, j) & 63 : (u8(s, b, j + 4) & 15) | ((u8(s, b, j - 4) >> 6) << 4);
  }

  /** The j-th of eight 6-bit minima in the 12 bytes of Q4_K and Q5_K. */
  private static int kMin(MemorySegment s, long b, int j) {
    return j < 4 ? u8(s, b, j + 4) & 63 : (u8(s, b, j + 4) >> 4) | ((u8(s, b, j) >> 6) << 4);
  }

  /** 2^(e - 128), half an e8m0 scale, since the e2m1 table is doubled; exact for subnormals too. */
  static float e8m0Half(int e) {
    return Float.intBitsToFloat(e < 2 ? 0x00200000 << e : (e - 1) << 23);
  }

  static float half(MemorySegment s, long at) {
    return Float.float16ToFloat(s.get(SHORT, at));
  }

  private static int bit(int bits, int index, int weight) {
    return ((bits >>> index) & 1) * weight;
  }

  private static int u8(MemorySegment s, long block, int at) {
    return s.get(ValueLayout.JAVA_BYTE, block + at) & 0xFF;
  }

  private static int i8(MemorySegment s, long block, int at) {
    return s.get(ValueLayout.JAVA_BYTE, block + at);
  }
}
