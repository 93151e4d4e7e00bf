package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.F8;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.B2I;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Decode on weights as they lie in the file: rows times one token, row after row, so that memory is
 * read as one stream. Types of 8, 16 and 32 bits of floating point multiply float32 activations;
 * the rare quantised types that are not packed are dequantised row by row.
 *
 * <p>Each method is one whole loop nest on purpose: C2 keeps vectors in registers only within a
 * compilation, and allocates them as objects where it decides not to inline.
 */
final class RowDots {
  private static final VectorSpecies<Integer> I8 = IntVector.SPECIES_256;
  private static final VectorSpecies<Byte> B8 = ByteVector.SPECIES_64;

  private RowDots() {}

  /**
   * {@code out[at + r] = row r · a} for {@code rows} rows that follow each other from {@code
   * address}.
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
      case E4M3 -> {
        if (L >= F8.length()) {
          e4m3(address, rows, cols, a.xHalf, out, at);
        } else {
          dequantized(w, address, rows, a.x, scratch, out, at);
        }
      }
      default -> dequantized(w, address, rows, a.x, scratch, out, at);
    }
  }

  /** How weights of a type are multiplied here, in a few words. */
  static String way(TensorType type) {
    boolean asTheyLie =
        switch (type) {
          case F32, F16, BF16 -> true;
          case E4M3 -> L >= F8.length();
          default -> false;
        };
    return asTheyLie
        ? "mapped rows, as in the file"
        : "generic: mapped rows, dequantised one by one";
  }

  private static void dequantized(
      RawMatrix w, long address, int rows, float[] x, Scratch scratch, float[] out, int at) {
    int cols = w.cols();
    float[] row = scratch.row(cols);
    long rowBytes = w.type().bytes(cols);
    for (int r = 0; r < rows; r++) {
      RowFloats.dequantize(w.type(), address + r * rowBytes, cols, row, 0);
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
    float sum = LaneSums.of(s0.add(s1));
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
      float sum = LaneSums.of(s0.add(s1));
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
      float sum = LaneSums.of(s0.add(s1)) * 0x1p56f;
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
      float sum = LaneSums.of(s0.add(s1));
      for (; i < cols; i++) {
        sum += Float.intBitsToFloat(ALL.get(SHORT, row + 2L * i) << 16) * x[i];
      }
      out[at + r] = sum;
      next += 2L * cols;
    }
  }

  /**
   * As halves, by vectors of eight: the bits of an 8-bit float moved read 2^-120 of its value, and
   * the rest of the factor is what the activations bring less than that.
   */
  private static void e4m3(long address, int rows, int cols, float[] xHalf, float[] out, int at) {
    long block = address;
    for (int r = 0; r < rows; r++) {
      FloatVector sum = FloatVector.zero(F8);
      for (int i = 0; i < cols; i += 32) {
        long codes = (block & Memory.MASK) + 4;
        float factor = Float.intBitsToFloat(ALL.get(INT, codes - 4));
        ByteVector b0 = ByteVector.fromMemorySegment(B8, ALL, codes, LE);
        ByteVector b1 = ByteVector.fromMemorySegment(B8, ALL, codes + 8, LE);
        ByteVector b2 = ByteVector.fromMemorySegment(B8, ALL, codes + 16, LE);
        ByteVector b3 = ByteVector.fromMemorySegment(B8, ALL, codes + 24, LE);
        IntVector i0 = (IntVector) b0.convertShape(B2I, I8, 0);
        IntVector i1 = (IntVector) b1.convertShape(B2I, I8, 0);
        IntVector i2 = (IntVector) b2.convertShape(B2I, I8, 0);
        IntVector i3 = (IntVector) b3.convertShape(B2I, I8, 0);
        FloatVector w0 = i0.lanewise(LSHL, 20).and(0x87F00000).reinterpretAsFloats();
        FloatVector w1 = i1.lanewise(LSHL, 20).and(0x87F00000).reinterpretAsFloats();
        FloatVector w2 = i2.lanewise(LSHL, 20).and(0x87F00000).reinterpretAsFloats();
        FloatVector w3 = i3.lanewise(LSHL, 20).and(0x87F00000).reinterpretAsFloats();
        FloatVector s0 = w0.mul(FloatVector.fromArray(F8, xHalf, i));
        FloatVector s1 = w1.mul(FloatVector.fromArray(F8, xHalf, i + 8));
        s0 = w2.fma(FloatVector.fromArray(F8, xHalf, i + 16), s0);
        s1 = w3.fma(FloatVector.fromArray(F8, xHalf, i + 24), s1);
        sum = s0.add(s1).fma(FloatVector.broadcast(F8, factor), sum);
        block += 36;
      }
      out[at + r] = LaneSums.ofEight(sum) * 0x1p64f;
    }
  }
}
