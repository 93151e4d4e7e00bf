package dev.qwen4j.inference.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;

/**
 * Four tokens' rounded activations as {@link PackedFours} reads them: the four tokens' pairs next
 * to each other, and the numbers of their blocks likewise. The buffers are reused from call to
 * call.
 */
final class FourTokens {
  static final int COUNT = 4;

  private final Activations[] tokens = new Activations[COUNT];
  private int cols;

  /** {@link Activations#pairs}, {@link Activations#fours}, {@link Activations#fives}, [pair, 4]. */
  private MemorySegment pairs = MemorySegment.NULL;

  /** Scales, [block of 16, 4], then [block of 32, 4]. */
  private MemorySegment factors = MemorySegment.NULL;

  /** What sums start from, as pairs, [block, 4], of each packing after the other. */
  private MemorySegment starts = MemorySegment.NULL;

  /** Makes room for tokens of so many activations. */
  void reserve(int cols) {
    if (pairs.byteSize() < 3 * pairBytes(cols)) {
      pairs = Arena.ofAuto().allocate(3 * pairBytes(cols), 64);
      factors = Arena.ofAuto().allocate(cols / 16 * 6L * COUNT, 64);
      starts = Arena.ofAuto().allocate(3 * startBytes(cols), 64);
    }
    this.cols = cols;
  }

  /** Takes a token that has been rounded for the given packings; different ones in parallel. */
  void set(int t, Activations a, Set<Packing> packings) {
    tokens[t] = a;
    if (packings.contains(Packing.BYTES)) {
      put(a.pairs, cols / 2, 1, pairs, 0, t);
    }
    if (packings.contains(Packing.NIBBLES)) {
      put(a.fours, cols / 2, 1, pairs, pairBytes(cols), t);
      put(a.halves, cols / 32, -8, starts, startsOf(Packing.NIBBLES), t);
    }
    if (packings.contains(Packing.FIVES)) {
      put(a.fives, cols / 2, 1, pairs, 2 * pairBytes(cols), t);
      put(a.halves, cols / 32, -16, starts, startsOf(Packing.FIVES), t);
    }
    if (packings.contains(Packing.SIXES)) {
      put(a.pairs, cols / 2, 1, pairs, 0, t);
      put(a.halves16, cols / 16, -32, starts, startsOf(Packing.SIXES), t);
    }
    for (int b = 0; b < cols / 16; b++) {
      factors.setAtIndex(JAVA_FLOAT, b * COUNT + t, a.scale16[b]);
    }
    for (int b = 0; b < cols / 32; b++) {
      factors.setAtIndex(JAVA_FLOAT, (cols / 16 + b) * COUNT + t, a.scale[b]);
    }
  }

  private static long pairBytes(int cols) {
    return cols / 2 * 4L * COUNT;
  }

  private static long startBytes(int cols) {
    return cols / 16 * 4L * COUNT;
  }

  private long startsOf(Packing packing) {
    return switch (packing) {
      case BYTES, NIBBLES -> 0; // bytes start from nothing
      case FIVES -> startBytes(cols);
      case SIXES -> 2 * startBytes(cols);
    };
  }

  /** Pairs times a number, each half by itself. */
  private static void put(int[] pairs, int n, int times, MemorySegment out, long at, int t) {
    for (int i = 0; i < n; i++) {
      int low = ((short) pairs[i] * times) & 0xFFFF;
      int high = ((pairs[i] >> 16) * times) << 16;
      out.set(JAVA_INT, at + 4L * (i * COUNT + t), low | high);
    }
  }

  Activations get(int token) {
    return tokens[token];
  }

  /** The address of the pairs that a packing is multiplied with, [pair, 4]. */
  long pairs(Packing packing) {
    int form =
        switch (packing) {
          case BYTES, SIXES -> 0;
          case NIBBLES -> 1;
          case FIVES -> 2;
        };
    return pairs.address() + form * pairBytes(cols);
  }

  /** The address of the scales of a packing's blocks, [block, 4]. */
  long factors(Packing packing) {
    return factors.address() + (packing == Packing.SIXES ? 0 : cols / 16 * 4L * COUNT);
  }

  /** The address of the pairs that the sums of a packing's blocks start from, [block, 4]. */
  long starts(Packing packing) {
    return starts.address() + startsOf(packing);
  }
}
