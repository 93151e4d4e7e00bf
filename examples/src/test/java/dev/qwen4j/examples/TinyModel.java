package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;

/** A qwen3 checkpoint of random weights that runs in milliseconds, and damaged copies of it. */
final class TinyModel {
  private TinyModel() {}

  /** The whole file, written below {@code folder}. */
  static Path in(Path folder) throws IOException {
    return write(folder, "tiny.gguf", bytes());
  }

  /** Cut off in the middle of the weights. */
  static Path truncated(Path folder) throws IOException {
    byte[] whole = bytes();
    return write(folder, "truncated.gguf", Arrays.copyOf(whole, whole.length / 2));
  }

  /** With the bytes of {@code before} replaced by those of {@code after}, once. */
  static Path changed(Path folder, String before, String after) throws IOException {
    String text = new String(bytes(), StandardCharsets.ISO_8859_1);
    int at = text.indexOf(before);
    if (at < 0 || before.length() != after.length()) {
      throw new IllegalArgumentException(before);
    }
    String changed = text.substring(0, at) + after + text.substring(at + before.length());
    return write(folder, "changed.gguf", changed.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** With a tensor of a type that there is not. */
  static Path unknownType(Path folder) throws IOException {
    byte[] bytes = bytes();
    byte[] name = "output_norm.weight".getBytes(StandardCharsets.ISO_8859_1);
    int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("output_norm.weight");
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int dimensions = file.getInt(at + name.length);
    file.putInt(at + name.length + Integer.BYTES + dimensions * Long.BYTES, 99);
    return write(folder, "type.gguf", bytes);
  }

  /** What the reference engine says: prompt ids, logits, greedy ids, embedding. */
  static JsonNode expected() throws IOException {
    try (InputStream in = resource("expected.json")) {
      return new ObjectMapper().readTree(in);
    }
  }

  private static byte[] bytes() throws IOException {
    try (InputStream in = resource("model-f32.gguf")) {
      return in.readAllBytes();
    }
  }

  private static InputStream resource(String name) {
    return Objects.requireNonNull(TinyModel.class.getResourceAsStream("/golden/qwen3/" + name));
  }

  private static Path write(Path folder, String name, byte[] bytes) throws IOException {
    return Files.write(folder.resolve(name), bytes);
  }
}
