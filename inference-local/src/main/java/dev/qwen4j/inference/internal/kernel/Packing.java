package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.L;

import org.jspecify.annotations.Nullable;

/**
 * How quantised weights lie in memory once they are packed for this machine's vectors.
 *
 * <p>Why pack: the files' layouts put a row's neighbours into a vector, whose sum then has to be
 * gathered across lanes block by block, and they have to be walked in several streams, which
 * hardware prefetchers do not follow. Here a lane is a row. A group of rows is one stream of bytes:
 * first all its scales, then its weights, block by block.
 *
 * <p>A vector of 32-bit lanes holds, for {@link Lanes#L} rows, two neighbouring weights each, one
 * in either 16-bit half; a <em>pair</em> below. Their products with a broadcast pair of 8-bit
 * activations are summed in 16 bits as long as the weights' bits allow, then in 32. Most packings
 * give a group three vectors of rows, so that a broadcast serves all of them.
 *
 * <p>No packing is more than a tenth larger than the file's layout.
 */
enum Packing {
  /** 8 signed bits: per pair three vectors of bytes, one for each third of the rows. */
  BYTES(32, 3, 96),

  /**
   * 4 bits: of each third of the rows, four words to a block; a word is four pairs, the first in
   * the lowest bits.
   */
  NIBBLES(32, 3, 48),

  /**
   * 5 bits: of each third of the rows, five words of three pairs; then the sixteenth pair of all
   * rows as bytes.
   */
  FIVES(32, 3, 66),

  /**
   * 6 bits, in blocks of 16: three words with two pairs each in the low 12 bits; of the other two
   * pairs, the low four bits on top of the first two words and the high two on top of the third.
   */
  SIXES(16, 1, 12);

  private final int block;
  private final int vectors;
  private final int bytesPerLane;

  Packing(int block, int vectors, int bytesPerLane) {
    this.block = block;
    this.vectors = vectors;
    this.bytesPerLane = bytesPerLane;
  }

  /** The packing of a type's weights; null for types that are multiplied as they lie. */
  static @Nullable Packing of(TensorType type) {
    return switch (type) {
      case Q8_0 -> BYTES;
      case Q4_0, Q4_1, Q4_K -> NIBBLES;
      case Q5_0, Q5_1, Q5_K -> FIVES;
      case Q6_K -> SIXES;
      default -> null;
    };
  }

  /** Weights of a row under one scale. */
  int block() {
    return block;
  }

  /** Rows of a group. */
  int groupRows() {
    return vectors * L;
  }

  /** Bytes of one block of all rows of a group. */
  int blockBytes() {
    return bytesPerLane * L;
  }
}
