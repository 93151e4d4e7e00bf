package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A quantised matrix in groups of rows, see {@link Packing}. The last group is filled up with rows
 * of zero scale.
 */
record PackedMatrix(TensorType type, Packing packing, int rows, int cols, MemorySegment data)
    implements Matrix {

  /** What kernels may read beyond a group's last byte. */
  private static final int MARGIN = 64;

  /** A matrix of the shape of {@code raw}, with nothing in it yet. */
  static PackedMatrix allocate(RawMatrix raw, Packing packing, Arena arena) {
    return over(raw, packing, arena.allocate(bytes(raw, packing), 64));
  }

  /** A matrix of the shape of {@code raw} in {@code data}, {@link #bytes} of them. */
  static PackedMatrix over(RawMatrix raw, Packing packing, MemorySegment data) {
    return new PackedMatrix(raw.type(), packing, raw.rows(), raw.cols(), data);
  }

  static long bytes(RawMatrix raw, Packing packing) {
    long groups = Math.ceilDiv(raw.rows(), packing.groupRows());
    return groups * groupBytes(raw.type(), packing, raw.cols()) + MARGIN;
  }

  /** Bytes of the scales of one group. */
  private static long scaleBytes(TensorType type, Packing packing, int cols) {
    long perRow =
        switch (type) {
          case Q4_1, Q5_1 -> cols / 32 * 4L;
          case Q4_K, Q5_K -> cols / 256 * 20L;
          case Q6_K -> cols / 256 * 18L;
          default -> cols / 32 * 2L;
        };
    return perRow * packing.groupRows();
  }

  private static long groupBytes(TensorType type, Packing packing, int cols) {
    int vectors = packing.groupRows() / Lanes.L;
    return scaleBytes(type, packing, cols) + vectors * packing.vectorBytes(cols);
  }

  int groups() {
    return Math.ceilDiv(rows, packing.groupRows());
  }

  long groupBytes() {
    return groupBytes(type, packing, cols);
  }

  /** Where the scales of a group begin, as an offset. */
  long scalesOf(int group) {
    return group * groupBytes();
  }

  /** Where the weights of a group begin, as an offset. */
  long weightsOf(int group) {
    return group * groupBytes() + scaleBytes(type, packing, cols);
  }

  @Override
  public long extraBytes() {
    return data.byteSize();
  }

  @Override
  public void dequantizeRow(int row, float[] out, int offset) {
    int groupRows = packing.groupRows();
    try (Arena arena = Arena.ofConfined()) { // A group fits one strip.
      long panel = arena.allocate(4L * cols * Tiles.STRIP, 64).address();
      PackedPanels.unpack(this, row / groupRows, 0, cols, new Scratch(), panel, 0);
      for (int k = 0; k < cols; k++) {
        out[offset + k] = ALL.get(FLOAT, panel + 4L * (k * Tiles.STRIP + row % groupRows));
      }
    }
  }
}
