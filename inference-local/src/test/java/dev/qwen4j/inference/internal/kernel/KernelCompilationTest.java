package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whether the JVM can compile the kernels where nobody gave it the launcher's options. A method
 * that C1 gives up runs uncompiled until C2's turn comes, and vector code that is not compiled is
 * so slow that this took minutes.
 */
class KernelCompilationTest {
  @TempDir private Path folder;

  @Test
  void theFirstCompilerGivesUpNoKernel() throws IOException, InterruptedException {
    Path log = folder.resolve("compilation.txt");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=3",
                "-XX:+PrintCompilation",
                "-cp",
                System.getProperty("java.class.path"),
                KernelCompilationTest.class.getName())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();

    List<String> kernels =
        Files.readAllLines(log).stream()
            .filter(line -> line.contains(KernelCompilationTest.class.getPackageName()))
            .toList();
    assertThat(process.exitValue()).isZero();
    assertThat(kernels).anyMatch(line -> line.contains("Tiles::"));
    assertThat(kernels).filteredOn(line -> line.contains("COMPILE SKIPPED")).isEmpty();
  }

  /** The process itself: all kernels, long enough for the first compiler. */
  public static void main(String[] args) {
    List<TensorType> types = Arrays.asList(TensorType.values());
    for (TensorType output : List.of(TensorType.Q8_0, TensorType.Q4_0, TensorType.Q6_K)) {
      WarmUp.packing(types, output);
      WarmUp.prefill(types, output);
    }
    WarmUp.decode(types);
    WarmUp.drafts(types);
  }
}
