package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BF;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Stretches of a row as float32, by vector, for the panels that prefill multiplies: the common
 * types; the others, and machines with four float lanes, go through {@link Dequantizer}.
 */
final class RowFloats {
  /** Lane numbers, for shifting a lane's own bit out of a word. */
  private static final int[] LANE = new int[32];

  static {
    for (int j = 0; j < LANE.length; j++) {
      LANE[j] = j;
    }
  }

  private RowFloats() {}

  /** Writes elements {@code from} to {@code from + n}, whole blocks, of a row. */
  static void dequantize(RawMatrix w, int row, int from, int n, float[] out, int at) {
    TensorType type = w.type();
    long address = w.data().address() + row * type.bytes(w.cols()) + type.bytes(from);
    boolean vector = L >= 8 && (type.blockElements() > 1 || n % L == 0);
    if (!vector) {
      Dequantizer.dequantize(type, ALL, address, n, out, at);
      return;
    }
    switch (type) {
      case F32 -> MemorySegment.copy(ALL, FLOAT, address, out, at, n);
      case F16 -> f16(address, n, out, at);
      case BF16 -> bf16(address, n, out, at);
      case Q8_0 -> q8Zero(address, n, out, at);
      case Q4_0 -> q4Zero(address, n, out, at);
      case Q5_0 -> q5Zero(address, n, out, at);
      case Q4_K -> q4K(address, n, out, at);
      case Q6_K -> q6K(address, n, out, at);
      case Q4_1, Q5_1, Q2_K, Q3_K, Q5_K, IQ4_NL, IQ4_XS, MXFP4 ->
          Dequantizer.dequantize(type, ALL, address, n, out, at);
    }
  }

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LE);

  private static void f16(long address, int n, float[] out, int at) {
    long start = address & Memory.MASK;
    for (int i = 0; i < n; i += L) {
      ShortVector h = ShortVector.fromMemorySegment(SF, ALL, start + 2L * i, LE);
      IntVector bits = (IntVector) h.convertShape(S2I, I, 0);
      bits.lanewise(LSHL, 13)
          .and(0x8FFFE000)
          .reinterpretAsFloats()
          .mul(0x1p112f)
          .intoArray(out, at + i);
    }
  }

  private static void bf16(long address, int n, float[] out, int at) {
    long start = address & Memory.MASK;
    for (int i = 0; i < n; i += L) {
      ShortVector h = ShortVector.fromMemorySegment(SF, ALL, start + 2L * i, LE);
      IntVector bits = (IntVector) h.convertShape(ZERO_EXTEND_S2I, I, 0);
      bits.lanewise(LSHL, 16).reinterpretAsFloats().intoArray(out, at + i);
    }
  }

  private static void q8Zero(long address, int n, float[] out, int at) {
    long next = address;
    for (int i = at; i < at + n; i += 32) {
      long block = next & Memory.MASK;
      float d = Float.float16ToFloat(ALL.get(SHORT, block));
      for (int j = 0; j < 32; j += L) {
        ByteVector q = ByteVector.fromMemorySegment(BF, ALL, block + 2 + j, LE);
        ((FloatVector) q.castShape(F, 0)).mul(d).intoArray(out, i + j);
      }
      next += 34;
    }
  }

  private static void q4Zero(long address, int n, float[] out, int at) {
    long next = address;
    for (int i = at; i < at + n; i += 32) {
      long block = next & Memory.MASK;
      float d = Float.float16ToFloat(ALL.get(SHORT, block));
      for (int j = 0; j < 16; j += L) {
        IntVector v =
            (IntVector)
                ByteVector.fromMemorySegment(BF, ALL, block + 2 + j, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        IntVector low = v.and(15).sub(8);
        IntVector high = v.lanewise(LSHR, 4).sub(8);
        ((FloatVector) low.convert(I2F, 0)).mul(d).intoArray(out, i + j);
        ((FloatVector) high.convert(I2F, 0)).mul(d).intoArray(out, i + j + 16);
      }
      next += 18;
    }
  }

  private static void q5Zero(long address, int n, float[] out, int at) {
    long next = address;
    for (int i = at; i < at + n; i += 32) {
      long block = next & Memory.MASK;
      float d = Float.float16ToFloat(ALL.get(SHORT, block));
      IntVector fifth = IntVector.broadcast(I, ALL.get(INT, block + 2));
      for (int j = 0; j < 16; j += L) {
        IntVector v =
            (IntVector)
                ByteVector.fromMemorySegment(BF, ALL, block + 6 + j, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        IntVector bitLow = fifth.lanewise(LSHR, IntVector.fromArray(I, LANE, j)).and(1);
        IntVector bitHigh = fifth.lanewise(LSHR, IntVector.fromArray(I, LANE, j + 16)).and(1);
        IntVector low = v.and(15).or(bitLow.lanewise(LSHL, 4)).sub(16);
        IntVector high = v.lanewise(LSHR, 4).or(bitHigh.lanewise(LSHL, 4)).sub(16);
        ((FloatVector) low.convert(I2F, 0)).mul(d).intoArray(out, i + j);
        ((FloatVector) high.convert(I2F, 0)).mul(d).intoArray(out, i + j + 16);
      }
      next += 22;
    }
  }

  private static void q4K(long address, int n, float[] out, int at) {
    long next = address;
    for (int i = at; i < at + n; i += 256) {
      long block = next & Memory.MASK;
      float d = Float.float16ToFloat(ALL.get(SHORT, block));
      float dmin = Float.float16ToFloat(ALL.get(SHORT, block + 2));
      for (int g = 0; g < 4; g++) {
        float d0 = d * Dequantizer.kScale(ALL, block + 4, 2 * g);
        float d1 = d * Dequantizer.kScale(ALL, block + 4, 2 * g + 1);
        float m0 = dmin * Dequantizer.kMin(ALL, block + 4, 2 * g);
        float m1 = dmin * Dequantizer.kMin(ALL, block + 4, 2 * g + 1);
        int o = i + 64 * g;
        for (int j = 0; j < 32; j += L) {
          IntVector v =
              (IntVector)
                  ByteVector.fromMemorySegment(BF, ALL, block + 16 + 32L * g + j, LE)
                      .convertShape(ZERO_EXTEND_B2I, I, 0);
          FloatVector low = (FloatVector) v.and(15).convert(I2F, 0);
          FloatVector high = (FloatVector) v.lanewise(LSHR, 4).convert(I2F, 0);
          low.mul(d0).sub(m0).intoArray(out, o + j);
          high.mul(d1).sub(m1).intoArray(out, o + j + 32);
        }
      }
      next += 144;
    }
  }

  private static void q6K(long address, int n, float[] out, int at) {
    long next = address;
    for (int i = at; i < at + n; i += 256) {
      long block = next & Memory.MASK;
      float d = Float.float16ToFloat(ALL.get(SHORT, block + 208));
      for (int half = 0; half < 2; half++) {
        for (int j = 0; j < 32; j += L) {
          long lows = block + 64L * half + j;
          IntVector l0 =
              (IntVector)
                  ByteVector.fromMemorySegment(BF, ALL, lows, LE)
                      .convertShape(ZERO_EXTEND_B2I, I, 0);
          IntVector l1 =
              (IntVector)
                  ByteVector.fromMemorySegment(BF, ALL, lows + 32, LE)
                      .convertShape(ZERO_EXTEND_B2I, I, 0);
          IntVector h =
              (IntVector)
                  ByteVector.fromMemorySegment(BF, ALL, block + 128 + 32L * half + j, LE)
                      .convertShape(ZERO_EXTEND_B2I, I, 0);
          long s = block + 192 + 8L * half + j / 16;
          int o = i + 128 * half + j;
          IntVector q0 = h.lanewise(LSHL, 4).and(48).or(l0.and(15)).sub(32);
          IntVector q1 = h.lanewise(LSHL, 2).and(48).or(l1.and(15)).sub(32);
          IntVector q2 = h.and(48).or(l0.lanewise(LSHR, 4)).sub(32);
          IntVector q3 = h.lanewise(LSHR, 2).and(48).or(l1.lanewise(LSHR, 4)).sub(32);
          float d0 = d * ALL.get(ValueLayout.JAVA_BYTE, s);
          float d1 = d * ALL.get(ValueLayout.JAVA_BYTE, s + 2);
          float d2 = d * ALL.get(ValueLayout.JAVA_BYTE, s + 4);
          float d3 = d * ALL.get(ValueLayout.JAVA_BYTE, s + 6);
          ((FloatVector) q0.convert(I2F, 0)).mul(d0).intoArray(out, o);
          ((FloatVector) q1.convert(I2F, 0)).mul(d1).intoArray(out, o + 32);
          ((FloatVector) q2.convert(I2F, 0)).mul(d2).intoArray(out, o + 64);
          ((FloatVector) q3.convert(I2F, 0)).mul(d3).intoArray(out, o + 96);
        }
      }
      next += 210;
    }
  }
}
