package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static dev.qwen4j.inference.internal.kernel.Tiles.ROW;
import static dev.qwen4j.inference.internal.kernel.Tiles.STRIP;

import jdk.incubator.vector.FloatVector;

/**
 * The register tiles of {@link Tiles} for vectors of 512 bits, with which come 32 registers: twelve
 * rows by two vectors of tokens. Six rows leave the second multiplier of a core idle, which loads
 * cannot keep up with: 71 multiply-adds a nanosecond instead of 120 on two cores of Emerald Rapids.
 */
final class TallTiles {
  private TallTiles() {}

  /** Twelve rows, {@link Tiles#multiplyRows}. */
  static void rows(long w, long x, int n, long sums) {
    FloatVector s0a = FloatVector.zero(F);
    FloatVector s0b = FloatVector.zero(F);
    FloatVector s1a = FloatVector.zero(F);
    FloatVector s1b = FloatVector.zero(F);
    FloatVector s2a = FloatVector.zero(F);
    FloatVector s2b = FloatVector.zero(F);
    FloatVector s3a = FloatVector.zero(F);
    FloatVector s3b = FloatVector.zero(F);
    FloatVector s4a = FloatVector.zero(F);
    FloatVector s4b = FloatVector.zero(F);
    FloatVector s5a = FloatVector.zero(F);
    FloatVector s5b = FloatVector.zero(F);
    FloatVector s6a = FloatVector.zero(F);
    FloatVector s6b = FloatVector.zero(F);
    FloatVector s7a = FloatVector.zero(F);
    FloatVector s7b = FloatVector.zero(F);
    FloatVector s8a = FloatVector.zero(F);
    FloatVector s8b = FloatVector.zero(F);
    FloatVector s9a = FloatVector.zero(F);
    FloatVector s9b = FloatVector.zero(F);
    FloatVector s10a = FloatVector.zero(F);
    FloatVector s10b = FloatVector.zero(F);
    FloatVector s11a = FloatVector.zero(F);
    FloatVector s11b = FloatVector.zero(F);
    for (int k = 0; k < n; k++) {
      long from = (x + k * 8L * L) & Memory.MASK;
      long weights = (w + k * 4L) & Memory.MASK;
      FloatVector xa = FloatVector.fromMemorySegment(F, ALL, from, LE);
      FloatVector xb = FloatVector.fromMemorySegment(F, ALL, from + 4L * L, LE);
      FloatVector b = FloatVector.broadcast(F, ALL.get(FLOAT, weights));
      s0a = xa.fma(b, s0a);
      s0b = xb.fma(b, s0b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + ROW));
      s1a = xa.fma(b, s1a);
      s1b = xb.fma(b, s1b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 2L * ROW));
      s2a = xa.fma(b, s2a);
      s2b = xb.fma(b, s2b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 3L * ROW));
      s3a = xa.fma(b, s3a);
      s3b = xb.fma(b, s3b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 4L * ROW));
      s4a = xa.fma(b, s4a);
      s4b = xb.fma(b, s4b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 5L * ROW));
      s5a = xa.fma(b, s5a);
      s5b = xb.fma(b, s5b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 6L * ROW));
      s6a = xa.fma(b, s6a);
      s6b = xb.fma(b, s6b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 7L * ROW));
      s7a = xa.fma(b, s7a);
      s7b = xb.fma(b, s7b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 8L * ROW));
      s8a = xa.fma(b, s8a);
      s8b = xb.fma(b, s8b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 9L * ROW));
      s9a = xa.fma(b, s9a);
      s9b = xb.fma(b, s9b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 10L * ROW));
      s10a = xa.fma(b, s10a);
      s10b = xb.fma(b, s10b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 11L * ROW));
      s11a = xa.fma(b, s11a);
      s11b = xb.fma(b, s11b);
    }
    long to = sums & Memory.MASK;
    s0a.intoMemorySegment(ALL, to, LE);
    s0b.intoMemorySegment(ALL, to + 4L * L, LE);
    s1a.intoMemorySegment(ALL, to + 8L * L, LE);
    s1b.intoMemorySegment(ALL, to + 12L * L, LE);
    s2a.intoMemorySegment(ALL, to + 16L * L, LE);
    s2b.intoMemorySegment(ALL, to + 20L * L, LE);
    s3a.intoMemorySegment(ALL, to + 24L * L, LE);
    s3b.intoMemorySegment(ALL, to + 28L * L, LE);
    s4a.intoMemorySegment(ALL, to + 32L * L, LE);
    s4b.intoMemorySegment(ALL, to + 36L * L, LE);
    s5a.intoMemorySegment(ALL, to + 40L * L, LE);
    s5b.intoMemorySegment(ALL, to + 44L * L, LE);
    s6a.intoMemorySegment(ALL, to + 48L * L, LE);
    s6b.intoMemorySegment(ALL, to + 52L * L, LE);
    s7a.intoMemorySegment(ALL, to + 56L * L, LE);
    s7b.intoMemorySegment(ALL, to + 60L * L, LE);
    s8a.intoMemorySegment(ALL, to + 64L * L, LE);
    s8b.intoMemorySegment(ALL, to + 68L * L, LE);
    s9a.intoMemorySegment(ALL, to + 72L * L, LE);
    s9b.intoMemorySegment(ALL, to + 76L * L, LE);
    s10a.intoMemorySegment(ALL, to + 80L * L, LE);
    s10b.intoMemorySegment(ALL, to + 84L * L, LE);
    s11a.intoMemorySegment(ALL, to + 88L * L, LE);
    s11b.intoMemorySegment(ALL, to + 92L * L, LE);
  }

  /** Twelve rows of a strip, {@link Tiles#multiplyStrips}. */
  static void ofStrip(long w, long x, int n, long sums) {
    FloatVector s0a = FloatVector.zero(F);
    FloatVector s0b = FloatVector.zero(F);
    FloatVector s1a = FloatVector.zero(F);
    FloatVector s1b = FloatVector.zero(F);
    FloatVector s2a = FloatVector.zero(F);
    FloatVector s2b = FloatVector.zero(F);
    FloatVector s3a = FloatVector.zero(F);
    FloatVector s3b = FloatVector.zero(F);
    FloatVector s4a = FloatVector.zero(F);
    FloatVector s4b = FloatVector.zero(F);
    FloatVector s5a = FloatVector.zero(F);
    FloatVector s5b = FloatVector.zero(F);
    FloatVector s6a = FloatVector.zero(F);
    FloatVector s6b = FloatVector.zero(F);
    FloatVector s7a = FloatVector.zero(F);
    FloatVector s7b = FloatVector.zero(F);
    FloatVector s8a = FloatVector.zero(F);
    FloatVector s8b = FloatVector.zero(F);
    FloatVector s9a = FloatVector.zero(F);
    FloatVector s9b = FloatVector.zero(F);
    FloatVector s10a = FloatVector.zero(F);
    FloatVector s10b = FloatVector.zero(F);
    FloatVector s11a = FloatVector.zero(F);
    FloatVector s11b = FloatVector.zero(F);
    for (int k = 0; k < n; k++) {
      long from = (x + k * 8L * L) & Memory.MASK;
      long weights = (w + k * 4L * STRIP) & Memory.MASK;
      FloatVector xa = FloatVector.fromMemorySegment(F, ALL, from, LE);
      FloatVector xb = FloatVector.fromMemorySegment(F, ALL, from + 4L * L, LE);
      FloatVector b = FloatVector.broadcast(F, ALL.get(FLOAT, weights));
      s0a = xa.fma(b, s0a);
      s0b = xb.fma(b, s0b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 4));
      s1a = xa.fma(b, s1a);
      s1b = xb.fma(b, s1b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 8));
      s2a = xa.fma(b, s2a);
      s2b = xb.fma(b, s2b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 12));
      s3a = xa.fma(b, s3a);
      s3b = xb.fma(b, s3b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 16));
      s4a = xa.fma(b, s4a);
      s4b = xb.fma(b, s4b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 20));
      s5a = xa.fma(b, s5a);
      s5b = xb.fma(b, s5b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 24));
      s6a = xa.fma(b, s6a);
      s6b = xb.fma(b, s6b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 28));
      s7a = xa.fma(b, s7a);
      s7b = xb.fma(b, s7b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 32));
      s8a = xa.fma(b, s8a);
      s8b = xb.fma(b, s8b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 36));
      s9a = xa.fma(b, s9a);
      s9b = xb.fma(b, s9b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 40));
      s10a = xa.fma(b, s10a);
      s10b = xb.fma(b, s10b);
      b = FloatVector.broadcast(F, ALL.get(FLOAT, weights + 44));
      s11a = xa.fma(b, s11a);
      s11b = xb.fma(b, s11b);
    }
    long to = sums & Memory.MASK;
    s0a.intoMemorySegment(ALL, to, LE);
    s0b.intoMemorySegment(ALL, to + 4L * L, LE);
    s1a.intoMemorySegment(ALL, to + 8L * L, LE);
    s1b.intoMemorySegment(ALL, to + 12L * L, LE);
    s2a.intoMemorySegment(ALL, to + 16L * L, LE);
    s2b.intoMemorySegment(ALL, to + 20L * L, LE);
    s3a.intoMemorySegment(ALL, to + 24L * L, LE);
    s3b.intoMemorySegment(ALL, to + 28L * L, LE);
    s4a.intoMemorySegment(ALL, to + 32L * L, LE);
    s4b.intoMemorySegment(ALL, to + 36L * L, LE);
    s5a.intoMemorySegment(ALL, to + 40L * L, LE);
    s5b.intoMemorySegment(ALL, to + 44L * L, LE);
    s6a.intoMemorySegment(ALL, to + 48L * L, LE);
    s6b.intoMemorySegment(ALL, to + 52L * L, LE);
    s7a.intoMemorySegment(ALL, to + 56L * L, LE);
    s7b.intoMemorySegment(ALL, to + 60L * L, LE);
    s8a.intoMemorySegment(ALL, to + 64L * L, LE);
    s8b.intoMemorySegment(ALL, to + 68L * L, LE);
    s9a.intoMemorySegment(ALL, to + 72L * L, LE);
    s9b.intoMemorySegment(ALL, to + 76L * L, LE);
    s10a.intoMemorySegment(ALL, to + 80L * L, LE);
    s10b.intoMemorySegment(ALL, to + 84L * L, LE);
    s11a.intoMemorySegment(ALL, to + 88L * L, LE);
    s11b.intoMemorySegment(ALL, to + 92L * L, LE);
  }
}
