package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Tiles.STRIP;

import jdk.incubator.vector.FloatVector;

/**
 * The register tiles of {@link Tiles} for vectors of 512 bits, with which come 32 registers: twelve
 * rows by two vectors of tokens. Six rows leave the second multiplier of a core idle, which loads
 * cannot keep up with: 71 multiply-adds a nanosecond instead of 120 on two cores of Emerald Rapids.
 */
final class TallTiles {
  private TallTiles() {}

  /** Twelve rows that lie {@code stride} apart; {@link Tiles#multiplyRows}. */
  static void rows(
      float[] w, int wAt, int stride, float[] x, int xAt, int n, float[] sums, int at) {
    FloatVector s0a = FloatVector.fromArray(F, sums, at);
    FloatVector s0b = FloatVector.fromArray(F, sums, at + 1 * L);
    FloatVector s1a = FloatVector.fromArray(F, sums, at + 2 * L);
    FloatVector s1b = FloatVector.fromArray(F, sums, at + 3 * L);
    FloatVector s2a = FloatVector.fromArray(F, sums, at + 4 * L);
    FloatVector s2b = FloatVector.fromArray(F, sums, at + 5 * L);
    FloatVector s3a = FloatVector.fromArray(F, sums, at + 6 * L);
    FloatVector s3b = FloatVector.fromArray(F, sums, at + 7 * L);
    FloatVector s4a = FloatVector.fromArray(F, sums, at + 8 * L);
    FloatVector s4b = FloatVector.fromArray(F, sums, at + 9 * L);
    FloatVector s5a = FloatVector.fromArray(F, sums, at + 10 * L);
    FloatVector s5b = FloatVector.fromArray(F, sums, at + 11 * L);
    FloatVector s6a = FloatVector.fromArray(F, sums, at + 12 * L);
    FloatVector s6b = FloatVector.fromArray(F, sums, at + 13 * L);
    FloatVector s7a = FloatVector.fromArray(F, sums, at + 14 * L);
    FloatVector s7b = FloatVector.fromArray(F, sums, at + 15 * L);
    FloatVector s8a = FloatVector.fromArray(F, sums, at + 16 * L);
    FloatVector s8b = FloatVector.fromArray(F, sums, at + 17 * L);
    FloatVector s9a = FloatVector.fromArray(F, sums, at + 18 * L);
    FloatVector s9b = FloatVector.fromArray(F, sums, at + 19 * L);
    FloatVector s10a = FloatVector.fromArray(F, sums, at + 20 * L);
    FloatVector s10b = FloatVector.fromArray(F, sums, at + 21 * L);
    FloatVector s11a = FloatVector.fromArray(F, sums, at + 22 * L);
    FloatVector s11b = FloatVector.fromArray(F, sums, at + 23 * L);
    int w1 = wAt + stride;
    int w2 = wAt + 2 * stride;
    int w3 = wAt + 3 * stride;
    int w4 = wAt + 4 * stride;
    int w5 = wAt + 5 * stride;
    int w6 = wAt + 6 * stride;
    int w7 = wAt + 7 * stride;
    int w8 = wAt + 8 * stride;
    int w9 = wAt + 9 * stride;
    int w10 = wAt + 10 * stride;
    int w11 = wAt + 11 * stride;
    for (int k = 0; k < n; k++) {
      FloatVector xa = FloatVector.fromArray(F, x, xAt + k * 2 * L);
      FloatVector xb = FloatVector.fromArray(F, x, xAt + k * 2 * L + L);
      FloatVector b = FloatVector.broadcast(F, w[wAt + k]);
      s0a = xa.fma(b, s0a);
      s0b = xb.fma(b, s0b);
      b = FloatVector.broadcast(F, w[w1 + k]);
      s1a = xa.fma(b, s1a);
      s1b = xb.fma(b, s1b);
      b = FloatVector.broadcast(F, w[w2 + k]);
      s2a = xa.fma(b, s2a);
      s2b = xb.fma(b, s2b);
      b = FloatVector.broadcast(F, w[w3 + k]);
      s3a = xa.fma(b, s3a);
      s3b = xb.fma(b, s3b);
      b = FloatVector.broadcast(F, w[w4 + k]);
      s4a = xa.fma(b, s4a);
      s4b = xb.fma(b, s4b);
      b = FloatVector.broadcast(F, w[w5 + k]);
      s5a = xa.fma(b, s5a);
      s5b = xb.fma(b, s5b);
      b = FloatVector.broadcast(F, w[w6 + k]);
      s6a = xa.fma(b, s6a);
      s6b = xb.fma(b, s6b);
      b = FloatVector.broadcast(F, w[w7 + k]);
      s7a = xa.fma(b, s7a);
      s7b = xb.fma(b, s7b);
      b = FloatVector.broadcast(F, w[w8 + k]);
      s8a = xa.fma(b, s8a);
      s8b = xb.fma(b, s8b);
      b = FloatVector.broadcast(F, w[w9 + k]);
      s9a = xa.fma(b, s9a);
      s9b = xb.fma(b, s9b);
      b = FloatVector.broadcast(F, w[w10 + k]);
      s10a = xa.fma(b, s10a);
      s10b = xb.fma(b, s10b);
      b = FloatVector.broadcast(F, w[w11 + k]);
      s11a = xa.fma(b, s11a);
      s11b = xb.fma(b, s11b);
    }
    s0a.intoArray(sums, at);
    s0b.intoArray(sums, at + 1 * L);
    s1a.intoArray(sums, at + 2 * L);
    s1b.intoArray(sums, at + 3 * L);
    s2a.intoArray(sums, at + 4 * L);
    s2b.intoArray(sums, at + 5 * L);
    s3a.intoArray(sums, at + 6 * L);
    s3b.intoArray(sums, at + 7 * L);
    s4a.intoArray(sums, at + 8 * L);
    s4b.intoArray(sums, at + 9 * L);
    s5a.intoArray(sums, at + 10 * L);
    s5b.intoArray(sums, at + 11 * L);
    s6a.intoArray(sums, at + 12 * L);
    s6b.intoArray(sums, at + 13 * L);
    s7a.intoArray(sums, at + 14 * L);
    s7b.intoArray(sums, at + 15 * L);
    s8a.intoArray(sums, at + 16 * L);
    s8b.intoArray(sums, at + 17 * L);
    s9a.intoArray(sums, at + 18 * L);
    s9b.intoArray(sums, at + 19 * L);
    s10a.intoArray(sums, at + 20 * L);
    s10b.intoArray(sums, at + 21 * L);
    s11a.intoArray(sums, at + 22 * L);
    s11b.intoArray(sums, at + 23 * L);
  }

  /** Twelve rows of a strip, {@code rowStep} apart, which is 1; {@link Tiles#multiplyStrips}. */
  static void ofStrip(
      float[] w, int wAt, int rowStep, float[] x, int xAt, int n, float[] sums, int at) {
    FloatVector s0a = FloatVector.fromArray(F, sums, at);
    FloatVector s0b = FloatVector.fromArray(F, sums, at + 1 * L);
    FloatVector s1a = FloatVector.fromArray(F, sums, at + 2 * L);
    FloatVector s1b = FloatVector.fromArray(F, sums, at + 3 * L);
    FloatVector s2a = FloatVector.fromArray(F, sums, at + 4 * L);
    FloatVector s2b = FloatVector.fromArray(F, sums, at + 5 * L);
    FloatVector s3a = FloatVector.fromArray(F, sums, at + 6 * L);
    FloatVector s3b = FloatVector.fromArray(F, sums, at + 7 * L);
    FloatVector s4a = FloatVector.fromArray(F, sums, at + 8 * L);
    FloatVector s4b = FloatVector.fromArray(F, sums, at + 9 * L);
    FloatVector s5a = FloatVector.fromArray(F, sums, at + 10 * L);
    FloatVector s5b = FloatVector.fromArray(F, sums, at + 11 * L);
    FloatVector s6a = FloatVector.fromArray(F, sums, at + 12 * L);
    FloatVector s6b = FloatVector.fromArray(F, sums, at + 13 * L);
    FloatVector s7a = FloatVector.fromArray(F, sums, at + 14 * L);
    FloatVector s7b = FloatVector.fromArray(F, sums, at + 15 * L);
    FloatVector s8a = FloatVector.fromArray(F, sums, at + 16 * L);
    FloatVector s8b = FloatVector.fromArray(F, sums, at + 17 * L);
    FloatVector s9a = FloatVector.fromArray(F, sums, at + 18 * L);
    FloatVector s9b = FloatVector.fromArray(F, sums, at + 19 * L);
    FloatVector s10a = FloatVector.fromArray(F, sums, at + 20 * L);
    FloatVector s10b = FloatVector.fromArray(F, sums, at + 21 * L);
    FloatVector s11a = FloatVector.fromArray(F, sums, at + 22 * L);
    FloatVector s11b = FloatVector.fromArray(F, sums, at + 23 * L);
    int w1 = wAt + rowStep;
    int w2 = wAt + 2 * rowStep;
    int w3 = wAt + 3 * rowStep;
    int w4 = wAt + 4 * rowStep;
    int w5 = wAt + 5 * rowStep;
    int w6 = wAt + 6 * rowStep;
    int w7 = wAt + 7 * rowStep;
    int w8 = wAt + 8 * rowStep;
    int w9 = wAt + 9 * rowStep;
    int w10 = wAt + 10 * rowStep;
    int w11 = wAt + 11 * rowStep;
    for (int k = 0; k < n; k++) {
      FloatVector xa = FloatVector.fromArray(F, x, xAt + k * 2 * L);
      FloatVector xb = FloatVector.fromArray(F, x, xAt + k * 2 * L + L);
      FloatVector b = FloatVector.broadcast(F, w[wAt + k * STRIP]);
      s0a = xa.fma(b, s0a);
      s0b = xb.fma(b, s0b);
      b = FloatVector.broadcast(F, w[w1 + k * STRIP]);
      s1a = xa.fma(b, s1a);
      s1b = xb.fma(b, s1b);
      b = FloatVector.broadcast(F, w[w2 + k * STRIP]);
      s2a = xa.fma(b, s2a);
      s2b = xb.fma(b, s2b);
      b = FloatVector.broadcast(F, w[w3 + k * STRIP]);
      s3a = xa.fma(b, s3a);
      s3b = xb.fma(b, s3b);
      b = FloatVector.broadcast(F, w[w4 + k * STRIP]);
      s4a = xa.fma(b, s4a);
      s4b = xb.fma(b, s4b);
      b = FloatVector.broadcast(F, w[w5 + k * STRIP]);
      s5a = xa.fma(b, s5a);
      s5b = xb.fma(b, s5b);
      b = FloatVector.broadcast(F, w[w6 + k * STRIP]);
      s6a = xa.fma(b, s6a);
      s6b = xb.fma(b, s6b);
      b = FloatVector.broadcast(F, w[w7 + k * STRIP]);
      s7a = xa.fma(b, s7a);
      s7b = xb.fma(b, s7b);
      b = FloatVector.broadcast(F, w[w8 + k * STRIP]);
      s8a = xa.fma(b, s8a);
      s8b = xb.fma(b, s8b);
      b = FloatVector.broadcast(F, w[w9 + k * STRIP]);
      s9a = xa.fma(b, s9a);
      s9b = xb.fma(b, s9b);
      b = FloatVector.broadcast(F, w[w10 + k * STRIP]);
      s10a = xa.fma(b, s10a);
      s10b = xb.fma(b, s10b);
      b = FloatVector.broadcast(F, w[w11 + k * STRIP]);
      s11a = xa.fma(b, s11a);
      s11b = xb.fma(b, s11b);
    }
    s0a.intoArray(sums, at);
    s0b.intoArray(sums, at + 1 * L);
    s1a.intoArray(sums, at + 2 * L);
    s1b.intoArray(sums, at + 3 * L);
    s2a.intoArray(sums, at + 4 * L);
    s2b.intoArray(sums, at + 5 * L);
    s3a.intoArray(sums, at + 6 * L);
    s3b.intoArray(sums, at + 7 * L);
    s4a.intoArray(sums, at + 8 * L);
    s4b.intoArray(sums, at + 9 * L);
    s5a.intoArray(sums, at + 10 * L);
    s5b.intoArray(sums, at + 11 * L);
    s6a.intoArray(sums, at + 12 * L);
    s6b.intoArray(sums, at + 13 * L);
    s7a.intoArray(sums, at + 14 * L);
    s7b.intoArray(sums, at + 15 * L);
    s8a.intoArray(sums, at + 16 * L);
    s8b.intoArray(sums, at + 17 * L);
    s9a.intoArray(sums, at + 18 * L);
    s9b.intoArray(sums, at + 19 * L);
    s10a.intoArray(sums, at + 20 * L);
    s10b.intoArray(sums, at + 21 * L);
    s11a.intoArray(sums, at + 22 * L);
    s11b.intoArray(sums, at + 23 * L);
  }
}
