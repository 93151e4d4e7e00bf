package dev.qwen4j.inference.internal.kernel;

import java.util.Arrays;

/** The keys or the values of one head, position by position: [capacity, headDim]. */
sealed interface KvRows {
  static KvRows of(KvType type, int headDim, int capacity) {
    return switch (type) {
      case F32 -> new Floats(headDim, new float[capacity * headDim]);
      case F16 -> new Halves(headDim, new short[capacity * headDim]);
    };
  }

  /** The same rows with room for more. */
  KvRows grown(int capacity);

  /** Writes {@code x[at … at + headDim)} as the row of a position. */
  void write(int position, float[] x, int at);

  /** Reads the rows of {@code count} positions from {@code position} on: [count, headDim]. */
  void read(int position, int count, float[] out);

  // Buffers, which nobody compares.
  @SuppressWarnings("ArrayRecordComponent")
  record Floats(int headDim, float[] values) implements KvRows {
    @Override
    public KvRows grown(int capacity) {
      return new Floats(headDim, Arrays.copyOf(values, capacity * headDim));
    }

    @Override
    public void write(int position, float[] x, int at) {
      System.arraycopy(x, at, values, position * headDim, headDim);
    }

    @Override
    public void read(int position, int count, float[] out) {
      System.arraycopy(values, position * headDim, out, 0, count * headDim);
    }
  }

  /** IEEE half precision bits. */
  // As above.
  @SuppressWarnings("ArrayRecordComponent")
  record Halves(int headDim, short[] values) implements KvRows {
    @Override
    public KvRows grown(int capacity) {
      return new Halves(headDim, Arrays.copyOf(values, capacity * headDim));
    }

    @Override
    public void write(int position, float[] x, int at) {
      int to = position * headDim;
      for (int i = 0; i < headDim; i++) {
        values[to + i] = Float.floatToFloat16(x[at + i]);
      }
    }

    @Override
    public void read(int position, int count, float[] out) {
      toFloats(values, position * headDim, count * headDim, out);
    }

    // A loop over arguments alone, which C2 turns into vector conversions.
    private static void toFloats(short[] halves, int at, int n, float[] out) {
      for (int i = 0; i < n; i++) {
        out[i] = Float.float16ToFloat(halves[at + i]);
      }
    }
  }
}
