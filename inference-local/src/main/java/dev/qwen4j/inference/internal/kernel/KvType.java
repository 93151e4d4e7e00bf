package dev.qwen4j.inference.internal.kernel;

/** How the keys and values of attention are kept between tokens. */
public enum KvType {
  /** As they were computed: for comparing engines, since nothing is rounded. */
  F32,
  /** Half precision. */
  F16;

  /** Bytes of one head's key or value at one position. */
  public long bytes(int headDim) {
    return switch (this) {
      case F32 -> (long) headDim * Float.BYTES;
      case F16 -> (long) headDim * Short.BYTES;
    };
  }
}
