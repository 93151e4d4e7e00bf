package dev.qwen4j.inference.internal.weights;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** GGUF metadata value types, with their ids in a file. */
enum ValueType {
  UINT8(0, 1),
  INT8(1, 1),
  UINT16(2, 2),
  INT16(3, 2),
  UINT32(4, 4),
  INT32(5, 4),
  FLOAT32(6, 4),
  BOOL(7, 1),
  STRING(8, -1),
  ARRAY(9, -1),
  UINT64(10, 8),
  INT64(11, 8),
  FLOAT64(12, 8);

  private final int id;
  private final int bytes;

  ValueType(int id, int bytes) {
    this.id = id;
    this.bytes = bytes;
  }

  static Optional<ValueType> byId(long id) {
    return Stream.of(values()).filter(type -> type.id == id).findFirst();
  }

  int id() {
    return id;
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
