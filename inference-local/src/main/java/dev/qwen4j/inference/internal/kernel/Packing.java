package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.L;

import org.jspecify.annotations.Nullable;

/**
 * How quantised weights lie in memory once they are packed for this machine's vectors.
 *
 * <p>Why pack: the files' layouts put a row's neighbours into a vector, whose sum then has to be
 * gathered across lanes block by block. Here a lane is a row, and a group of rows lies in memory as
 * {@link PackedDots} reads it, word by word: of each word all vectors of rows, and behind a block
 * its scales, so that a processor sees one stream and fetches ahead. The K types have scales for
 * 256 columns: those come first, then the blocks of these columns.
 *
 * <p>A vector of 32-bit lanes holds, for {@link Lanes#L} rows, two neighbouring weights each, one
 * in either 16-bit half; a <em>pair</em> below. Their products with a broadcast pair of 8-bit
 * activations are summed in 16 bits as long as the weights' bits allow, then in 32. Most packings
 * give a group three vectors of rows, so that a broadcast serves all of them.
 *
 * <p>No packing is more than a tenth larger than the file's layout.
 */
enum Packing {
  /** 8 signed bits: a vector of bytes per pair. */
  BYTES(32, 3, 32),

  /** 4 bits: four words to a block; a word is four pairs, the first in the lowest bits. */
  NIBBLES(32, 3, 16),

  /** 5 bits: the sixteenth pairs of a block as bytes, then five words of three pairs each. */
  FIVES(32, 3, 22),

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

  /** Bytes of the weights of a block of a group. */
  long blockBytes() {
    return (long) vectors * bytesPerLane * L;
  }

  /** Columns whose weights and scales lie together. */
  static int unit(TensorType type) {
    return switch (type) {
      case Q4_K, Q5_K, Q6_K -> 256;
      default -> 32;
    };
  }

  /** Bytes of the scales of a unit of one row. */
  static long scaleBytes(TensorType type) {
    return switch (type) {
      case Q4_1, Q5_1 -> 4;
      case Q4_K, Q5_K -> 20;
      case Q6_K -> 18;
      default -> 2;
    };
  }
}
