package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * An output matrix of which a part of each weight's bits gives an estimate of a product, see {@link
 * Estimates}. That part lies in groups of rows, to be read as a whole; what makes an estimate right
 * lies row by row, to be read of few.
 */
sealed interface EstimatedMatrix extends Matrix permits SplitMatrix, SketchMatrix {
  /** Columns under one scale. */
  int BLOCK = 32;

  /** Bytes of a matrix of the shape of {@code raw}. */
  static long bytes(RawMatrix raw) {
    return raw.type() == TensorType.Q8_0 ? SplitMatrix.bytes(raw) : SketchMatrix.bytes(raw);
  }

  /** A matrix of the shape of {@code raw} in {@code data}, {@link #bytes} of them. */
  static EstimatedMatrix of(RawMatrix raw, MemorySegment data) {
    return raw.type() == TensorType.Q8_0 ? new SplitMatrix(raw, data) : new SketchMatrix(raw, data);
  }

  /** Bytes of a block that estimates do without: half the bits of its weights. */
  static int unreadBytes(TensorType type) {
    return type == TensorType.Q8_0 ? BLOCK / 2 : BLOCK / 4;
  }

  /** Rows that are estimated together. */
  int groupRows();

  default int groups() {
    return Math.ceilDiv(rows(), groupRows());
  }

  /** Bytes that a group's estimates read. */
  long groupBytes();

  /** All of it. */
  MemorySegment data();

  /** The rows' bits that estimates do without, or all bits. */
  NibbleRows nibbles();

  /** Writes down what the kernels need of a token besides its rounded activations. */
  void prepare(Activations a);

  /** Estimates a group's products with a token: {@code out[0 … groupRows)}. */
  void estimate(int group, Activations a, float[] out);

  /** Whether {@link #product} goes on from an estimate, or is the same without. */
  boolean productsNeedEstimates();

  /** A row's product, of which {@code estimate} is the estimate. */
  float product(int row, Activations a, float estimate, Scratch scratch);

  /** The same of {@link NibbleRows#TOGETHER} neighbours, over their estimates in {@code out}. */
  void products(int row, Activations a, Scratch scratch, float[] out, int at);

  /**
   * Packs a block of 32 columns for the estimates.
   *
   * @param out a group's bytes
   * @param row in the group
   * @param weights as the file has them, none of them negative: four to an int, eight ints
   */
  void putBlock(byte[] out, int row, int block, short scale, int[] weights);
}
