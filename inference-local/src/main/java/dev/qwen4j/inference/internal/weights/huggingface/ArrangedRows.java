package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.ConvertedRows;
import dev.qwen4j.inference.internal.weights.RowSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Matrices made of others' rows and columns. */
final class ArrangedRows {
  private ArrangedRows() {}

  /** Matrices of one width one below the other; where their types differ, as floats. */
  static RowSource stacked(List<RowSource> parts) {
    if (alike(parts)) {
      return new Stacked(parts);
    }
    List<RowSource> floats = parts.stream().map(ArrangedRows::asFloats).toList();
    return new Stacked(
        alike(floats)
            ? floats
            : parts.stream().map(part -> converted(part, TensorType.F32)).toList());
  }

  private static boolean alike(List<RowSource> parts) {
    return parts.stream().allMatch(part -> part.type() == parts.getFirst().type());
  }

  private static RowSource converted(RowSource part, TensorType type) {
    return new ConvertedRows(part, type);
  }

  /**
   * Stretches of rows in another order.
   *
   * @param starts where each begins, and {@code lengths} how many rows it has
   */
  static RowSource gathered(RowSource source, long[] starts, int[] lengths) {
    return new Gathered(source, starts, lengths);
  }

  /**
   * Equal stretches of columns in another order.
   *
   * @param width of a stretch; if it is no whole number of blocks, the result is F32
   * @param order which stretch goes first, second, …
   */
  static RowSource columns(RowSource source, int width, int[] order) {
    boolean whole = width % source.type().blockElements() == 0;
    return new Columns(whole ? source : asFloats(source), width, order);
  }

  private static RowSource asFloats(RowSource source) {
    return switch (source.type()) {
      case F16, F32 -> source;
      default -> converted(source, TensorType.F32);
    };
  }

  private record Stacked(List<RowSource> parts) implements RowSource {
    @Override
    public Stacked lent(Arena loan) {
      return new Stacked(parts.stream().map(part -> part.lent(loan)).toList());
    }

    @Override
    public TensorType type() {
      return parts.getFirst().type();
    }

    @Override
    public long rows() {
      return parts.stream().mapToLong(RowSource::rows).sum();
    }

    @Override
    public int cols() {
      return parts.getFirst().cols();
    }

    @Override
    public void write(long first, int rows, MemorySegment out, long at) {
      long skip = first;
      int left = rows;
      long to = at;
      for (RowSource part : parts) {
        int count = Math.clamp(part.rows() - skip, 0, left);
        if (count > 0) {
          part.write(skip, count, out, to);
          to += count * rowBytes();
          left -= count;
        }
        skip = Math.max(0, skip - part.rows());
      }
    }
  }

  // Nobody compares these, and boxes would only cost.
  @SuppressWarnings("ArrayRecordComponent")
  private record Gathered(RowSource source, long[] starts, int[] lengths) implements RowSource {
    @Override
    public Gathered lent(Arena loan) {
      return new Gathered(source.lent(loan), starts, lengths);
    }

    @Override
    public TensorType type() {
      return source.type();
    }

    @Override
    public long rows() {
      long rows = 0;
      for (int length : lengths) {
        rows += length;
      }
      return rows;
    }

    @Override
    public int cols() {
      return source.cols();
    }

    @Override
    public void write(long first, int rows, MemorySegment out, long at) {
      long skip = first;
      int left = rows;
      long to = at;
      for (int i = 0; i < starts.length; i++) {
        int count = Math.clamp(lengths[i] - skip, 0, left);
        if (count > 0) {
          source.write(starts[i] + skip, count, out, to);
          to += count * rowBytes();
          left -= count;
        }
        skip = Math.max(0, skip - lengths[i]);
      }
    }
  }

  // As above.
  @SuppressWarnings("ArrayRecordComponent")
  private record Columns(RowSource source, int width, int[] order) implements RowSource {
    @Override
    public Columns lent(Arena loan) {
      return new Columns(source.lent(loan), width, order);
    }

    @Override
    public TensorType type() {
      return source.type();
    }

    @Override
    public long rows() {
      return source.rows();
    }

    @Override
    public int cols() {
      return source.cols();
    }

    @Override
    public void write(long first, int rows, MemorySegment out, long at) {
      byte[] raw = new byte[Math.toIntExact(rows * rowBytes())];
      MemorySegment from = MemorySegment.ofArray(raw);
      source.write(first, rows, from, 0);
      long stretch = type().bytes(width);
      for (int r = 0; r < rows; r++) {
        for (int i = 0; i < order.length; i++) {
          long row = r * rowBytes();
          MemorySegment.copy(from, row + order[i] * stretch, out, at + row + i * stretch, stretch);
        }
      }
    }
  }
}
