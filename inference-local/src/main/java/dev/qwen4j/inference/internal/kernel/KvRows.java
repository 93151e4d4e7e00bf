package dev.qwen4j.inference.internal.kernel;

import java.nio.ByteBuffer;

/** A page of the keys or the values of one head, position by position: [rows, headDim]. */
sealed interface KvRows {
  static KvRows of(KvType type, int headDim, int rows) {
    return switch (type) {
      case F32 -> new Floats(headDim, new float[rows * headDim]);
      case F16 -> new Halves(headDim, new short[rows * headDim]);
      case Q8_0 -> {
        int blocks = Math.ceilDiv(headDim, KvType.BLOCK);
        yield new Blocks(headDim, new byte[rows * headDim], new short[rows * blocks]);
      }
    };
  }

  /** The same rows, to be written independently. */
  KvRows copy();

  /** Writes {@code x[at … at + headDim)} as the row of a position. */
  void write(int position, float[] x, int at);

  /** Reads {@code count} rows from {@code position} on to {@code out[at …]}: [count, headDim]. */
  void read(int position, int count, float[] out, int at);

  /** Puts the rows of the first {@code count} positions, as they are kept, to {@code out}. */
  void store(int count, ByteBuffer out);

  /** Takes the first {@code count} rows from {@code in}, where {@code stored} of them lie. */
  void load(int stored, int count, ByteBuffer in);

  static void skip(ByteBuffer buffer, long bytes) {
    buffer.position(Math.toIntExact(buffer.position() + bytes));
  }

  // Buffers, which nobody compares.
  @SuppressWarnings("ArrayRecordComponent")
  record Floats(int headDim, float[] values) implements KvRows {
    @Override
    public KvRows copy() {
      return new Floats(headDim, values.clone());
    }

    @Override
    public void write(int position, float[] x, int at) {
      System.arraycopy(x, at, values, position * headDim, headDim);
    }

    @Override
    public void store(int count, ByteBuffer out) {
      out.asFloatBuffer().put(values, 0, count * headDim);
      skip(out, (long) count * headDim * Float.BYTES);
    }

    @Override
    public void load(int stored, int count, ByteBuffer in) {
      in.asFloatBuffer().get(values, 0, count * headDim);
      skip(in, (long) stored * headDim * Float.BYTES);
    }

    @Override
    public void read(int position, int count, float[] out, int at) {
      System.arraycopy(values, position * headDim, out, at, count * headDim);
    }
  }

  /** IEEE half precision bits. */
  // As above.
  @SuppressWarnings("ArrayRecordComponent")
  record Halves(int headDim, short[] values) implements KvRows {
    @Override
    public KvRows copy() {
      return new Halves(headDim, values.clone());
    }

    @Override
    public void write(int position, float[] x, int at) {
      int to = position * headDim;
      for (int i = 0; i < headDim; i++) {
        values[to + i] = Float.floatToFloat16(x[at + i]);
      }
    }

    @Override
    public void store(int count, ByteBuffer out) {
      out.asShortBuffer().put(values, 0, count * headDim);
      skip(out, (long) count * headDim * Short.BYTES);
    }

    @Override
    public void load(int stored, int count, ByteBuffer in) {
      in.asShortBuffer().get(values, 0, count * headDim);
      skip(in, (long) stored * headDim * Short.BYTES);
    }

    @Override
    public void read(int position, int count, float[] out, int at) {
      toFloats(values, position * headDim, count * headDim, out, at);
    }

    // A loop over arguments alone, which C2 turns into vector conversions.
    private static void toFloats(short[] halves, int from, int n, float[] out, int at) {
      for (int i = 0; i < n; i++) {
        out[at + i] = Float.float16ToFloat(halves[from + i]);
      }
    }
  }

  /**
   * Blocks of bytes.
   *
   * @param values [rows, headDim]
   * @param scales [rows, blocks]: IEEE half precision bits
   */
  // As above.
  @SuppressWarnings("ArrayRecordComponent")
  record Blocks(int headDim, byte[] values, short[] scales) implements KvRows {
    private int blocks() {
      return Math.ceilDiv(headDim, KvType.BLOCK);
    }

    @Override
    public KvRows copy() {
      return new Blocks(headDim, values.clone(), scales.clone());
    }

    @Override
    public void write(int position, float[] x, int at) {
      for (int b = 0; b < blocks(); b++) {
        int from = b * KvType.BLOCK;
        int n = Math.min(KvType.BLOCK, headDim - from);
        float most = 0;
        for (int i = 0; i < n; i++) {
          most = Math.max(most, Math.abs(x[at + from + i]));
        }
        short scale = Float.floatToFloat16(most / 127);
        scales[position * blocks() + b] = scale;
        float step = Float.float16ToFloat(scale);
        float inverse = step == 0 ? 0 : 1 / step;
        for (int i = 0; i < n; i++) {
          // The scale has been rounded: down, and the largest element would be 128 of it.
          int rounded = Math.clamp(Math.round(x[at + from + i] * inverse), -127, 127);
          values[position * headDim + from + i] = (byte) rounded;
        }
      }
    }

    @Override
    public void store(int count, ByteBuffer out) {
      out.put(values, 0, count * headDim);
      out.asShortBuffer().put(scales, 0, count * blocks());
      skip(out, (long) count * blocks() * Short.BYTES);
    }

    @Override
    public void load(int stored, int count, ByteBuffer in) {
      in.slice().get(values, 0, count * headDim);
      skip(in, (long) stored * headDim);
      in.asShortBuffer().get(scales, 0, count * blocks());
      skip(in, (long) stored * blocks() * Short.BYTES);
    }

    @Override
    public void read(int position, int count, float[] out, int at) {
      toFloats(values, position * headDim, count * headDim, out, at);
      int scale = position * blocks();
      for (int row = 0; row < count; row++) {
        for (int from = 0; from < headDim; from += KvType.BLOCK) {
          int to = at + row * headDim + Math.min(headDim, from + KvType.BLOCK);
          multiply(out, at + row * headDim + from, to, Float.float16ToFloat(scales[scale++]));
        }
      }
    }

    // Loops over arguments alone, which C2 turns into vectors.
    private static void toFloats(byte[] bytes, int from, int n, float[] out, int at) {
      for (int i = 0; i < n; i++) {
        out[at + i] = bytes[from + i];
      }
    }

    private static void multiply(float[] x, int from, int to, float factor) {
      for (int i = from; i < to; i++) {
        x[i] *= factor;
      }
    }
  }
}
