package dev.qwen4j.inference.internal.weights;

import java.util.Locale;
import java.util.Optional;

/** GGUF metadata value types, in the order of their ids. */
enum ValueType {
  UINT8(1),
  INT8(1),
  UINT16(2),
  INT16(2),
  UINT32(4),
  INT32(4),
  FLOAT32(4),
  BOOL(1),
  STRING(-1),
  ARRAY(-1),
  UINT64(8),
  INT64(8),
  FLOAT64(8);

  private final int bytes;

  ValueType(int bytes) {
    this.bytes = bytes;
  }

  static Optional<ValueType> byId(long id) {
    ValueType[] all = values();
    return id >= 0 && id < all.length ? Optional.of(all[(int) id]) : Optional.empty();
  }

  /** Bytes of one value, or −1 when each value has its own length. */
  int bytes() {
    return bytes;
  }

  /** The fewest bytes that one value takes in a file. */
  int leastBytes() {
    return switch (this) {
      case STRING -> 8;
      case ARRAY -> 12;
      default -> bytes;
    };
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
