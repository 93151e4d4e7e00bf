package dev.qwen4j.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.stream.Stream;

/** A new folder for a task, deleted with all that the task left in it. */
record TaskFolder(Path path) implements AutoCloseable {
  static TaskFolder create() throws IOException {
    return new TaskFolder(Files.createTempDirectory("qwen4j-task"));
  }

  /**
   * Makes the folder {@code name} in it and fills it.
   *
   * @param files path within that folder to content
   * @return the folder
   * @throws IllegalArgumentException if a file would not be within it
   */
  Path with(String name, Map<String, String> files) throws IOException {
    Path folder = Files.createDirectories(path.resolve(name));
    for (var file : files.entrySet()) {
      Path target = folder.resolve(file.getKey()).normalize();
      if (!target.startsWith(folder)) {
        throw new IllegalArgumentException(
            "a file of a task must not leave its folder, but " + file.getKey() + " does");
      }
      Files.createDirectories(target.getParent());
      Files.writeString(target, file.getValue());
    }
    return folder;
  }

  @Override
  public void close() throws IOException {
    try (Stream<Path> all = Files.walk(path)) {
      for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }
}
