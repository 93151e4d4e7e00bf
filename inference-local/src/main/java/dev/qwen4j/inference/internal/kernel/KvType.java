package dev.qwen4j.inference.internal.kernel;

/** How the keys and values of attention are kept between tokens. */
public enum KvType {
  /** As they were computed: for comparing engines, since nothing is rounded. */
  F32,
  /** Half precision. */
  F16,
  /**
   * Blocks of 32 elements of a byte each, with a scale in half precision, as ggml's type of this
   * name; a head's last block may be shorter. About half of F16.
   */
  Q8_0;

  /** Elements that share a scale in {@link #Q8_0}. */
  static final int BLOCK = 32;

  /** Bytes of one head's key or value at one position. */
  public long bytes(int headDim) {
    return switch (this) {
      case F32 -> (long) headDim * Float.BYTES;
      case F16 -> (long) headDim * Short.BYTES;
      case Q8_0 -> headDim + (long) Math.ceilDiv(headDim, BLOCK) * Short.BYTES;
    };
  }
}
