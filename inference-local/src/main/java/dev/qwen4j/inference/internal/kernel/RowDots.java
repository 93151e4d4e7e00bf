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
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2S;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

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
      RawMatrix w, long address, int rows, Activations a, Scratch scratch, float[] out, int at) {
    int cols = w.cols();
    switch (w.type()) {
      case F32 -> f32(address, rows, cols, a.x, out, at);
      case F16 -> f16(address, rows, cols, a.xHalf, out, at);
      case BF16 -> bf16(address, rows, cols, a.x, out, at);
      case Q8_0 -> q8Zero(address, rows, cols, a.x, out, at);
      case Q4_0 -> q4Zero(address, rows, cols, a, out, at);
      case Q5_0 -> q5Zero(address, rows, cols, a, out, at);
      case Q4_K -> q4K(address, rows, cols, a, scratch, out, at);
      case Q6_K -> q6K(address, rows, cols, a, scratch, out, at);
      case Q4_1, Q5_1, Q2_K, Q3_K, Q5_K, IQ4_NL, IQ4_XS, MXFP4 ->
          dequantized(w, address, rows, a.x, scratch, out, at);
    }
  }

  private static void dequantized(
      RawMatrix w, long address, int rows, float[] x, Scratch scratch, float[] out, int at) {
    int cols = w.cols();
    float[] row = scratch.panel(cols);
    long rowBytes = w.type().bytes(cols);
    for (int r = 0; r < rows; r++) {
      Dequantizer.dequantize(w.type(), ALL, address + r * rowBytes, cols, row, 0);
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

  private static void f32(long address, int rows, int cols, float[] x, float[] out, int at) {
    long next = address;
    for (int r = 0; r < rows; r++) {
      long row = next & Memory.MASK;
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      int i = 0;
      for (; i + 2 * L <= cols; i += 2 * L) {
        FloatVector w0 = FloatVector.fromMemorySegment(F, ALL, row + 4L * i, LE);
        FloatVector w1 = FloatVector.fromMemorySegment(F, ALL, row + 4L * (i + L), LE);
        s0 = w0.fma(FloatVector.fromArray(F, x, i), s0);
        s1 = w1.fma(FloatVector.fromArray(F, x, i + L), s1);
      }
      float sum = s0.add(s1).reduceLanes(ADD);
      for (; i < cols; i++) {
        sum += Float.intBitsToFloat(ALL.get(INT, row + 4L * i)) * x[i];
      }
      out[at + r] = sum;
      next += 4L * cols;
    }
  }

  /**
   * A half's bits moved to a float's exponent and mantissa read 2^-112 of its value, subnormals
   * too; the activations come multiplied by 2^56, and the sum gets the other half of the factor.
   */
  private static void f16(long address, int rows, int cols, float[] xHalf, float[] out, int at) {
    long next = address;
    for (int r = 0; r < rows; r++) {
      long row = next & Memory.MASK;
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      int i = 0;
      for (; i + 2 * L <= cols; i += 2 * L) {
        ShortVector h0 = ShortVector.fromMemorySegment(SF, ALL, row + 2L * i, LE);
        ShortVector h1 = ShortVector.fromMemorySegment(SF, ALL, row + 2L * (i + L), LE);
        IntVector i0 = (IntVector) h0.convertShape(S2I, I, 0);
        IntVector i1 = (IntVector) h1.convertShape(S2I, I, 0);
        FloatVector w0 = i0.lanewise(LSHL, 13).and(0x8FFFE000).reinterpretAsFloats();
        FloatVector w1 = i1.lanewise(LSHL, 13).and(0x8FFFE000).reinterpretAsFloats();
        s0 = w0.fma(FloatVector.fromArray(F, xHalf, i), s0);
        s1 = w1.fma(FloatVector.fromArray(F, xHalf, i + L), s1);
      }
      float sum = s0.add(s1).reduceLanes(ADD) * 0x1p56f;
      for (; i < cols; i++) {
        sum += Float.float16ToFloat(ALL.get(SHORT, row + 2L * i)) * (xHalf[i] * 0x1p-56f);
      }
      out[at + r] = sum;
      next += 2L * cols;
    }
  }

  private static void bf16(long address, int rows, int cols, float[] x, float[] out, int at) {
    long next = address;
    for (int r = 0; r < rows; r++) {
      long row = next & Memory.MASK;
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      int i = 0;
      for (; i + 2 * L <= cols; i += 2 * L) {
        ShortVector h0 = ShortVector.fromMemorySegment(SF, ALL, row + 2L * i, LE);
        ShortVector h1 = ShortVector.fromMemorySegment(SF, ALL, row + 2L * (i + L), LE);
        IntVector i0 = (IntVector) h0.convertShape(ZERO_EXTEND_S2I, I, 0);
        IntVector i1 = (IntVector) h1.convertShape(ZERO_EXTEND_S2I, I, 0);
        FloatVector w0 = i0.lanewise(LSHL, 16).reinterpretAsFloats();
        FloatVector w1 = i1.lanewise(LSHL, 16).reinterpretAsFloats();
        s0 = w0.fma(FloatVector.fromArray(F, x, i), s0);
        s1 = w1.fma(FloatVector.fromArray(F, x, i + L), s1);
      }
      float sum = s0.add(s1).reduceLanes(ADD);
      for (; i < cols; i++) {
        sum += Float.intBitsToFloat(ALL.get(SHORT, row + 2L * i) << 16) * x[i];
      }
      out[at + r] = sum;
      next += 2L * cols;
    }
  }

  private static void q8Zero(long address, int rows, int cols, float[] x, float[] out, int at) {
    long rowBytes = cols / 32 * 34L;
    for (int r = 0; r < rows; r += 2) {
      int r1 = Math.min(r + 1, rows - 1);
      long row0 = address + r * rowBytes;
      long row1 = address + r1 * rowBytes;
      if (L == 8) {
        q8ZeroRows(row0, row1, cols, x, out, at + r, at + r1);
      } else {
        out[at + r] = q8ZeroRow(row0, cols, x);
        out[at + r1] = q8ZeroRow(row1, cols, x);
      }
    }
  }

  /**
   * Two rows at once, or one twice, in vectors of eight floats: they share the activations' loads,
   * and C2 does not unroll a loop of this size, which it would do with more spills than it saves.
   */
  private static void q8ZeroRows(
      long row0, long row1, int cols, float[] x, float[] out, int at0, int at1) {
    FloatVector sum0 = FloatVector.zero(F);
    FloatVector sum1 = FloatVector.zero(F);
    for (int b = 0; b < cols / 32; b++) {
      long block0 = (row0 + b * 34L) & Memory.MASK;
      long block1 = (row1 + b * 34L) & Memory.MASK;
      float d0 = Float.float16ToFloat(ALL.get(SHORT, block0));
      float d1 = Float.float16ToFloat(ALL.get(SHORT, block1));
      FloatVector xs = FloatVector.fromArray(F, x, b * 32);
      FloatVector p0 = eight(block0 + 2).mul(xs);
      FloatVector p1 = eight(block1 + 2).mul(xs);
      xs = FloatVector.fromArray(F, x, b * 32 + 8);
      p0 = eight(block0 + 10).fma(xs, p0);
      p1 = eight(block1 + 10).fma(xs, p1);
      xs = FloatVector.fromArray(F, x, b * 32 + 16);
      p0 = eight(block0 + 18).fma(xs, p0);
      p1 = eight(block1 + 18).fma(xs, p1);
      xs = FloatVector.fromArray(F, x, b * 32 + 24);
      p0 = eight(block0 + 26).fma(xs, p0);
      p1 = eight(block1 + 26).fma(xs, p1);
      sum0 = p0.fma(FloatVector.broadcast(F, d0), sum0);
      sum1 = p1.fma(FloatVector.broadcast(F, d1), sum1);
    }
    out[at0] = sum0.reduceLanes(ADD);
    out[at1] = sum1.reduceLanes(ADD);
  }

  private static FloatVector eight(long address) {
    return (FloatVector) ByteVector.fromMemorySegment(BF, ALL, address, LE).castShape(F, 0);
  }

  private static float q8ZeroRow(long row, int cols, float[] x) {
    FloatVector sum = FloatVector.zero(F);
    for (int b = 0; b < cols / 32; b++) {
      long block = (row + b * 34L) & Memory.MASK;
      float d = Float.float16ToFloat(ALL.get(SHORT, block));
      FloatVector p = FloatVector.zero(F);
      for (int j = 0; j < 32; j += BF.length()) {
        ByteVector q = ByteVector.fromMemorySegment(BF, ALL, block + 2 + j, LE);
        p = ((FloatVector) q.castShape(F, 0)).fma(FloatVector.fromArray(F, x, b * 32 + j), p);
        if (L == 4) {
          p = ((FloatVector) q.castShape(F, 1)).fma(FloatVector.fromArray(F, x, b * 32 + j + 4), p);
        }
      }
      sum = p.fma(FloatVector.broadcast(F, d), sum);
    }
    return sum.reduceLanes(ADD);
  }

  private static void q4Zero(long address, int rows, int cols, Activations a, float[] out, int at) {
    long rowBytes = cols / 32 * 18L;
    for (int r = 0; r < rows; r += 2) {
      int r1 = Math.min(r + 1, rows - 1);
      q4ZeroRows(address + r * rowBytes, address + r1 * rowBytes, cols, a, out, at + r, at + r1);
    }
  }

  /** Two rows at once, or one twice: they share the activations and the loop. */
  private static void q4ZeroRows(
      long row0, long row1, int cols, Activations a, float[] out, int at0, int at1) {
    short[] q = a.q;
    float[] scale = a.scale;
    float[] blockSum = a.sum;
    ShortVector nibble = ShortVector.broadcast(S, 15);
    FloatVector sum0 = FloatVector.zero(F8);
    FloatVector sum1 = FloatVector.zero(F8);
    float offsets0 = 0;
    float offsets1 = 0;
    // A step is a vector of bytes: a block, or half of one.
    for (int step = 0; step < cols / (2 * SL); step++) {
      int b = step / (16 / SL);
      int j = step % (16 / SL) * SL;
      long block0 = (row0 + b * 18L) & Memory.MASK;
      long block1 = (row1 + b * 18L) & Memory.MASK;
      float d0 = Float.float16ToFloat(ALL.get(SHORT, block0));
      float d1 = Float.float16ToFloat(ALL.get(SHORT, block1));
      ShortVector q0 = ShortVector.fromArray(S, q, b * 32 + j);
      ShortVector q1 = ShortVector.fromArray(S, q, b * 32 + 16 + j);
      ShortVector v =
          (ShortVector)
              ByteVector.fromMemorySegment(BS, ALL, block0 + 2 + j, LE)
                  .convertShape(ZERO_EXTEND_B2S, S, 0);
      ShortVector p = v.and(nibble).mul(q0).add(shiftPairs(v, 4).and(nibble).mul(q1));
      sum0 = pairSums(p).fma(FloatVector.broadcast(F8, d0 * scale[b]), sum0);
      v =
          (ShortVector)
              ByteVector.fromMemorySegment(BS, ALL, block1 + 2 + j, LE)
                  .convertShape(ZERO_EXTEND_B2S, S, 0);
      p = v.and(nibble).mul(q0).add(shiftPairs(v, 4).and(nibble).mul(q1));
      sum1 = pairSums(p).fma(FloatVector.broadcast(F8, d1 * scale[b]), sum1);
      if (j == 0) {
        offsets0 = Math.fma(d0, blockSum[b], offsets0);
        offsets1 = Math.fma(d1, blockSum[b], offsets1);
      }
    }
    out[at0] = sum0.reduceLanes(ADD) - 8 * offsets0;
    out[at1] = sum1.reduceLanes(ADD) - 8 * offsets1;
  }

  private static void q5Zero(long address, int rows, int cols, Activations a, float[] out, int at) {
    long rowBytes = cols / 32 * 22L;
    for (int r = 0; r < rows; r += 2) {
      int r1 = Math.min(r + 1, rows - 1);
      q5ZeroRows(address + r * rowBytes, address + r1 * rowBytes, cols, a, out, at + r, at + r1);
    }
  }

  private static void q5ZeroRows(
      long row0, long row1, int cols, Activations a, float[] out, int at0, int at1) {
    short[] q = a.q;
    float[] scale = a.scale;
    float[] blockSum = a.sum;
    ShortVector nibble = ShortVector.broadcast(S, 15);
    ShortVector fifth = ShortVector.broadcast(S, 16);
    FloatVector sum0 = FloatVector.zero(F8);
    FloatVector sum1 = FloatVector.zero(F8);
    float offsets0 = 0;
    float offsets1 = 0;
    for (int step = 0; step < cols / (2 * SL); step++) {
      int b = step / (16 / SL);
      int j = step % (16 / SL) * SL;
      long block0 = (row0 + b * 22L) & Memory.MASK;
      long block1 = (row1 + b * 22L) & Memory.MASK;
      float d0 = Float.float16ToFloat(ALL.get(SHORT, block0));
      float d1 = Float.float16ToFloat(ALL.get(SHORT, block1));
      ShortVector toTop = ShortVector.fromArray(S, TO_TOP_BIT, j);
      ShortVector q0 = ShortVector.fromArray(S, q, b * 32 + j);
      ShortVector q1 = ShortVector.fromArray(S, q, b * 32 + 16 + j);
      ShortVector v =
          (ShortVector)
              ByteVector.fromMemorySegment(BS, ALL, block0 + 6 + j, LE)
                  .convertShape(ZERO_EXTEND_B2S, S, 0);
      ShortVector low =
          toTop
              .mul(ALL.get(SHORT, block0 + 2))
              .reinterpretAsInts()
              .lanewise(LSHR, 11)
              .reinterpretAsShorts()
              .and(fifth);
      ShortVector high =
          toTop
              .mul(ALL.get(SHORT, block0 + 4))
              .reinterpretAsInts()
              .lanewise(LSHR, 11)
              .reinterpretAsShorts()
              .and(fifth);
      low = low.or(v.and(nibble)).mul(q0);
      high =
          high.or(v.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsShorts().and(nibble))
              .mul(q1);
      IntVector pairs = low.add(high).reinterpretAsInts();
      pairs = pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      sum0 =
          ((FloatVector) pairs.convert(I2F, 0)).fma(FloatVector.broadcast(F8, d0 * scale[b]), sum0);
      v =
          (ShortVector)
              ByteVector.fromMemorySegment(BS, ALL, block1 + 6 + j, LE)
                  .convertShape(ZERO_EXTEND_B2S, S, 0);
      low =
          toTop
              .mul(ALL.get(SHORT, block1 + 2))
              .reinterpretAsInts()
              .lanewise(LSHR, 11)
              .reinterpretAsShorts()
              .and(fifth);
      high =
          toTop
              .mul(ALL.get(SHORT, block1 + 4))
              .reinterpretAsInts()
              .lanewise(LSHR, 11)
              .reinterpretAsShorts()
              .and(fifth);
      low = low.or(v.and(nibble)).mul(q0);
      high =
          high.or(v.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsShorts().and(nibble))
              .mul(q1);
      pairs = low.add(high).reinterpretAsInts();
      pairs = pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      sum1 =
          ((FloatVector) pairs.convert(I2F, 0)).fma(FloatVector.broadcast(F8, d1 * scale[b]), sum1);
      if (j == 0) {
        offsets0 = Math.fma(d0, blockSum[b], offsets0);
        offsets1 = Math.fma(d1, blockSum[b], offsets1);
      }
    }
    out[at0] = sum0.reduceLanes(ADD) - 16 * offsets0;
    out[at1] = sum1.reduceLanes(ADD) - 16 * offsets1;
  }

  private static void q4K(
      long address, int rows, int cols, Activations a, Scratch scratch, float[] out, int at) {
    long rowBytes = cols / 256 * 144L;
    float[] scales = scratch.scales(cols / 32);
    for (int r = 0; r < rows; r++) {
      long row = address + r * rowBytes;
      float minima = q4KScales(row, cols, a, scratch.bytes, scales);
      out[at + r] = q4KRow(row, cols, a.q, scales) - minima;
    }
  }

  /** Writes a row's scales times the activations'; returns what the minima take off. */
  private static float q4KScales(long row, int cols, Activations a, byte[] bytes, float[] scales) {
    FloatVector minima = FloatVector.zero(F8);
    for (int b = 0; b < cols / 32; b += 8) {
      long block = (row + b / 8 * 144L) & Memory.MASK;
      float d = Float.float16ToFloat(ALL.get(SHORT, block));
      float dmin = Float.float16ToFloat(ALL.get(SHORT, block + 2));
      kScales(block + 4, bytes);
      for (int j = 0; j < 8; j += F8.length()) {
        ByteVector s = ByteVector.fromArray(ByteVector.SPECIES_64, bytes, 0);
        ByteVector m = ByteVector.fromArray(ByteVector.SPECIES_64, bytes, 8);
        FloatVector scale = ((FloatVector) s.castShape(F8, j / F8.length())).mul(d);
        FloatVector min = ((FloatVector) m.castShape(F8, j / F8.length())).mul(dmin);
        scale.mul(FloatVector.fromArray(F8, a.scale, b + j)).intoArray(scales, b + j);
        minima = min.fma(FloatVector.fromArray(F8, a.sum, b + j), minima);
      }
    }
    return minima.reduceLanes(ADD);
  }

  private static float q4KRow(long row, int cols, short[] q, float[] scales) {
    ShortVector nibble = ShortVector.broadcast(S, 15);
    FloatVector sum = FloatVector.zero(F8);
    // A step is two vectors of bytes, with the nibbles of two scales, in a group of 32 bytes.
    for (int step = 0; step < cols / (4 * SL); step++) {
      int k = step / (16 / SL) * 64;
      int j = step % (16 / SL) * 2 * SL;
      long from = (row + k / 256 * 144L + 16 + k % 256 / 2 + j) & Memory.MASK;
      ShortVector v0 =
          (ShortVector)
              ByteVector.fromMemorySegment(BS, ALL, from, LE).convertShape(ZERO_EXTEND_B2S, S, 0);
      ShortVector v1 =
          (ShortVector)
              ByteVector.fromMemorySegment(BS, ALL, from + SL, LE)
                  .convertShape(ZERO_EXTEND_B2S, S, 0);
      ShortVector low0 = v0.and(nibble).mul(ShortVector.fromArray(S, q, k + j));
      ShortVector low1 = v1.and(nibble).mul(ShortVector.fromArray(S, q, k + j + SL));
      sum = pairSums(low0.add(low1)).fma(FloatVector.broadcast(F8, scales[k / 32]), sum);
      ShortVector high0 = shiftPairs(v0, 4).and(nibble);
      ShortVector high1 = shiftPairs(v1, 4).and(nibble);
      high0 = high0.mul(ShortVector.fromArray(S, q, k + 32 + j));
      high1 = high1.mul(ShortVector.fromArray(S, q, k + 32 + j + SL));
      sum = pairSums(high0.add(high1)).fma(FloatVector.broadcast(F8, scales[k / 32 + 1]), sum);
    }
    return sum.reduceLanes(ADD);
  }

  private static void q6K(
      long address, int rows, int cols, Activations a, Scratch scratch, float[] out, int at) {
    long rowBytes = cols / 256 * 210L;
    float[] scales = scratch.scales(cols / 16);
    for (int r = 0; r < rows; r++) {
      long row = address + r * rowBytes;
      float offsets = q6KScales(row, cols, a, scales);
      out[at + r] = q6KRow(row, cols, a.q, scales) - 32 * offsets;
    }
  }

  /** Writes a row's scales times the activations'; returns the sum that the offset of 32 takes. */
  private static float q6KScales(long row, int cols, Activations a, float[] scales) {
    FloatVector offsets = FloatVector.zero(F);
    for (int b = 0; b < cols / 16; b += 16) {
      long block = (row + b / 16 * 210L) & Memory.MASK;
      float d = Float.float16ToFloat(ALL.get(SHORT, block + 208));
      for (int j = 0; j < 16; j += BF.length()) {
        ByteVector bytes = ByteVector.fromMemorySegment(BF, ALL, block + 192 + j, LE);
        int i = b + j;
        FloatVector s = ((FloatVector) bytes.castShape(F, 0)).mul(d);
        s.mul(FloatVector.fromArray(F, a.scale16, i)).intoArray(scales, i);
        offsets = s.fma(FloatVector.fromArray(F, a.sum16, i), offsets);
        if (L == 4) {
          s = ((FloatVector) bytes.castShape(F, 1)).mul(d);
          s.mul(FloatVector.fromArray(F, a.scale16, i + 4)).intoArray(scales, i + 4);
          offsets = s.fma(FloatVector.fromArray(F, a.sum16, i + 4), offsets);
        }
      }
    }
    return offsets.reduceLanes(ADD);
  }

  private static float q6KRow(long row, int cols, short[] q, float[] scales) {
    ShortVector nibble = ShortVector.broadcast(S, 15);
    ShortVector top = ShortVector.broadcast(S, 48);
    FloatVector sum = FloatVector.zero(F8);
    // A step is one vector of high bits, which four vectors of 16 elements share.
    for (int step = 0; step < cols / (4 * SL); step++) {
      int k = step / (32 / SL) * 128;
      int j = step % (32 / SL) * SL;
      long block = (row + k / 256 * 210L + j) & Memory.MASK;
      long lows = block + k % 256 / 2;
      long highs = block + 128 + k % 256 / 4;
      ShortVector l0 =
          (ShortVector)
              ByteVector.fromMemorySegment(BS, ALL, lows, LE).convertShape(ZERO_EXTEND_B2S, S, 0);
      ShortVector l1 =
          (ShortVector)
              ByteVector.fromMemorySegment(BS, ALL, lows + 32, LE)
                  .convertShape(ZERO_EXTEND_B2S, S, 0);
      ShortVector h =
          (ShortVector)
              ByteVector.fromMemorySegment(BS, ALL, highs, LE).convertShape(ZERO_EXTEND_B2S, S, 0);
      // C2 stops inlining our own methods at some number of nodes, which this loop reaches with
      // the library's alone: what the other types call is written out here.
      IntVector hs = h.reinterpretAsInts().lanewise(LSHL, 4);
      int i = k + j;
      int s = i / 16;
      ShortVector p = hs.reinterpretAsShorts().and(top).or(l0.and(nibble));
      p = p.mul(ShortVector.fromArray(S, q, i));
      IntVector pairs = p.reinterpretAsInts();
      pairs = pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      sum = ((FloatVector) pairs.convert(I2F, 0)).fma(FloatVector.broadcast(F8, scales[s]), sum);
      p = hs.lanewise(LSHR, 2).reinterpretAsShorts().and(top).or(l1.and(nibble));
      p = p.mul(ShortVector.fromArray(S, q, i + 32));
      pairs = p.reinterpretAsInts();
      pairs = pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      sum =
          ((FloatVector) pairs.convert(I2F, 0)).fma(FloatVector.broadcast(F8, scales[s + 2]), sum);
      p =
          hs.lanewise(LSHR, 4)
              .reinterpretAsShorts()
              .and(top)
              .or(l0.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsShorts().and(nibble));
      p = p.mul(ShortVector.fromArray(S, q, i + 64));
      pairs = p.reinterpretAsInts();
      pairs = pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      sum =
          ((FloatVector) pairs.convert(I2F, 0)).fma(FloatVector.broadcast(F8, scales[s + 4]), sum);
      p =
          hs.lanewise(LSHR, 6)
              .reinterpretAsShorts()
              .and(top)
              .or(l1.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsShorts().and(nibble));
      p = p.mul(ShortVector.fromArray(S, q, i + 96));
      pairs = p.reinterpretAsInts();
      pairs = pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      sum =
          ((FloatVector) pairs.convert(I2F, 0)).fma(FloatVector.broadcast(F8, scales[s + 6]), sum);
    }
    return sum.reduceLanes(ADD);
  }

  /**
   * Pairs of 16-bit lanes shifted right as 32-bit ones: the bits that cross are for the caller to
   * mask. C2 knows an immediate count for 32 bits only, and loads it anew for each 16-bit shift.
   */
  private static ShortVector shiftPairs(ShortVector v, int count) {
    return v.reinterpretAsInts().lanewise(LSHR, count).reinterpretAsShorts();
  }

  /** The sums of neighbouring 16-bit lanes, which must fit 16 bits too, as floats. */
  private static FloatVector pairSums(ShortVector p) {
    IntVector pairs = p.reinterpretAsInts();
    return (FloatVector) pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16).convert(I2F, 0);
  }

  /** The eight 6-bit scales, then the eight minima, of Q4_K and Q5_K as a byte each. */
  static void kScales(long at, byte[] out) {
    int u0 = ALL.get(INT, at);
    int u1 = ALL.get(INT, at + 4);
    int u2 = ALL.get(INT, at + 8);
    int scalesHigh = (u2 & 0x0F0F0F0F) | (((u0 >>> 6) & 0x03030303) << 4);
    int minimaHigh = ((u2 >>> 4) & 0x0F0F0F0F) | (((u1 >>> 6) & 0x03030303) << 4);
    Scratch.LONG.set(out, 0, (u0 & 0x3F3F3F3F) | ((long) scalesHigh << 32));
    Scratch.LONG.set(out, 8, (u1 & 0x3F3F3F3F) | ((long) minimaHigh << 32));
  }
}
