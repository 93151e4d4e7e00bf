package dev.qwen4j.inference.internal.weights;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.qwen4j.inference.BadCheckpointException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The key–value part of a GGUF file, by type. Values stay in the mapped file until they are asked
 * for. A key that is missing or of another type is a {@link BadCheckpointException} which says so.
 */
public final class Metadata {
  /**
   * Where a value lies.
   *
   * @param elements the element type of an array, otherwise null
   * @param count the number of elements of an array, otherwise 1
   * @param offset of the value's first byte in the file
   */
  record Field(ValueType type, @Nullable ValueType elements, long count, long offset) {}

  /** A field, and where its whole entry lies, from the key's length on. */
  private record Entry(Field field, long start, long end) {}

  private final Path file;
  private final MemorySegment bytes;
  private final Map<String, Entry> entries;

  private Metadata(Path file, MemorySegment bytes, Map<String, Entry> entries) {
    this.file = file;
    this.bytes = bytes;
    this.entries = Collections.unmodifiableMap(entries);
  }

  /** Reads {@code count} entries where {@code in} stands, checking all of them. */
  static Metadata read(Path file, MemorySegment bytes, GgufReader in, long count) {
    Map<String, Entry> entries = new LinkedHashMap<>();
    for (long i = 0; i < count; i++) {
      long start = in.position();
      String key = in.readName("metadata key " + (i + 1));
      Field field = in.readField(key);
      if (entries.put(key, new Entry(field, start, in.position())) != null) {
        throw in.bad(
            "damaged: metadata %s appears twice; download it again"
                .formatted(GgufReader.shown(key)));
      }
    }
    return new Metadata(file, bytes, entries);
  }

  public boolean has(String key) {
    return entries.containsKey(key);
  }

  public Set<String> keys() {
    return entries.keySet();
  }

  /** A value for a reader: as text, and of a long array only what it is made of. */
  public String shown(String key) {
    Field field = field(key);
    if (field == null) {
      throw missing(key, "a value");
    }
    return switch (field.type()) {
      case STRING -> stringAt(field.offset());
      case BOOL -> String.valueOf(bytes.get(ValueLayout.JAVA_BYTE, field.offset()) != 0);
      case FLOAT32 ->
          String.valueOf(Float.intBitsToFloat(bytes.get(GgufReader.INT, field.offset())));
      case FLOAT64 ->
          String.valueOf(Double.longBitsToDouble(bytes.get(GgufReader.LONG, field.offset())));
      case ARRAY -> shownArray(field);
      default -> String.valueOf(integerAt(key, field, field.type(), field.offset()));
    };
  }

  private String shownArray(Field field) {
    ValueType elements = field.elements();
    String label = elements == null ? "value" : elements.label();
    return "%d x %s".formatted(field.count(), label);
  }

  /** A key and its value as the file has them, byte for byte. */
  byte[] entry(String key) {
    Entry entry = entries.get(key);
    if (entry == null) {
      throw missing(key, "a value");
    }
    return bytes.asSlice(entry.start, entry.end - entry.start).toArray(ValueLayout.JAVA_BYTE);
  }

  /** Sixteen hexadecimal digits that stand for the entries of some keys, of those there are. */
  public String digest(List<String> keys) {
    CRC32 one = new CRC32();
    CRC32C other = new CRC32C(); // two of 32 bits, which the JVM has in machine code from the start
    for (String key : keys) {
      Entry entry = entries.get(key);
      if (entry != null) {
        ByteBuffer value = bytes.asSlice(entry.start, entry.end - entry.start).asByteBuffer();
        one.update(value.duplicate());
        other.update(value);
      }
    }
    return "%08x%08x".formatted(one.getValue(), other.getValue());
  }

  private @Nullable Field field(String key) {
    Entry entry = entries.get(key);
    return entry == null ? null : entry.field;
  }

  public String string(String key) {
    return optionalString(key).orElseThrow(() -> missing(key, "a string"));
  }

  public Optional<String> optionalString(String key) {
    Field field = field(key);
    if (field == null) {
      return Optional.empty();
    }
    if (field.type() != ValueType.STRING) {
      throw mistyped(key, field, "a string");
    }
    return Optional.of(stringAt(field.offset()));
  }

  public int integer(String key) {
    return optionalInteger(key).orElseThrow(() -> missing(key, "an integer"));
  }

  /** An integer of any width whose value fits an int. */
  public OptionalInt optionalInteger(String key) {
    Field field = field(key);
    if (field == null) {
      return OptionalInt.empty();
    }
    return OptionalInt.of(toInt(key, integerAt(key, field, field.type(), field.offset())));
  }

  public double number(String key) {
    return optionalNumber(key).orElseThrow(() -> missing(key, "a number"));
  }

  /** A floating-point number or an integer. */
  public OptionalDouble optionalNumber(String key) {
    Field field = field(key);
    if (field == null) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(
        switch (field.type()) {
          case FLOAT32 -> Float.intBitsToFloat(bytes.get(GgufReader.INT, field.offset()));
          case FLOAT64 -> Double.longBitsToDouble(bytes.get(GgufReader.LONG, field.offset()));
          default -> (double) integerAt(key, field, field.type(), field.offset());
        });
  }

  public Optional<Boolean> optionalFlag(String key) {
    Field field = field(key);
    if (field == null) {
      return Optional.empty();
    }
    if (field.type() != ValueType.BOOL) {
      throw mistyped(key, field, "a boolean");
    }
    return Optional.of(bytes.get(ValueLayout.JAVA_BYTE, field.offset()) != 0);
  }

  public List<String> strings(String key) {
    Field field = array(key, "an array of strings");
    if (field.elements() != ValueType.STRING) {
      throw mistyped(key, field, "an array of strings");
    }
    int count = toInt(key, field.count());
    List<String> strings = new ArrayList<>(count);
    long offset = field.offset();
    for (int i = 0; i < count; i++) {
      strings.add(stringAt(offset));
      offset += 8 + bytes.get(GgufReader.LONG, offset);
    }
    return strings;
  }

  public int[] integers(String key) {
    Field field = array(key, "an array of integers");
    ValueType elements = field.elements();
    if (elements == null || elements.bytes() < 0) {
      throw mistyped(key, field, "an array of integers");
    }
    int[] integers = new int[toInt(key, field.count())];
    for (int i = 0; i < integers.length; i++) {
      long offset = field.offset() + (long) i * elements.bytes();
      integers[i] = toInt(key, integerAt(key, field, elements, offset));
    }
    return integers;
  }

  /** An array of booleans, or of integers of which all but 0 mean true. */
  public List<Boolean> flags(String key) {
    Field field = array(key, "an array of booleans");
    ValueType elements = field.elements();
    if (elements == null || elements.bytes() < 0) {
      throw mistyped(key, field, "an array of booleans");
    }
    int count = toInt(key, field.count());
    List<Boolean> flags = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      long offset = field.offset() + (long) i * elements.bytes();
      flags.add(
          elements == ValueType.BOOL
              ? bytes.get(ValueLayout.JAVA_BYTE, offset) != 0
              : integerAt(key, field, elements, offset) != 0);
    }
    return flags;
  }

  private Field array(String key, String expected) {
    Field field = field(key);
    if (field == null) {
      throw missing(key, expected);
    }
    return field;
  }

  private String stringAt(long offset) {
    long length = bytes.get(GgufReader.LONG, offset);
    return new String(bytes.asSlice(offset + 8, length).toArray(ValueLayout.JAVA_BYTE), UTF_8);
  }

  private long integerAt(String key, Field field, ValueType type, long offset) {
    return switch (type) {
      case UINT8 -> bytes.get(ValueLayout.JAVA_BYTE, offset) & 0xFFL;
      case INT8 -> bytes.get(ValueLayout.JAVA_BYTE, offset);
      case UINT16 -> bytes.get(GgufReader.SHORT, offset) & 0xFFFFL;
      case INT16 -> bytes.get(GgufReader.SHORT, offset);
      case UINT32 -> bytes.get(GgufReader.INT, offset) & 0xFFFF_FFFFL;
      case INT32 -> bytes.get(GgufReader.INT, offset);
      case UINT64, INT64 -> bytes.get(GgufReader.LONG, offset);
      case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> throw mistyped(key, field, "an integer");
    };
  }

  private int toInt(String key, long value) {
    if (value != (int) value) {
      throw new BadCheckpointException(
          "%s: metadata %s is %d, expected a 32-bit integer; the file is damaged"
              .formatted(file, key, value));
    }
    return (int) value;
  }

  private BadCheckpointException missing(String key, String expected) {
    return new BadCheckpointException(
        "%s: metadata %s is missing, expected %s; the file is not a whole checkpoint of this kind"
            .formatted(file, key, expected));
  }

  private BadCheckpointException mistyped(String key, Field field, String expected) {
    ValueType elements = field.elements();
    String found = elements == null ? field.type().label() : "array of " + elements.label();
    return new BadCheckpointException(
        "%s: metadata %s is of type %s, expected %s; convert the model again"
            .formatted(file, key, found, expected));
  }
}
