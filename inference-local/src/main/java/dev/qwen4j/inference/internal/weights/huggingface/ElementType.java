package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.kernel.TensorType;
import java.util.Optional;
import java.util.stream.Stream;

/** What a safetensors file says of a tensor's elements, by their names in the file. */
enum ElementType {
  BOOL(1),
  U8(1),
  I8(1),
  F8_E5M2(1),
  F8_E4M3(1),
  F8_E8M0(1),
  I16(2),
  U16(2),
  F16(2),
  BF16(2),
  I32(4),
  U32(4),
  F32(4),
  I64(8),
  U64(8),
  F64(8);

  private final int bytes;

  ElementType(int bytes) {
    this.bytes = bytes;
  }

  static Optional<ElementType> named(String name) {
    return Stream.of(values()).filter(type -> type.name().equals(name)).findFirst();
  }

  int bytes() {
    return bytes;
  }

  /** The same as a type that kernels multiply. */
  Optional<TensorType> tensorType() {
    return switch (this) {
      case F32 -> Optional.of(TensorType.F32);
      case F16 -> Optional.of(TensorType.F16);
      case BF16 -> Optional.of(TensorType.BF16);
      default -> Optional.empty();
    };
  }
}
