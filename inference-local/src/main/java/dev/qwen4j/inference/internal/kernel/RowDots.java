package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.BF;
import static dev.qwen4j.inference.internal.kernel.Lanes.BS;
import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.F8;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.S;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static dev.qwen4j.inference.internal.kernel.Lanes.SL;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2S;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Decode: rows of weights times one token, reading the blocks as they lie in the file, once, as one
 * stream.
 *
 * <p>Float types and Q8_0 multiply float32 activations. The 4-, 5- and 6-bit types multiply 8-bit
 * activations in 16-bit lanes: a nibble times an 8-bit value leaves room for several products
 * before a lane must widen. Weights stay unsigned there; their offset (8, 16 or 32) is taken off
 * once per block with the activations' block sum.
 *
 * <p>Each method is one whole loop nest on purpose: C2 keeps vectors in registers only within a
 * compilation, and allocates them as objects where it decides not to inline.
 */
final class RowDots {
  /** 2^(15-j) for lane j: brings bit j of a 16-bit word to bit 15. */
  private static final short[] TO_TOP_BIT = new short[16];

  static {
    for (int j = 0; j < 16; j++) {
      TO_TOP_BIT[j] = (short) (1 << (15 - j));
    }
  }

  private RowDots() {}

  /** Whether this class multiplies the type itself; if not, rows are dequantised first. */
  static boolean supports(TensorType type) {
    return switch (type) {
      case F32, F16, BF16, Q4_0, Q5_0, Q8_0, Q4_K, Q6_K -> true;
      case Q4_1, Q5_1, Q2_K, Q3_K, Q5_K, IQ4_NL, IQ4_XS, MXFP4 -> false;
    };
  }

  /** Whether the type's product reads the activations rounded to 8 bits. */
  static boolean wantsQuantized(TensorType type) {
    return switch (type) {
      case Q4_0, Q5_0, Q4_K, Q6_K -> true;
      case F32, F16, BF16, Q8_0, Q4_1, Q5_1, Q2_K, Q3_K, Q5_K, IQ4_NL, IQ4_XS, MXFP4 -> false;
    };
  }

  /**
   * {@code out[at + r] = row r · a} for {@code rows} rows that follow each other from {@code
   * offset}.
   *
   * @param scratch of the calling worker
   */
  static void multiply(
      RawMatrix w, long offset, int rows, Activations a, Scratch scratch, float[] out, int at) {
    MemorySegment data = w.data();
    int cols = w.cols();
    switch (w.type()) {
      case F32 -> f32(data, offset, rows, cols, a.x, out, at);
      case F16 -> f16(data, offset, rows, cols, a.xHalf, out, at);
      case BF16 -> bf16(data, offset, rows, cols, a.x, out, at);
      case Q8_0 -> q8Zero(data, offset, rows, cols, a.x, out, at);
      case Q4_0 -> q4Zero(data, offset, rows, cols, a, out, at);
      case Q5_0 -> q5Zero(data, offset, rows, cols, a, out, at);
      case Q4_K -> q4K(data, offset, rows, cols, a, scratch, out, at);
      case Q6_K -> q6K(data, offset, rows, cols, a, scratch, out, at);
      case Q4_1, Q5_1, Q2_K, Q3_K, Q5_K, IQ4_NL, IQ4_XS, MXFP4 ->
          dequantized(w, offset, rows, a.x, scratch, out, at);
    }
  }

  private static void dequantized(
      RawMatrix w, long offset, int rows, float[] x, Scratch scratch, float[] out, int at) {
    int cols = w.cols();
    float[] row = scratch.panel(cols);
    long rowBytes = w.type().bytes(cols);
    for (int r = 0; r < rows; r++) {
      Dequantizer.dequantize(w.type(), w.data(), offset + r * rowBytes, cols, row, 0);
      out[at + r] = dot(row, 0, x, 0, cols);
    }
  }

  /** The float32 dot product of {@code n} elements. */
  static float dot(float[] a, int aAt, float[] b, int bAt, int n) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    int i = 0;
    for (; i + 2 * L <= n; i += 2 * L) {
      s0 = FloatVector.fromArray(F, a, aAt + i).fma(FloatVector.fromArray(F, b, bAt + i), s0);
      s1 =
          FloatVector.fromArray(F, a, aAt + i + L)
              .fma(FloatVector.fromArray(F, b, bAt + i + L), s1);
    }
    float sum = s0.add(s1).reduceLanes(ADD);
    for (; i < n; i++) {
      sum += a[aAt + i] * b[bAt + i];
    }
    return sum;
  }

  private static void f32(
      MemorySegment w, long offset, int rows, int cols, float[] x, float[] out, int at) {
    long row = offset;
    for (int r = 0; r < rows; r++) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      int i = 0;
      for (; i + 2 * L <= cols; i += 2 * L) {
        FloatVector w0 = FloatVector.fromMemorySegment(F, w, row + 4L * i, LE);
        FloatVector w1 = FloatVector.fromMemorySegment(F, w, row + 4L * (i + L), LE);
        s0 = w0.fma(FloatVector.fromArray(F, x, i), s0);
        s1 = w1.fma(FloatVector.fromArray(F, x, i + L), s1);
      }
      float sum = s0.add(s1).reduceLanes(ADD);
      for (; i < cols; i++) {
        sum += Float.intBitsToFloat(w.get(INT, row + 4L * i)) * x[i];
      }
      out[at + r] = sum;
      row += 4L * cols;
    }
  }

  /**
   * A half's bits moved to a float's exponent and mantissa read 2^-112 of its value, subnormals
   * too; the activations come multiplied by 2^56, and the sum gets the other half of the factor.
   */
  private static void f16(
      MemorySegment w, long offset, int rows, int cols, float[] xHalf, float[] out, int at) {
    long row = offset;
    for (int r = 0; r < rows; r++) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      int i = 0;
      for (; i + 2 * L <= cols; i += 2 * L) {
        ShortVector h0 = ShortVector.fromMemorySegment(SF, w, row + 2L * i, LE);
        ShortVector h1 = ShortVector.fromMemorySegment(SF, w, row + 2L * (i + L), LE);
        IntVector i0 = (IntVector) h0.convertShape(S2I, I, 0);
        IntVector i1 = (IntVector) h1.convertShape(S2I, I, 0);
        FloatVector w0 = i0.lanewise(LSHL, 13).and(0x8FFFE000).reinterpretAsFloats();
        FloatVector w1 = i1.lanewise(LSHL, 13).and(0x8FFFE000).reinterpretAsFloats();
        s0 = w0.fma(FloatVector.fromArray(F, xHalf, i), s0);
        s1 = w1.fma(FloatVector.fromArray(F, xHalf, i + L), s1);
      }
      float sum = s0.add(s1).reduceLanes(ADD) * 0x1p56f;
      for (; i < cols; i++) {
        sum += Float.float16ToFloat(w.get(SHORT, row + 2L * i)) * (xHalf[i] * 0x1p-56f);
      }
      out[at + r] = sum;
      row += 2L * cols;
    }
  }

  private static void bf16(
      MemorySegment w, long offset, int rows, int cols, float[] x, float[] out, int at) {
    long row = offset;
    for (int r = 0; r < rows; r++) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      int i = 0;
      for (; i + 2 * L <= cols; i += 2 * L) {
        ShortVector h0 = ShortVector.fromMemorySegment(SF, w, row + 2L * i, LE);
        ShortVector h1 = ShortVector.fromMemorySegment(SF, w, row + 2L * (i + L), LE);
        IntVector i0 = (IntVector) h0.convertShape(ZERO_EXTEND_S2I, I, 0);
        IntVector i1 = (IntVector) h1.convertShape(ZERO_EXTEND_S2I, I, 0);
        FloatVector w0 = i0.lanewise(LSHL, 16).reinterpretAsFloats();
        FloatVector w1 = i1.lanewise(LSHL, 16).reinterpretAsFloats();
        s0 = w0.fma(FloatVector.fromArray(F, x, i), s0);
        s1 = w1.fma(FloatVector.fromArray(F, x, i + L), s1);
      }
      float sum = s0.add(s1).reduceLanes(ADD);
      for (; i < cols; i++) {
        sum += Float.intBitsToFloat(w.get(SHORT, row + 2L * i) << 16) * x[i];
      }
      out[at + r] = sum;
      row += 2L * cols;
    }
  }

  private static void q8Zero(
      MemorySegment w, long offset, int rows, int cols, float[] x, float[] out, int at) {
    long block = offset;
    for (int r = 0; r < rows; r++) {
      FloatVector sum = FloatVector.zero(F);
      for (int k = 0; k < cols; k += 32) {
        float d = Float.float16ToFloat(w.get(SHORT, block));
        FloatVector p = FloatVector.zero(F);
        for (int j = 0; j < 32; j += BF.length()) {
          ByteVector q = ByteVector.fromMemorySegment(BF, w, block + 2 + j, LE);
          p = ((FloatVector) q.castShape(F, 0)).fma(FloatVector.fromArray(F, x, k + j), p);
          if (L == 4) {
            p = ((FloatVector) q.castShape(F, 1)).fma(FloatVector.fromArray(F, x, k + j + 4), p);
          }
        }
        sum = p.fma(FloatVector.broadcast(F, d), sum);
        block += 34;
      }
      out[at + r] = sum.reduceLanes(ADD);
    }
  }

  private static void q4Zero(
      MemorySegment w, long offset, int rows, int cols, Activations a, float[] out, int at) {
    short[] q = a.q;
    float[] scale = a.scale;
    float[] blockSum = a.sum;
    long block = offset;
    for (int r = 0; r < rows; r++) {
      FloatVector sum = FloatVector.zero(F);
      float offsets = 0;
      for (int b = 0; b < cols / 32; b++) {
        float d = Float.float16ToFloat(w.get(SHORT, block));
        ShortVector p = ShortVector.zero(S);
        for (int j = 0; j < 16; j += SL) {
          ShortVector v =
              (ShortVector)
                  ByteVector.fromMemorySegment(BS, w, block + 2 + j, LE)
                      .convertShape(ZERO_EXTEND_B2S, S, 0);
          ShortVector low = v.and((short) 15).mul(ShortVector.fromArray(S, q, b * 32 + j));
          ShortVector high = v.lanewise(LSHR, 4).mul(ShortVector.fromArray(S, q, b * 32 + 16 + j));
          p = p.add(low.add(high));
        }
        sum = widen(p).fma(FloatVector.broadcast(F, d * scale[b]), sum);
        offsets = Math.fma(d, blockSum[b], offsets);
        block += 18;
      }
      out[at + r] = sum.reduceLanes(ADD) - 8 * offsets;
    }
  }

  private static void q5Zero(
      MemorySegment w, long offset, int rows, int cols, Activations a, float[] out, int at) {
    short[] q = a.q;
    float[] scale = a.scale;
    float[] blockSum = a.sum;
    long block = offset;
    for (int r = 0; r < rows; r++) {
      FloatVector sum = FloatVector.zero(F);
      float offsets = 0;
      for (int b = 0; b < cols / 32; b++) {
        float d = Float.float16ToFloat(w.get(SHORT, block));
        short fifthLow = w.get(SHORT, block + 2);
        short fifthHigh = w.get(SHORT, block + 4);
        ShortVector p = ShortVector.zero(S);
        for (int j = 0; j < 16; j += SL) {
          ShortVector v =
              (ShortVector)
                  ByteVector.fromMemorySegment(BS, w, block + 6 + j, LE)
                      .convertShape(ZERO_EXTEND_B2S, S, 0);
          ShortVector toTop = ShortVector.fromArray(S, TO_TOP_BIT, j);
          ShortVector low =
              toTop.mul(fifthLow).lanewise(LSHR, 11).and((short) 16).or(v.and((short) 15));
          ShortVector high =
              toTop.mul(fifthHigh).lanewise(LSHR, 11).and((short) 16).or(v.lanewise(LSHR, 4));
          low = low.mul(ShortVector.fromArray(S, q, b * 32 + j));
          high = high.mul(ShortVector.fromArray(S, q, b * 32 + 16 + j));
          p = p.add(low.add(high));
        }
        sum = widen(p).fma(FloatVector.broadcast(F, d * scale[b]), sum);
        offsets = Math.fma(d, blockSum[b], offsets);
        block += 22;
      }
      out[at + r] = sum.reduceLanes(ADD) - 16 * offsets;
    }
  }

  private static void q4K(
      MemorySegment w,
      long offset,
      int rows,
      int cols,
      Activations a,
      Scratch scratch,
      float[] out,
      int at) {
    short[] q = a.q;
    byte[] packed = scratch.scales;
    float[] scales = scratch.floats;
    long block = offset;
    for (int r = 0; r < rows; r++) {
      FloatVector sum = FloatVector.zero(F);
      FloatVector minima = FloatVector.zero(F8);
      for (int k = 0; k < cols; k += 256) {
        float d = Float.float16ToFloat(w.get(SHORT, block));
        float dmin = Float.float16ToFloat(w.get(SHORT, block + 2));
        kScales(w, block + 4, packed);
        for (int j = 0; j < 8; j += F8.length()) {
          ByteVector sc = ByteVector.fromArray(ByteVector.SPECIES_64, packed, 0);
          ByteVector mn = ByteVector.fromArray(ByteVector.SPECIES_64, packed, 8);
          FloatVector s = (FloatVector) sc.castShape(F8, j / F8.length());
          FloatVector m = (FloatVector) mn.castShape(F8, j / F8.length());
          s.mul(d).mul(FloatVector.fromArray(F8, a.scale, k / 32 + j)).intoArray(scales, j);
          minima = m.mul(dmin).fma(FloatVector.fromArray(F8, a.sum, k / 32 + j), minima);
        }
        for (int g = 0; g < 4; g++) {
          ShortVector low = ShortVector.zero(S);
          ShortVector high = ShortVector.zero(S);
          int qAt = k + 64 * g;
          for (int j = 0; j < 32; j += SL) {
            ShortVector v =
                (ShortVector)
                    ByteVector.fromMemorySegment(BS, w, block + 16 + 32L * g + j, LE)
                        .convertShape(ZERO_EXTEND_B2S, S, 0);
            low = low.add(v.and((short) 15).mul(ShortVector.fromArray(S, q, qAt + j)));
            high = high.add(v.lanewise(LSHR, 4).mul(ShortVector.fromArray(S, q, qAt + 32 + j)));
          }
          sum = widen(low).fma(FloatVector.broadcast(F, scales[2 * g]), sum);
          sum = widen(high).fma(FloatVector.broadcast(F, scales[2 * g + 1]), sum);
        }
        block += 144;
      }
      out[at + r] = sum.reduceLanes(ADD) - minima.reduceLanes(ADD);
    }
  }

  private static void q6K(
      MemorySegment w,
      long offset,
      int rows,
      int cols,
      Activations a,
      Scratch scratch,
      float[] out,
      int at) {
    short[] q = a.q;
    float[] scales = scratch.floats;
    long block = offset;
    for (int r = 0; r < rows; r++) {
      FloatVector sum = FloatVector.zero(F);
      FloatVector offsets = FloatVector.zero(F);
      for (int k = 0; k < cols; k += 256) {
        float d = Float.float16ToFloat(w.get(SHORT, block + 208));
        for (int j = 0; j < 16; j += BF.length()) {
          ByteVector bytes = ByteVector.fromMemorySegment(BF, w, block + 192 + j, LE);
          FloatVector s = ((FloatVector) bytes.castShape(F, 0)).mul(d);
          s.mul(FloatVector.fromArray(F, a.scale16, k / 16 + j)).intoArray(scales, j);
          offsets = s.fma(FloatVector.fromArray(F, a.sum16, k / 16 + j), offsets);
          if (L == 4) {
            s = ((FloatVector) bytes.castShape(F, 1)).mul(d);
            s.mul(FloatVector.fromArray(F, a.scale16, k / 16 + j + 4)).intoArray(scales, j + 4);
            offsets = s.fma(FloatVector.fromArray(F, a.sum16, k / 16 + j + 4), offsets);
          }
        }
        for (int half = 0; half < 2; half++) {
          for (int j = 0; j < 32; j += SL) {
            long lows = block + 64L * half + j;
            ShortVector l0 =
                (ShortVector)
                    ByteVector.fromMemorySegment(BS, w, lows, LE)
                        .convertShape(ZERO_EXTEND_B2S, S, 0);
            ShortVector l1 =
                (ShortVector)
                    ByteVector.fromMemorySegment(BS, w, lows + 32, LE)
                        .convertShape(ZERO_EXTEND_B2S, S, 0);
            ShortVector h =
                (ShortVector)
                    ByteVector.fromMemorySegment(BS, w, block + 128 + 32L * half + j, LE)
                        .convertShape(ZERO_EXTEND_B2S, S, 0);
            int qAt = k + 128 * half + j;
            int sAt = 8 * half + j / 16;
            ShortVector q0 = h.lanewise(LSHL, 4).and((short) 48).or(l0.and((short) 15));
            ShortVector q1 = h.lanewise(LSHL, 2).and((short) 48).or(l1.and((short) 15));
            ShortVector q2 = h.and((short) 48).or(l0.lanewise(LSHR, 4));
            ShortVector q3 = h.lanewise(LSHR, 2).and((short) 48).or(l1.lanewise(LSHR, 4));
            q0 = q0.mul(ShortVector.fromArray(S, q, qAt));
            q1 = q1.mul(ShortVector.fromArray(S, q, qAt + 32));
            q2 = q2.mul(ShortVector.fromArray(S, q, qAt + 64));
            q3 = q3.mul(ShortVector.fromArray(S, q, qAt + 96));
            sum = widen(q0).fma(FloatVector.broadcast(F, scales[sAt]), sum);
            sum = widen(q1).fma(FloatVector.broadcast(F, scales[sAt + 2]), sum);
            sum = widen(q2).fma(FloatVector.broadcast(F, scales[sAt + 4]), sum);
            sum = widen(q3).fma(FloatVector.broadcast(F, scales[sAt + 6]), sum);
          }
        }
        block += 210;
      }
      out[at + r] = sum.reduceLanes(ADD) - 32 * offsets.reduceLanes(ADD);
    }
  }

  /**
   * 16-bit lanes to floats: lane by lane where a float vector has as many lanes, else the sums of
   * neighbours, whose sum must fit 16 bits too.
   */
  private static FloatVector widen(ShortVector p) {
    if (SL == L) {
      return (FloatVector) ((IntVector) p.convertShape(S2I, I, 0)).convert(I2F, 0);
    }
    IntVector pairs = p.reinterpretAsInts();
    return (FloatVector) pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16).convert(I2F, 0);
  }

  /** The eight 6-bit scales, then the eight minima, of Q4_K and Q5_K as a byte each. */
  static void kScales(MemorySegment w, long at, byte[] out) {
    int u0 = w.get(INT, at);
    int u1 = w.get(INT, at + 4);
    int u2 = w.get(INT, at + 8);
    int scalesHigh = (u2 & 0x0F0F0F0F) | (((u0 >>> 6) & 0x03030303) << 4);
    int minimaHigh = ((u2 >>> 4) & 0x0F0F0F0F) | (((u1 >>> 6) & 0x03030303) << 4);
    Scratch.LONG.set(out, 0, (u0 & 0x3F3F3F3F) | ((long) scalesHigh << 32));
    Scratch.LONG.set(out, 8, (u1 & 0x3F3F3F3F) | ((long) minimaHigh << 32));
  }
}
