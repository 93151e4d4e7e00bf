package dev.qwen4j.inference.internal.weights;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes GGUF files by hand, right and wrong ones. */
final class GgufBytes {
  private final ByteBuffer bytes = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

  static GgufBytes start(int version, long tensors, long fields) {
    return new GgufBytes().raw("GGUF").int32(version).int64(tensors).int64(fields);
  }

  GgufBytes raw(String ascii) {
    bytes.put(ascii.getBytes(UTF_8));
    return this;
  }

  GgufBytes int8(int value) {
    bytes.put((byte) value);
    return this;
  }

  GgufBytes int16(int value) {
    bytes.putShort((short) value);
    return this;
  }

  GgufBytes int32(int value) {
    bytes.putInt(value);
    return this;
  }

  GgufBytes int64(long value) {
    bytes.putLong(value);
    return this;
  }

  GgufBytes float32(float value) {
    bytes.putFloat(value);
    return this;
  }

  GgufBytes text(String value) {
    byte[] utf8 = value.getBytes(UTF_8);
    int64(utf8.length);
    bytes.put(utf8);
    return this;
  }

  GgufBytes stringField(String key, String value) {
    return text(key).int32(8).text(value);
  }

  GgufBytes intField(String key, int value) {
    return text(key).int32(4).int32(value);
  }

  GgufBytes tensor(String name, int type, long offset, long... shape) {
    text(name).int32(shape.length);
    for (long extent : shape) {
      int64(extent);
    }
    return int32(type).int64(offset);
  }

  GgufBytes align(int alignment) {
    while (bytes.position() % alignment != 0) {
      int8(0);
    }
    return this;
  }

  GgufBytes floats(int count) {
    for (int i = 0; i < count; i++) {
      float32(i);
    }
    return this;
  }

  int size() {
    return bytes.position();
  }

  Path writeTo(Path file) {
    return writeTo(file, size());
  }

  Path writeTo(Path file, int length) {
    byte[] content = new byte[length];
    bytes.get(0, content);
    try {
      return Files.write(file, content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
