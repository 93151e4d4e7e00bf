package dev.qwen4j.inference.internal.kernel;

import java.util.Optional;

/**
 * GGML tensor types: the id in a GGUF file, and the size of a block; and {@link #E4M3}, which only
 * HuggingFace's folders have.
 */
public enum TensorType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  IQ2_XXS(16, 256, 66),
  IQ2_XS(17, 256, 74),
  IQ3_XXS(18, 256, 98),
  IQ1_S(19, 256, 50),
  IQ4_NL(20, 32, 18),
  IQ3_S(21, 256, 110),
  IQ2_S(22, 256, 82),
  IQ4_XS(23, 256, 136),
  IQ1_M(29, 256, 56),
  BF16(30, 1, 2),
  TQ1_0(34, 256, 54),
  TQ2_0(35, 256, 66),
  MXFP4(39, 32, 17),
  /** A float32 factor, and 32 floats of 8 bits: a sign, 4 bits of exponent, 3 of mantissa. */
  E4M3(-1, 32, 36);

  private final int id;
  private final int blockElements;
  private final int blockBytes;

  TensorType(int id, int blockElements, int blockBytes) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
  }

  /** The type with this id in a GGUF file, or empty if this engine does not know it. */
  public static Optional<TensorType> byId(int id) {
    for (TensorType type : values()) {
      if (type.id == id && type.inGguf()) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  /** Whether a GGUF file can have it. */
  public boolean inGguf() {
    return id >= 0;
  }

  public int id() {
    return id;
  }

  public int blockElements() {
    return blockElements;
  }

  public int blockBytes() {
    return blockBytes;
  }

  /** Bytes of {@code elements} elements in whole blocks. */
  public long bytes(long elements) {
    return elements / blockElements * blockBytes;
  }
}
