package dev.qwen4j.inference.internal.weights;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.qwen4j.inference.BadCheckpointException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A cursor over a GGUF file's bytes that never reads outside them: every read first checks that the
 * file has the bytes, and otherwise says which field they would have been.
 */
final class GgufReader {
  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int LONGEST_NAME = 65_535;
  private static final int DEEPEST_ARRAY = 4;
  private static final int MAGIC = 0x46554747; // "GGUF"

  private final Path file;
  private final MemorySegment bytes;
  private long position;

  GgufReader(Path file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  long position() {
    return position;
  }

  long remaining() {
    return bytes.byteSize() - position;
  }

  /** A one-line complaint about this file. */
  BadCheckpointException bad(String problem) {
    return new BadCheckpointException(file + ": " + problem);
  }

  /** Reads magic and version, and returns the version. */
  int readStart() {
    if (bytes.byteSize() < 4 || bytes.get(INT, 0) != MAGIC) {
      throw bad(
          "not a GGUF file: expected the magic 'GGUF', found %s%s"
              .formatted(beginning(), likelyKind()));
    }
    position = 4;
    int version = readInt("version");
    if (version != 2 && version != 3) {
      if ((version & 0xFFFF) == 0 && version != 0) {
        throw bad("a big-endian GGUF file: expected a little-endian one; convert the model again");
      }
      throw bad(
          "GGUF version %d: expected 2 or 3; convert the model again with a current tool"
              .formatted(Integer.toUnsignedLong(version)));
    }
    return version;
  }

  int readInt(String field) {
    require(4, field);
    int value = bytes.get(INT, position);
    position += 4;
    return value;
  }

  long readLong(String field) {
    require(8, field);
    long value = bytes.get(LONG, position);
    position += 8;
    return value;
  }

  /** Reads how many {@code what} follow, which cannot be more than the file has room for. */
  long readCount(String what, int leastBytesEach) {
    long count = readLong("the number of " + what);
    if (count < 0 || count > remaining() / leastBytesEach) {
      throw bad(
          "damaged or truncated: it announces %s %s, and the %d bytes that follow cannot hold them;"
                  .formatted(Long.toUnsignedString(count), what, remaining())
              + " download it again");
    }
    return count;
  }

  /** Reads the name of a key or a tensor: short, valid UTF-8. */
  String readName(String field) {
    long length = readLong(field + " (its length)");
    if (length < 0 || length > LONGEST_NAME) {
      throw bad(
          "damaged: %s is %s bytes long, expected at most %d; download it again"
              .formatted(field, Long.toUnsignedString(length), LONGEST_NAME));
    }
    require(length, field);
    byte[] raw = bytes.asSlice(position, length).toArray(ValueLayout.JAVA_BYTE);
    position += length;
    String name = new String(raw, UTF_8);
    if (name.indexOf('\uFFFD') >= 0) {
      throw bad("damaged: %s is not valid UTF-8; download it again".formatted(field));
    }
    return name;
  }

  /** Reads a metadata value's type and skips over the value, checking all of it. */
  Metadata.Field readField(String key) {
    ValueType type = readType(key);
    if (type != ValueType.ARRAY) {
      long start = position;
      skip(type, key, 0);
      return new Metadata.Field(type, null, 1, start);
    }
    ValueType elements = readType(key + " (its element type)");
    long count = readCount("values of metadata " + shown(key), elements.leastBytes());
    long start = position;
    skipArray(elements, count, key, 1);
    return new Metadata.Field(ValueType.ARRAY, elements, count, start);
  }

  private ValueType readType(String key) {
    int id = readInt("the type of metadata " + shown(key));
    @Nullable ValueType type = ValueType.byId(Integer.toUnsignedLong(id)).orElse(null);
    if (type == null) {
      throw bad(
          "damaged: metadata %s has value type %s, expected 0 to 12; download it again"
              .formatted(shown(key), Integer.toUnsignedString(id)));
    }
    return type;
  }

  private void skip(ValueType type, String key, int depth) {
    switch (type) {
      case STRING -> skipStrings(1, key);
      case ARRAY -> {
        if (depth >= DEEPEST_ARRAY) {
          throw bad(
              "damaged: metadata %s nests arrays deeper than %d; download it again"
                  .formatted(shown(key), DEEPEST_ARRAY));
        }
        ValueType elements = readType(key);
        long count = readCount("values of metadata " + shown(key), elements.leastBytes());
        skipArray(elements, count, key, depth + 1);
      }
      default -> {
        require(type.bytes(), "metadata " + shown(key));
        position += type.bytes();
      }
    }
  }

  private void skipArray(ValueType elements, long count, String key, int depth) {
    switch (elements) {
      case STRING -> skipStrings(count, key);
      case ARRAY -> {
        for (long i = 0; i < count; i++) {
          skip(elements, key, depth);
        }
      }
      default -> position += count * elements.bytes(); // readCount has checked that they fit
    }
  }

  /** A vocabulary has hundreds of thousands, so the words for a complaint are made only for one. */
  private void skipStrings(long count, String key) {
    for (long i = 0; i < count; i++) {
      if (remaining() < 8) {
        throw truncated("metadata " + shown(key), position, 8);
      }
      long length = bytes.get(LONG, position);
      position += 8;
      if (length < 0 || length > remaining()) {
        throw truncated("metadata " + shown(key), position, length);
      }
      position += length;
    }
  }

  private void require(long length, String field) {
    if (length > remaining()) {
      throw truncated(field, position, length);
    }
  }

  /** The complaint that {@code field} would lie outside the file. */
  BadCheckpointException truncated(String field, long from, long length) {
    return bad(
        "truncated: %s needs bytes %d–%s, the file has %d; download it again"
            .formatted(field, from, Long.toUnsignedString(from + length), bytes.byteSize()));
  }

  /** A name out of a file, fit for a one-line message. */
  static String shown(String name) {
    String safe = name.replaceAll("\\p{Cntrl}", "?");
    return safe.length() <= 80 ? safe : safe.substring(0, 77) + "...";
  }

  private String beginning() {
    if (bytes.byteSize() == 0) {
      return "an empty file";
    }
    byte[] raw = bytes.asSlice(0, Math.min(4, bytes.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    StringBuilder text = new StringBuilder();
    for (byte b : raw) {
      text.append(b >= 0x20 && b < 0x7F ? String.valueOf((char) b) : "\\x%02x".formatted(b));
    }
    return "'" + text + "'";
  }

  private String likelyKind() {
    byte[] raw = bytes.asSlice(0, Math.min(64, bytes.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    String start = new String(raw, US_ASCII);
    if (start.startsWith("version https://git-lfs")) {
      return "; this is a Git LFS pointer: download the file it stands for";
    }
    if (start.stripLeading().startsWith("<")) {
      return "; this is a web page: download the file itself";
    }
    if (start.length() > 8 && start.charAt(8) == '{') {
      return "; this looks like a safetensors file: give the folder that it is in";
    }
    if (start.startsWith("PK")) {
      return "; this is a zip or PyTorch file: give a GGUF file";
    }
    return "; give a GGUF file, or download it again";
  }
}
