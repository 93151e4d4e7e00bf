package dev.qwen4j.inference.internal.kernel;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.VMOption;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;

/**
 * How wide vectors are, and why: what was asked for, what the JVM prefers and was told, what the
 * processor has. Finding out why takes milliseconds, so it is for people who ask.
 */
final class VectorWidth {
  /** Flags of the JVM that say something even if nobody has set them. */
  private static final Set<String> INSTRUCTIONS = Set.of("UseAVX", "UseSVE");

  /** As {@code os.arch} calls it. */
  private static final Set<String> X86 = Set.of("amd64", "x86_64");

  private VectorWidth() {}

  /** What the JVM would take, by itself or as it was told. */
  static int preferred() {
    return FloatVector.SPECIES_PREFERRED.vectorBitSize();
  }

  /** What kernels take: the JVM's preferred width unless someone asks for another. */
  static int bits() {
    int bits = Integer.getInteger("qwen4j.vector.bits", preferred());
    return Math.min(Integer.highestOneBit(bits), 512);
  }

  /**
   * Whether vectors multiply and add in one step; where they do not, the Vector API does that
   * number by number, and very slowly. Only narrow vectors of x86 are asked, which has had that as
   * long as it has had wide ones of every type; other processors have always had it.
   */
  static boolean fuses() {
    return preferred() > 128
        || !X86.contains(System.getProperty("os.arch", ""))
        || option("UseFMA").map(VMOption::getValue).orElse("true").equals("true");
  }

  /** Why, in one line. */
  static String reason() {
    return reason(bits(), preferred(), flags(), Processor.flags());
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

  /** The instruction set that the JVM uses, and limits that it was given. */
  private static List<String> flags() {
    return Stream.of("UseAVX", "UseSVE", "UseFMA", "MaxVectorSize", "TieredStopAtLevel")
        .flatMap(name -> option(name).stream())
        .flatMap(VectorWidth::shown)
        .toList();
  }

  private static Stream<String> shown(VMOption option) {
    String flag = option.getName() + "=" + option.getValue();
    return switch (option.getOrigin()) {
      case DEFAULT, ERGONOMIC ->
          INSTRUCTIONS.contains(option.getName()) ? Stream.of(flag) : Stream.empty();
      case ENVIRON_VAR -> Stream.of(flag + " by the environment");
      default -> Stream.of(flag + " as told");
    };
  }

  private static Optional<VMOption> option(String name) {
    HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    try {
      return vm == null ? Optional.empty() : Optional.of(vm.getVMOption(name));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // It is a flag of other processors.
    }
  }
}
