package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A quantised matrix in groups of rows, see {@link Packing}. The last group is filled up with rows
 * of zero scale.
 */
final class PackedMatrix implements Matrix {
  /** What kernels may read beyond a group's last byte. */
  private static final int MARGIN = 64;

  private final TensorType type;
  private final Packing packing;
  private final int rows;
  private final int cols;
  private final MemorySegment data;
  // Kernels ask a number for it, not the memory, whose class differs: C2 would bet on one of them.
  private final long address;
  private final long scaleBytes;
  private final long groupBytes;

  /** A matrix of the shape of {@code shape} in {@code data}, {@link #bytes} of them. */
  PackedMatrix(RawMatrix shape, Packing packing, MemorySegment data) {
    this.type = shape.type();
    this.packing = packing;
    this.rows = shape.rows();
    this.cols = shape.cols();
    this.data = data;
    this.address = data.address();
    this.scaleBytes = scaleBytes(type, packing, cols);
    this.groupBytes = groupBytes(type, packing, cols);
  }

  /** A matrix of the shape of {@code raw}, with nothing in it yet. */
  static PackedMatrix allocate(RawMatrix raw, Packing packing, Arena arena) {
    return new PackedMatrix(raw, packing, arena.allocate(bytes(raw, packing), 64));
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
    return groupBytes;
  }

  /** The address of a group, which is that of its scales, as long as the memory is there. */
  long scalesOf(int group) {
    return address + group * groupBytes;
  }

  /** The address of a group's weights, as long as the memory is there. */
  long weightsOf(int group) {
    return address + group * groupBytes + scaleBytes;
  }

  TensorType type() {
    return type;
  }

  Packing packing() {
    return packing;
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int cols() {
    return cols;
  }

  MemorySegment data() {
    return data;
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
