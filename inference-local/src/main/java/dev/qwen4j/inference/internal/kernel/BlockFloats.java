package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Blocks of quantised types that are not packed as float32, by vectors of eight: what {@link
 * Dequantizer} computes, with the same roundings, twenty times as fast. Each method that handles
 * vectors stores them and returns none, so that it may be inlined or not without making objects.
 * Bytes on their way to floats pass through the last eight floats of the output they belong to,
 * since taking a vector apart costs more than storing and loading it.
 */
final class BlockFloats {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_256;
  private static final VectorSpecies<Float> PAIR = FloatVector.SPECIES_64;
  private static final VectorSpecies<Integer> I = IntVector.SPECIES_256;
  private static final VectorSpecies<Byte> EIGHT = ByteVector.SPECIES_64;
  private static final VectorSpecies<Byte> SIXTEEN = ByteVector.SPECIES_128;
  private static final VectorSpecies<Byte> MANY = ByteVector.SPECIES_256;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LE);

  private BlockFloats() {}

  /** Writes {@code n} values, whole blocks of a type; whether it can on this machine. */
  static boolean dequantize(TensorType type, long address, int n, float[] out, int at) {
    if (Lanes.L < F.length()) {
      return false;
    }
    long start = address & Memory.MASK;
    switch (type) {
      case Q2_K -> q2K(start, n, out, at);
      case Q3_K -> q3K(start, n, out, at);
      case IQ4_NL -> iq4Nl(start, n, out, at);
      case IQ4_XS -> iq4Xs(start, n, out, at);
      case MXFP4 -> mxfp4(start, n, out, at);
      case E4M3 -> e4m3(start, n, out, at);
      default -> {
        return false;
      }
    }
    return true;
  }

  private static void q2K(long start, int n, float[] out, int at) {
    for (int b = 0; b < n / 256; b++) {
      long block = start + 84L * b;
      float d = Dequantizer.half(ALL, block + 80);
      float min = Dequantizer.half(ALL, block + 82);
      for (int i = 0; i < 8; i++) {
        int first = u8(block + 2L * i);
        int second = u8(block + 2L * i + 1);
        long from = block + 16 + 32L * (i / 4);
        int to = at + 256 * b + 32 * i;
        twoBits(from, i % 4 * 2, out, to + 24);
        spread(out, to + 24, d * (first & 15), min * (first >> 4), to);
        spread(out, to + 26, d * (first & 15), min * (first >> 4), to + 8);
        spread(out, to + 28, d * (second & 15), min * (second >> 4), to + 16);
        spread(out, to + 30, d * (second & 15), min * (second >> 4), to + 24);
      }
    }
  }

  /** 32 weights as bytes in the room of eight floats. */
  private static void twoBits(long from, int shift, float[] out, int at) {
    ShortVector both = ByteVector.fromMemorySegment(MANY, ALL, from, LE).reinterpretAsShorts();
    ByteVector q = both.lanewise(LSHR, shift).reinterpretAsBytes().and((byte) 3);
    q.reinterpretAsFloats().intoArray(out, at);
  }

  private static void q3K(long start, int n, float[] out, int at) {
    for (int b = 0; b < n / 256; b++) {
      long block = start + 110L * b;
      float d = Dequantizer.half(ALL, block + 108);
      for (int i = 0; i < 8; i++) {
        int to = at + 256 * b + 32 * i;
        float first = d * q3Scale(block + 96, 2 * i);
        float second = d * q3Scale(block + 96, 2 * i + 1);
        threeBits(block + 32 + 32L * (i / 4), i % 4 * 2, block, i, out, to + 24);
        spread(out, to + 24, first, 0, to);
        spread(out, to + 26, first, 0, to + 8);
        spread(out, to + 28, second, 0, to + 16);
        spread(out, to + 30, second, 0, to + 24);
      }
    }
  }

  /** The j-th of sixteen 6-bit scales. */
  private static int q3Scale(long at, int j) {
    int low = (u8(at + j % 8) >> (j / 8 * 4)) & 15;
    return (low | ((u8(at + 8 + j % 4) >> (2 * (j / 4))) & 3) << 4) - 32;
  }

  /** 32 weights as bytes in the room of eight floats. */
  private static void threeBits(long from, int shift, long highs, int bit, float[] out, int at) {
    ShortVector both = ByteVector.fromMemorySegment(MANY, ALL, from, LE).reinterpretAsShorts();
    ByteVector q = both.lanewise(LSHR, shift).reinterpretAsBytes().and((byte) 3);
    ShortVector bits = ByteVector.fromMemorySegment(MANY, ALL, highs, LE).reinterpretAsShorts();
    ByteVector high = bits.lanewise(LSHR, bit).reinterpretAsBytes().and((byte) 1);
    ByteVector fours = high.reinterpretAsShorts().lanewise(LSHL, 2).reinterpretAsBytes();
    q.or(fours).sub((byte) 4).reinterpretAsFloats().intoArray(out, at);
  }

  private static void iq4Nl(long start, int n, float[] out, int at) {
    for (int b = 0; b < n / 32; b++) {
      long block = start + 18L * b;
      table(block + 2, Dequantizer.half(ALL, block), Dequantizer.IQ4_VALUES, out, at + 32 * b);
    }
  }

  private static void iq4Xs(long start, int n, float[] out, int at) {
    for (int b = 0; b < n / 256; b++) {
      long block = start + 136L * b;
      float d = Dequantizer.half(ALL, block);
      int highs = ALL.get(Lanes.SHORT, block + 2) & 0xFFFF;
      int lows = ALL.get(Lanes.INT, block + 4);
      for (int j = 0; j < 8; j++) {
        int scale = (((lows >>> (4 * j)) & 15) | ((highs >> (2 * j)) & 3) << 4) - 32;
        int to = at + 256 * b + 32 * j;
        table(block + 8 + 16L * j, d * scale, Dequantizer.IQ4_VALUES, out, to);
      }
    }
  }

  private static void mxfp4(long start, int n, float[] out, int at) {
    for (int b = 0; b < n / 32; b++) {
      long block = start + 17L * b;
      float d = Dequantizer.e8m0Half(u8(block));
      table(block + 1, d, Dequantizer.E2M1_DOUBLED, out, at + 32 * b);
    }
  }

  /**
   * 32 indices to a table of 16, the first half in the low nibbles. The bytes looked up pass
   * through the end of the output, since taking a vector apart costs more than storing and loading
   * it.
   */
  private static void table(long from, float d, byte[] values, float[] out, int at) {
    ByteVector table = ByteVector.fromArray(SIXTEEN, values, 0);
    ByteVector codes = ByteVector.fromMemorySegment(SIXTEEN, ALL, from, LE);
    ByteVector low = codes.and((byte) 15).selectFrom(table);
    IntVector shifted = codes.reinterpretAsInts().lanewise(LSHR, 4);
    ByteVector high = shifted.reinterpretAsBytes().and((byte) 15).selectFrom(table);
    low.reinterpretAsFloats().intoArray(out, at + 24);
    high.reinterpretAsFloats().intoArray(out, at + 28);
    spread(out, at + 24, d, 0, at);
    spread(out, at + 26, d, 0, at + 8);
    spread(out, at + 28, d, 0, at + 16);
    spread(out, at + 30, d, 0, at + 24);
  }

  /** Eight bytes in the room of two floats as {@code q · scale − min}. */
  private static void spread(float[] out, int from, float scale, float min, int at) {
    ByteVector bytes = FloatVector.fromArray(PAIR, out, from).reinterpretAsBytes();
    ((FloatVector) bytes.castShape(F, 0)).mul(scale).sub(min).intoArray(out, at);
  }

  private static void e4m3(long start, int n, float[] out, int at) {
    for (int b = 0; b < n / 32; b++) {
      long block = start + 36L * b;
      float factor = ALL.get(FLOAT, block);
      eightBits(block + 4, factor, out, at + 32 * b);
      eightBits(block + 12, factor, out, at + 32 * b + 8);
      eightBits(block + 20, factor, out, at + 32 * b + 16);
      eightBits(block + 28, factor, out, at + 32 * b + 24);
    }
  }

  private static void eightBits(long from, float factor, float[] out, int at) {
    IntVector code = bytes(from);
    IntVector sign = code.lanewise(LSHL, 24).and(0x80000000);
    FloatVector scaled = code.and(0x7F).lanewise(LSHL, 20).or(sign).reinterpretAsFloats();
    scaled.mul(0x1p120f).mul(factor).intoArray(out, at);
  }

  private static IntVector bytes(long at) {
    ByteVector bytes = ByteVector.fromMemorySegment(EIGHT, ALL, at, LE);
    return (IntVector) bytes.convertShape(ZERO_EXTEND_B2I, I, 0);
  }

  private static int u8(long at) {
    return ALL.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
  }
}
