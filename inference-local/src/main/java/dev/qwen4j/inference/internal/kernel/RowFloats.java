package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Lanes.SF;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Stretches of a row that is not packed as float32, for the panels that prefill multiplies: types
 * of 16 and 32 bits and {@link BlockFloats} by vector; the others, and machines with four float
 * lanes, go through {@link Dequantizer}.
 */
final class RowFloats {
  private RowFloats() {}

  /** Writes elements {@code from} to {@code from + n}, whole blocks, of a row. */
  static void dequantize(RawMatrix w, int row, int from, int n, float[] out, int at) {
    TensorType type = w.type();
    long address = w.data().address() + row * type.bytes(w.cols()) + type.bytes(from);
    dequantize(type, address, n, out, at);
  }

  /** Writes {@code n} elements, whole blocks of a type, from an address within a matrix. */
  static void dequantize(TensorType type, long address, int n, float[] out, int at) {
    boolean vector = L >= 8 && n % L == 0;
    if (!vector) {
      Dequantizer.dequantize(type, ALL, address, n, out, at);
      return;
    }
    switch (type) {
      case F32 -> MemorySegment.copy(ALL, FLOAT, address, out, at, n);
      case F16 -> f16(address, n, out, at);
      case BF16 -> bf16(address, n, out, at);
      default -> {
        if (!BlockFloats.dequantize(type, address, n, out, at)) {
          Dequantizer.dequantize(type, ALL, address, n, out, at);
        }
      }
    }
  }

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
}
