package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Writes groups of rows from a checkpoint's blocks (ggml-quants.c) into an {@link EstimatedMatrix},
 * as {@link Packer} does into a packed one.
 */
final class EstimatedPacker {
  private static final int BLOCK = EstimatedMatrix.BLOCK;

  private final RawMatrix raw;
  private final EstimatedMatrix matrix;
  private final int blockShorts;
  private final int rowShorts;

  /** A group's rows as the file has them. */
  private final short[] in;

  private final byte[] group;
  private final byte[] row;

  /** A block's weights, none of them negative, four to an int. */
  private final int[] weights = new int[BLOCK / 4];

  /** Four bits of each of them, four to a short. */
  private final short[] fours = new short[BLOCK / 4];

  EstimatedPacker(RawMatrix raw, EstimatedMatrix matrix) {
    this.raw = raw;
    this.matrix = matrix;
    this.blockShorts = raw.type().blockBytes() / 2;
    this.rowShorts = raw.cols() / BLOCK * blockShorts;
    this.in = new short[matrix.groupRows() * rowShorts];
    this.group = new byte[Math.toIntExact(matrix.groupBytes())];
    this.row = matrix.nibbles().emptyRow();
  }

  void pack(int g) {
    int first = g * matrix.groupRows();
    int rows = Math.min(matrix.groupRows(), raw.rows() - first);
    MemorySegment.copy(raw.data(), SHORT, 2L * first * rowShorts, in, 0, rows * rowShorts);
    if (rows < matrix.groupRows()) {
      Arrays.fill(group, (byte) 0);
    }
    for (int r = 0; r < rows; r++) {
      for (int b = 0; b < raw.cols() / BLOCK; b++) {
        int at = r * rowShorts + b * blockShorts;
        takeWeights(at + 1);
        matrix.putBlock(group, r, b, in[at], weights);
        takeFours();
        NibbleRows.put(row, b, in[at], fours);
      }
      matrix.nibbles().set(first + r, row);
    }
    MemorySegment.copy(group, 0, matrix.data(), JAVA_BYTE, g * matrix.groupBytes(), group.length);
  }

  private void takeWeights(int at) {
    for (int i = 0; i < BLOCK / 4; i++) {
      if (raw.type() == TensorType.Q8_0) {
        weights[i] = two(at + 2 * i) ^ 0x8080_8080; // 128 more than they are
      } else {
        weights[i] = (two(at + i % 4 * 2) >>> (i / 4 * 4)) & 0x0F0F_0F0F;
      }
    }
  }

  private int two(int at) {
    return (in[at] & 0xFFFF) | in[at + 1] << 16;
  }

  private void takeFours() {
    for (int i = 0; i < BLOCK / 4; i++) {
      int nibbles = weights[i] & 0x0F0F_0F0F;
      int bytes = (nibbles | nibbles >>> 4) & 0x00FF_00FF;
      fours[i] = (short) (bytes | bytes >>> 8);
    }
  }
}
