package dev.qwen4j.examples;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The model in the box: a checkpoint of a few megabytes among the resources. The engine maps files,
 * so it is copied once to the cache, under the hash of what is in it.
 */
final class DemoModel {
  /** What brings a model that knows more than its tools. */
  static final String REAL_MODEL = "./qwen4j pull hf:Qwen/Qwen3-4B-GGUF:Q4_K_M";

  private static final String RESOURCE = "/demo/qwen4j-demo.gguf";

  private DemoModel() {}

  /** The checkpoint as a file, whole whenever it is there. */
  static Path file(Surroundings surroundings) {
    byte[] bytes = bytes();
    String name = HexFormat.of().formatHex(sha256(bytes), 0, 16) + ".gguf";
    try {
      Path folder = Files.createDirectories(cache(surroundings));
      Path file = folder.resolve(name);
      if (!holds(file, bytes)) {
        Path part = Files.createTempFile(folder, name, ".part");
        try {
          Files.write(part, bytes);
          Files.move(
              part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
          Files.deleteIfExists(part);
        }
      }
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(
          "the demo model needs a folder to be unpacked to, but "
              + cache(surroundings)
              + " cannot be written; set QWEN4J_CACHE to one that can",
          e);
    }
  }

  private static boolean holds(Path file, byte[] bytes) throws IOException {
    return Files.isRegularFile(file)
        && Files.size(file) == bytes.length
        && Arrays.equals(Files.readAllBytes(file), bytes);
  }

  private static Path cache(Surroundings surroundings) {
    return surroundings
        .variable("QWEN4J_CACHE")
        .map(Path::of)
        .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache", "qwen4j"))
        .resolve("demo");
  }

  private static byte[] bytes() {
    try (InputStream in = DemoModel.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException("the demo model is a resource of this program");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
