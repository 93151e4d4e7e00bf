package dev.qwen4j.inference.internal.kernel;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.VMOption;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Why vectors are as wide as they are: what was asked for, what the JVM prefers and was told, what
 * the processor has. Finding out takes milliseconds, so it is for people who ask.
 */
final class VectorWidth {
  private static final Path PROCESSOR = Path.of("/proc/cpuinfo");

  private VectorWidth() {}

  /** In one line. */
  static String reason() {
    return reason(Lanes.BITS, Lanes.PREFERRED, flags(), processor());
  }

  /**
   * The same of any machine.
   *
   * @param bits that the kernels use
   * @param preferred by the JVM
   * @param flags of the JVM that bear on it, as {@code UseAVX=2}
   * @param processor what it can do, as Linux calls it; empty if unknown
   */
  static String reason(int bits, int preferred, List<String> flags, Set<String> processor) {
    String reason =
        bits == preferred
            ? "the JVM prefers %d bits".formatted(preferred)
            : "asked for by -Dqwen4j.vector.bits; the JVM prefers %d bits".formatted(preferred);
    if (!flags.isEmpty()) {
      reason += " (" + String.join(", ", flags) + ")";
    }
    String has = extensions(processor);
    return has.isEmpty() ? reason : reason + "; the processor has " + has;
  }

  private static String extensions(Set<String> processor) {
    if (processor.contains("avx512f")) {
      return "AVX-512";
    }
    if (processor.contains("avx2")) {
      return "AVX2, not AVX-512";
    }
    if (processor.contains("avx")) {
      return "AVX, not AVX2";
    }
    if (processor.contains("sse2")) {
      return "SSE, not AVX";
    }
    if (processor.contains("sve")) {
      return "SVE";
    }
    return processor.contains("asimd") ? "NEON, not SVE" : "";
  }

  /** The instruction set that the JVM uses, and a limit that it was given. */
  private static List<String> flags() {
    HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    if (vm == null) {
      return List.of();
    }
    return Stream.of("UseAVX", "UseSVE", "MaxVectorSize").flatMap(name -> flag(vm, name)).toList();
  }

  private static Stream<String> flag(HotSpotDiagnosticMXBean vm, String name) {
    VMOption option;
    try {
      option = vm.getVMOption(name);
    } catch (IllegalArgumentException e) {
      return Stream.empty(); // It is a flag of other processors.
    }
    String flag = name + "=" + option.getValue();
    return switch (option.getOrigin()) {
      case DEFAULT, ERGONOMIC -> name.startsWith("Use") ? Stream.of(flag) : Stream.empty();
      case ENVIRON_VAR -> Stream.of(flag + " by the environment");
      default -> Stream.of(flag + " as told");
    };
  }

  private static Set<String> processor() {
    if (!Files.isReadable(PROCESSOR)) {
      return Set.of();
    }
    try (Stream<String> lines = Files.lines(PROCESSOR)) {
      return lines
          .filter(line -> line.startsWith("flags") || line.startsWith("Features"))
          .limit(1)
          .flatMap(line -> Arrays.stream(line.split("\\s+")))
          .collect(Collectors.toSet());
    } catch (IOException e) {
      return Set.of(); // A reason less is no reason to fail.
    }
  }
}
