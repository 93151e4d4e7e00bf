package dev.qwen4j.inference.internal.weights;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;

/** Collects metadata in the form that GGUF files have it. A key must be put once. */
public final class MetadataBuilder {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private long count;

  public MetadataBuilder text(String key, String value) {
    start(key, ValueType.STRING);
    string(value);
    return this;
  }

  public MetadataBuilder integer(String key, int value) {
    start(key, value < 0 ? ValueType.INT32 : ValueType.UINT32);
    int32(value);
    return this;
  }

  public MetadataBuilder number(String key, double value) {
    start(key, ValueType.FLOAT32);
    int32(Float.floatToRawIntBits((float) value));
    return this;
  }

  public MetadataBuilder flag(String key, boolean value) {
    start(key, ValueType.BOOL);
    bytes.write(value ? 1 : 0);
    return this;
  }

  public MetadataBuilder texts(String key, List<String> values) {
    startArray(key, ValueType.STRING, values.size());
    values.forEach(this::string);
    return this;
  }

  public MetadataBuilder integers(String key, int[] values) {
    startArray(key, ValueType.INT32, values.length);
    for (int value : values) {
      int32(value);
    }
    return this;
  }

  public MetadataBuilder flags(String key, List<Boolean> values) {
    startArray(key, ValueType.BOOL, values.size());
    values.forEach(value -> bytes.write(value ? 1 : 0));
    return this;
  }

  /** The entries of a file whose keys are wanted, as they are. */
  public MetadataBuilder copy(Metadata metadata, Predicate<String> wanted) {
    for (String key : metadata.keys()) {
      if (wanted.test(key)) {
        bytes.writeBytes(metadata.entry(key));
        count++;
      }
    }
    return this;
  }

  /** How many entries there are. */
  long count() {
    return count;
  }

  byte[] encoded() {
    return bytes.toByteArray();
  }

  /**
   * The metadata to read.
   *
   * @param path what messages about it begin with
   */
  public Metadata build(Path path) {
    MemorySegment encoded = MemorySegment.ofArray(encoded());
    return Metadata.read(path, encoded, new GgufReader(path, encoded), count);
  }

  private void start(String key, ValueType type) {
    string(key);
    int32(type.id());
    count++;
  }

  private void startArray(String key, ValueType elements, int length) {
    start(key, ValueType.ARRAY);
    int32(elements.id());
    int64(length);
  }

  private void string(String value) {
    byte[] utf8 = value.getBytes(UTF_8);
    int64(utf8.length);
    bytes.writeBytes(utf8);
  }

  private void int32(int value) {
    bytes.writeBytes(little(Integer.BYTES).putInt(value).array());
  }

  private void int64(long value) {
    bytes.writeBytes(little(Long.BYTES).putLong(value).array());
  }

  private static ByteBuffer little(int length) {
    return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
  }
}
