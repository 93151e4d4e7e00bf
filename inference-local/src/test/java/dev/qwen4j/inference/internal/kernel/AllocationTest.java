package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Vectors are objects until C2 makes registers of them, and it takes little for one to stay. In a
 * JVM of its own: in one where other tests have run before, some do stay.
 */
class AllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static final int CALLS = 200;
  private static final Duration ENOUGH = Duration.ofSeconds(30);

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"})
  void aTokensProductMakesNoObjectsOnceItIsCompiled(TensorType type) {
    try (Arena arena = Arena.ofShared();
        VectorKernels kernels = new VectorKernels(1)) {
      Matrix w = kernels.prepare(RandomWeights.of(arena, type, 96, 2048, 1));
      float[] x = RandomWeights.floats(2048, 2);
      float[] out = new float[96];
      long end = System.nanoTime() + ENOUGH.toNanos();
      long bytes = Long.MAX_VALUE;
      while (bytes > CALLS * 100L && System.nanoTime() < end) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < CALLS; i++) {
          kernels.multiply(w, x, 1, out);
        }
        bytes = THREADS.getCurrentThreadAllocatedBytes() - before;
      }
      // An iterator or two at most; one vector alone is more than a hundred bytes.
      assertThat(bytes / CALLS).isLessThanOrEqualTo(100);
    }
  }
}
