package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

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
  private final int unitBlocks;
  private final long unitBytes;
  private final long firstBlock;
  private final long groupBytes;
  private @Nullable Scratch scratch; // Of rows that are read one by one, as embeddings are.

  /** A matrix of the shape of {@code shape} in {@code data}, {@link #bytes} of them. */
  PackedMatrix(RawMatrix shape, Packing packing, MemorySegment data) {
    this.type = shape.type();
    this.packing = packing;
    this.rows = shape.rows();
    this.cols = shape.cols();
    this.data = data;
    this.address = data.address();
    this.unitBlocks = Packing.unit(type) / packing.block();
    this.unitBytes = unitBytes(type, packing);
    this.firstBlock = unitBlocks > 1 ? unitBytes - unitBlocks * packing.blockBytes() : 0;
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

  private static long unitBytes(TensorType type, Packing packing) {
    int blocks = Packing.unit(type) / packing.block();
    return packing.groupRows() * Packing.scaleBytes(type) + blocks * packing.blockBytes();
  }

  private static long groupBytes(TensorType type, Packing packing, int cols) {
    return cols / Packing.unit(type) * unitBytes(type, packing);
  }

  int groups() {
    return Math.ceilDiv(rows, packing.groupRows());
  }

  long groupBytes() {
    return groupBytes;
  }

  long unitBytes() {
    return unitBytes;
  }

  /** Bytes from a block to the next one of the same 256 columns. */
  long blockStep() {
    return unitBlocks > 1 ? packing.blockBytes() : unitBytes;
  }

  /** Where a block's weights begin in its group. */
  long blockAt(int block) {
    return block / unitBlocks * unitBytes + firstBlock + block % unitBlocks * packing.blockBytes();
  }

  /** The address of a block's weights, as long as the memory is there. */
  long weightsOf(int group, int block) {
    return address + group * groupBytes + blockAt(block);
  }

  /** The address of a block's scales, or of those of its unit, as long as the memory is there. */
  long scalesOf(int group, int block) {
    return unitBlocks > 1
        ? address + group * groupBytes + block / unitBlocks * unitBytes
        : weightsOf(group, block) + packing.blockBytes();
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
  public synchronized void dequantizeRow(int row, float[] out, int offset) {
    if (scratch == null) {
      scratch = new Scratch();
    }
    int groupRows = packing.groupRows(); // A group fits one strip.
    long panel = scratch.panel.address((long) cols * Tiles.STRIP);
    PackedPanels.unpack(this, row / groupRows, 0, cols, scratch, panel, 0);
    for (int k = 0; k < cols; k++) {
      long at = panel + 4L * (k * Tiles.STRIP + row % groupRows);
      out[offset + k] = ALL.get(FLOAT, at & Memory.MASK);
    }
  }
}
