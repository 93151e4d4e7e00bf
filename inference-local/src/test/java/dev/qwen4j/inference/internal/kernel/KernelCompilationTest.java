package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
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
    List<String> kernels =
        outputOf("warm-up", "-XX:TieredStopAtLevel=3", "-XX:+PrintCompilation").stream()
            .filter(line -> line.contains(KernelCompilationTest.class.getPackageName()))
            .toList();
    assertThat(kernels).anyMatch(line -> line.contains("Tiles::"));
    assertThat(kernels).filteredOn(line -> line.contains("COMPILE SKIPPED")).isEmpty();
  }

  /** Or else a reply would depend on when its kernels were compiled, even with a seed. */
  @Test
  void whatIsNotCompiledYetComputesTheSame() throws IOException, InterruptedException {
    List<String> results =
        outputOf("results").stream().filter(line -> line.startsWith("first ")).toList();
    assertThat(results).hasSizeGreaterThan(20).allMatch(line -> line.endsWith(" the same"));
  }

  /** What this class prints in a process of its own, started with these options. */
  private List<String> outputOf(String task, String... options)
      throws IOException, InterruptedException {
    Path log = folder.resolve("log.txt");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--add-modules=jdk.incubator.vector");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(KernelCompilationTest.class.getName(), task));
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(log)).isZero();
    return Files.readAllLines(log);
  }

  /** The process itself. */
  public static void main(String[] args) {
    if (args[0].equals("results")) {
      compareResults();
    } else {
      warmUp();
    }
  }

  /** Each kernel's first results, and those after it has been compiled. */
  private static void compareResults() {
    try (Kernels kernels = new VectorKernels(1);
        Arena arena = Arena.ofShared()) {
      Map<String, Supplier<float[]>> calls = new TreeMap<>();
      for (TensorType type : TensorType.values()) {
        RawMatrix raw = RandomWeights.of(arena, type, 50, 512, 1);
        Matrix matrix = kernels.prepare(raw);
        Matrix output = kernels.prepareOutput(raw);
        calls.put(type + " token", () -> product(kernels, matrix, 1));
        calls.put(type + " prompt", () -> product(kernels, matrix, VectorKernels.FEW + 1));
        calls.put(
            type + " logits",
            () -> {
              float[] out = new float[output.rows()];
              float[] x = RandomWeights.floats(output.cols(), 2);
              kernels.logits(output, x, 1, new Candidates(1, output.rows()), out);
              return out;
            });
      }
      calls.put("layer, token", () -> layer(kernels, 1));
      calls.put("layer, prompt", () -> layer(kernels, VectorKernels.FEW + 1));
      Map<String, float[]> first = results(calls);
      Map<String, float[]> last = first;
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
      while (System.nanoTime() < end) {
        last = results(calls);
      }
      for (String name : calls.keySet()) {
        boolean same = Arrays.equals(first.get(name), last.get(name));
        System.out.println("first " + name + (same ? " the same" : " another"));
      }
    }
  }

  private static Map<String, float[]> results(Map<String, Supplier<float[]>> calls) {
    Map<String, float[]> results = new HashMap<>();
    calls.forEach((name, call) -> results.put(name, call.get()));
    return results;
  }

  private static float[] product(Kernels kernels, Matrix matrix, int tokens) {
    float[] out = new float[tokens * matrix.rows()];
    kernels.multiply(matrix, RandomWeights.floats(tokens * matrix.cols(), 3), tokens, out);
    return out;
  }

  /** Norms, and attention behind some positions. */
  private static float[] layer(Kernels kernels, int tokens) {
    int headDim = 64;
    int position = 50;
    KvLayer kv = new KvLayer(1, headDim, position + tokens);
    float[] past = RandomWeights.floats(position * headDim, 4);
    kernels.write(List.of(new KvSpan(kv, 0, position)), past, past);
    float[] x = RandomWeights.floats(2 * tokens * headDim, 5);
    float[] ones = new float[2 * headDim];
    Arrays.fill(ones, 1);
    kernels.rmsNorm(x, tokens, 2 * headDim, ones, 1e-6f, x);
    List<KvSpan> spans = List.of(new KvSpan(kv, position, tokens));
    kernels.write(spans, x, x);
    float[] out = new float[2 * tokens * headDim];
    kernels.attention(x, spans, 2, 0.125f, out);
    return out;
  }

  /** All kernels, long enough for the first compiler. */
  private static void warmUp() {
    List<TensorType> types = Arrays.asList(TensorType.values());
    for (TensorType output : List.of(TensorType.Q8_0, TensorType.Q4_0, TensorType.Q6_K)) {
      WarmUp.packing(types, output);
      WarmUp.prefill(types, output);
    }
    WarmUp.decode(types);
    WarmUp.drafts(types);
  }
}
