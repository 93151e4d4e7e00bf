package dev.qwen4j.inference;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** A golden model with bytes changed. */
final class PatchedModel {
  private final byte[] bytes;

  private PatchedModel(byte[] bytes) {
    this.bytes = bytes;
  }

  static PatchedModel of(String golden) {
    try {
      return new PatchedModel(Files.readAllBytes(Golden.model(golden)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Replaces the first occurrence of a text by one of the same length. */
  PatchedModel text(String before, String after) {
    byte[] replacement = after.getBytes(UTF_8);
    System.arraycopy(replacement, 0, bytes, find(before), before.getBytes(UTF_8).length);
    return this;
  }

  /** Sets a 32-bit metadata value. */
  PatchedModel int32(String key, int value) {
    int at = find(key) + key.length() + 4;
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(at, value);
    return this;
  }

  PatchedModel float32(String key, float value) {
    return int32(key, Float.floatToIntBits(value));
  }

  Path writeTo(Path folder) {
    try {
      return Files.write(folder.resolve("patched.gguf"), bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private int find(String text) {
    byte[] wanted = text.getBytes(UTF_8);
    for (int i = 0; i + wanted.length <= bytes.length; i++) {
      int j = 0;
      while (j < wanted.length && bytes[i + j] == wanted[j]) {
        j++;
      }
      if (j == wanted.length) {
        return i;
      }
    }
    throw new IllegalArgumentException("no " + text + " in the file");
  }
}
