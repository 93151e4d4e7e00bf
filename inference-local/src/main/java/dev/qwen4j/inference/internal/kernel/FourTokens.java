package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Four tokens' rounded activations as {@link PackedFours} reads them: every pair as a whole vector,
 * the four tokens' next to each other, and the numbers of their blocks likewise. The buffers are
 * reused from call to call.
 */
final class FourTokens {
  static final int COUNT = 4;

  private final Activations[] tokens = new Activations[COUNT];
  private int cols;

  /** Vectors of pairs, of {@link Activations#fours} and of {@link Activations#fives}, [pair, 4]. */
  private MemorySegment splats = MemorySegment.NULL;

  /** Scales, [block of 16, 4], then [block of 32, 4]. */
  private MemorySegment factors = MemorySegment.NULL;

  /** Vectors of what sums start from, [block, 4], of each packing after the other. */
  private MemorySegment starts = MemorySegment.NULL;

  /** Makes room for tokens of so many activations. */
  void reserve(int cols) {
    if (splats.byteSize() < 3 * splatBytes(cols)) {
      splats = Arena.ofAuto().allocate(3 * splatBytes(cols), 64);
      factors = Arena.ofAuto().allocate(cols / 16 * 6L * COUNT, 64);
      starts = Arena.ofAuto().allocate(3 * startBytes(cols), 64);
    }
    this.cols = cols;
  }

  /** Takes a token that has been rounded for the given packings; different ones in parallel. */
  void set(int t, Activations a, Set<Packing> packings) {
    tokens[t] = a;
    if (packings.contains(Packing.BYTES)) {
      splat(a.pairs, cols / 2, 1, splats, 0, t);
    }
    if (packings.contains(Packing.NIBBLES)) {
      splat(a.fours, cols / 2, 1, splats, splatBytes(cols), t);
      splat(a.halves, cols / 32, -8, starts, startsOf(Packing.NIBBLES), t);
    }
    if (packings.contains(Packing.FIVES)) {
      splat(a.fives, cols / 2, 1, splats, 2 * splatBytes(cols), t);
      splat(a.halves, cols / 32, -16, starts, startsOf(Packing.FIVES), t);
    }
    if (packings.contains(Packing.SIXES)) {
      splat(a.pairs, cols / 2, 1, splats, 0, t);
      splat(a.halves16, cols / 16, -32, starts, startsOf(Packing.SIXES), t);
    }
    for (int b = 0; b < cols / 16; b++) {
      factors.setAtIndex(JAVA_FLOAT, b * COUNT + t, a.scale16[b]);
    }
    for (int b = 0; b < cols / 32; b++) {
      factors.setAtIndex(JAVA_FLOAT, (cols / 16 + b) * COUNT + t, a.scale[b]);
    }
  }

  private static long splatBytes(int cols) {
    return cols / 2 * 4L * L * COUNT;
  }

  private static long startBytes(int cols) {
    return cols / 16 * 4L * L * COUNT;
  }

  private long startsOf(Packing packing) {
    return switch (packing) {
      case BYTES, NIBBLES -> 0; // bytes start from nothing
      case FIVES -> startBytes(cols);
      case SIXES -> 2 * startBytes(cols);
    };
  }

  /** Vectors of pairs times a number, each in its 16 bits. */
  private static void splat(int[] pairs, int n, int times, MemorySegment out, long at, int t) {
    for (int i = 0; i < n; i++) {
      ShortVector pair = IntVector.broadcast(I, pairs[i]).reinterpretAsShorts();
      long to = at + (i * COUNT + t) * 4L * L;
      pair.mul((short) times).reinterpretAsInts().intoMemorySegment(out, to, LE);
    }
  }

  Activations get(int token) {
    return tokens[token];
  }

  /** The address of the vectors that a packing is multiplied with. */
  long splats(Packing packing) {
    int form =
        switch (packing) {
          case BYTES, SIXES -> 0;
          case NIBBLES -> 1;
          case FIVES -> 2;
        };
    return splats.address() + form * splatBytes(cols);
  }

  /** The address of the scales of a packing's blocks, [block, 4]. */
  long factors(Packing packing) {
    return factors.address() + (packing == Packing.SIXES ? 0 : cols / 16 * 4L * COUNT);
  }

  /** The address of the vectors that the sums of a packing's blocks start from, [block, 4]. */
  long starts(Packing packing) {
    return starts.address() + startsOf(packing);
  }
}
