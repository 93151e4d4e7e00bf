package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the kernels say of themselves, and the memory's speed that they are held against. */
class KernelReasonsTest {
  @Test
  void theWidthOfVectorsIsExplainedByTheJvmAndTheProcessor() {
    assertThat(VectorWidth.reason(256, 256, List.of("UseAVX=2"), Set.of("sse2", "avx", "avx2")))
        .isEqualTo("the JVM prefers 256 bits (UseAVX=2); the processor has AVX2, not AVX-512");
    assertThat(
            VectorWidth.reason(
                128,
                128,
                List.of("UseAVX=1 as told", "MaxVectorSize=16 by the environment"),
                Set.of("sse2", "avx", "avx2", "avx512f")))
        .isEqualTo(
            "the JVM prefers 128 bits (UseAVX=1 as told, MaxVectorSize=16 by the environment);"
                + " the processor has AVX-512");
    assertThat(VectorWidth.reason(128, 256, List.of(), Set.of()))
        .isEqualTo("asked for by -Dqwen4j.vector.bits; the JVM prefers 256 bits");
    assertThat(VectorWidth.reason(128, 128, List.of("UseSVE=0"), Set.of("fp", "asimd")))
        .isEqualTo("the JVM prefers 128 bits (UseSVE=0); the processor has NEON, not SVE");
  }

  @Test
  void everyTypeSaysHowItIsMultiplied() {
    try (Kernels kernels = new VectorKernels(1, new PackedCopy(), 3, true)) {
      assertThat(kernels.vectorBits()).isEqualTo(Lanes.BITS);
      assertThat(kernels.reason()).contains(VectorWidth.preferred() + " bits");
      int rows = 3 * Lanes.L;
      assertThat(kernels.way(TensorType.Q4_0))
          .isEqualTo(
              "packed in nibbles, " + rows + " rows a group, 3 side by side; prompts in integers");
      assertThat(kernels.way(TensorType.Q6_K))
          .isEqualTo("packed in sixes, " + Lanes.L + " rows a group, 3 side by side");
      assertThat(kernels.way(TensorType.BF16)).isEqualTo("mapped rows, as in the file");
      assertThat(kernels.way(TensorType.IQ4_XS)).startsWith("generic: ");
    }
  }

  @Test
  void halfTheBitsOfAnOutputMatrixStayUnreadWhereLogitsAreEstimated() {
    try (Kernels kernels = new VectorKernels(1, new PackedCopy(), 1, true);
        Kernels others = new VectorKernels(1, new PackedCopy(), 1, false)) {
      assertThat(kernels.unread(TensorType.Q8_0, 320)).isEqualTo(160);
      assertThat(kernels.unread(TensorType.Q4_0, 320)).isEqualTo(90);
      assertThat(kernels.unread(TensorType.Q6_K, 2560)).isEqualTo(2100 - 720);
      assertThat(kernels.unread(TensorType.Q4_K, 2560)).isZero();
      assertThat(others.unread(TensorType.Q8_0, 320)).isEqualTo(160);
      assertThat(others.unread(TensorType.Q4_0, 320)).isZero();
    }
  }

  @Test
  void allOfTheMemoryIsRead() {
    try (MemoryRead memory = new MemoryRead(2)) {
      long ones = Long.parseLong("01".repeat(Long.BYTES), 16);
      long expected = ones * (MemoryRead.BYTES / Long.BYTES); // of the sum, the low 64 bits
      assertThat(memory.pass()).isEqualTo(expected);
      assertThat(memory.pass()).isEqualTo(expected);
    }
  }
}
