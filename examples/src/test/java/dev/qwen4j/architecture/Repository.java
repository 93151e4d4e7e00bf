package dev.qwen4j.architecture;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Where the sources of this build are. */
final class Repository {
  static final List<String> MODULES =
      List.of("agent-core", "tools", "mcp", "rag", "inference-local", "examples");

  private Repository() {}

  static Path root() {
    // Surefire runs in the module's folder.
    return Path.of("..").toAbsolutePath().normalize();
  }

  static List<Path> javaSources() {
    return MODULES.stream()
        .flatMap(module -> javaFilesBelow(root().resolve(module).resolve("src")).stream())
        .sorted()
        .toList();
  }

  static List<Path> mainSources(String module) {
    return javaFilesBelow(root().resolve(module).resolve("src/main/java"));
  }

  private static List<Path> javaFilesBelow(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(".java")).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
