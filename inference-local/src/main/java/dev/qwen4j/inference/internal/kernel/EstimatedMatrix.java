package dev.qwen4j.inference.internal.kernel;

import java.util.Set;

/**
 * An output matrix of which a part of each weight's bits gives an estimate of a product, see {@link
 * Estimates}. That part lies in groups of rows, to be read as a whole; what makes an estimate right
 * lies so that few rows can be read.
 */
sealed interface EstimatedMatrix extends Matrix permits SplitMatrix, SketchedRows, SketchedGroups {
  /** Columns under one scale. */
  int BLOCK = 32;

  /** Packs groups of rows; of one worker. */
  @FunctionalInterface
  interface Packer {
    void pack(int group);
  }

  /** Rows that are estimated together. */
  int groupRows();

  default int groups() {
    return Math.ceilDiv(rows(), groupRows());
  }

  /** Bytes that a group's estimates read. */
  long groupBytes();

  /**
   * The address of a row's part of an estimate's standard deviation, a float, as long as the memory
   * is there; neighbours follow. The token's part is {@link OutputForms#spread}.
   */
  long spread(int row);

  /** What a token is to be rounded for. */
  Set<Packing> packings();

  /** Writes down what the kernels need of a token besides its rounded activations. */
  void prepare(Activations a);

  /** Estimates a group's products with a token: {@code out[0 … groupRows)}. */
  void estimate(int group, Activations a, float[] out);

  /** Whether {@link #product} goes on from an estimate, or is the same without. */
  default boolean productsNeedEstimates() {
    return false;
  }

  /** A row's product, of which {@code estimate} is the estimate. */
  float product(int row, Activations a, float estimate, Scratch scratch);

  /**
   * The same of rows {@code from} to {@code to}, whole groups or the matrix's last rows, over their
   * estimates in {@code out[at …]}.
   */
  void products(int from, int to, Activations a, Scratch scratch, float[] out, int at);

  /** What packs the weights that this matrix has the shape of. */
  Packer packer(RawMatrix raw);
}
