package dev.qwen4j.inference.internal.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What Linux says of the processor. Elsewhere nothing is known, which is no reason to fail. */
final class Processor {
  private static final Path INFO = Path.of("/proc/cpuinfo");

  /** As processors call their makers: those that were AMD's designs first. */
  private static final Set<String> AMD = Set.of("AuthenticAMD", "HygonGenuine");

  private Processor() {}

  /** What it can do, as Linux calls it; empty if unknown. */
  static Set<String> flags() {
    return words("flags", "Features");
  }

  /** Whether it is one of AMD's. */
  static boolean isAmd() {
    return words("vendor_id").stream().anyMatch(AMD::contains);
  }

  /** The words of the first line that begins with one of {@code names}. */
  private static Set<String> words(String... names) {
    if (!Files.isReadable(INFO)) {
      return Set.of();
    }
    try (Stream<String> lines = Files.lines(INFO)) {
      return lines
          .filter(line -> Arrays.stream(names).anyMatch(line::startsWith))
          .limit(1)
          .flatMap(line -> Arrays.stream(line.split("\\s+")))
          .collect(Collectors.toSet());
    } catch (IOException e) {
      return Set.of();
    }
  }
}
