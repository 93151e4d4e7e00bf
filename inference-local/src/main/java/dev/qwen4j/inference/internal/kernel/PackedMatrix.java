package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * A quantised matrix in groups of rows, see {@link Packing}. The last group is filled up with rows
 * of zero scale.
 */
record PackedMatrix(TensorType type, Packing packing, int rows, int cols, MemorySegment data)
    implements Matrix {

  /** What kernels may read beyond a group's last byte. */
  private static final int MARGIN = 64;

  static long bytes(TensorType type, Packing packing, int rows, int cols) {
    long groups = Math.ceilDiv(rows, packing.groupRows());
    return groups * (scaleBytes(type, packing, cols) + weightBytes(packing, cols)) + MARGIN;
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

  private static long weightBytes(Packing packing, int cols) {
    return (long) cols / packing.block() * packing.blockBytes();
  }

  int groups() {
    return Math.ceilDiv(rows, packing.groupRows());
  }

  long groupBytes() {
    return scaleBytes(type, packing, cols) + weightBytes(packing, cols);
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
    float[] panel = new float[cols * groupRows];
    PackedPanels.unpack(this, row / groupRows, 0, cols, new Scratch(), panel, 0, groupRows);
    for (int k = 0; k < cols; k++) {
      out[offset + k] = panel[k * groupRows + row % groupRows];
    }
  }
}
