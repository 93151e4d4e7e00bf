package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.inference.EngineProbe;
import dev.qwen4j.inference.LoadOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code qwen4j bench}: how fast this machine runs a model. Measures what llama-bench measures, so
 * that the two can be compared: one prompt from an empty cache, then single tokens after {@code
 * --depth} tokens of context. Rates are in tokens per second.
 */
@Command(
    name = "bench",
    description = "Measures how fast a local model reads a prompt and generates.",
    footer = {
      "",
      "With --json: {\"pp512\":{\"median\":…,\"min\":…,\"max\":…},\"tg64@0\":{…},\"load_s\":…,",
      "\"peak_rss_mb\":…,\"read_gb_s\":…}; rates in tokens per second, null for what was not"
          + " measured.",
      "",
      "Examples:",
      "  qwen4j bench -m model.gguf",
      "  qwen4j bench -m model.gguf --pp 2048 --tg 32 --depth 4096 --threads 4 --repeats 3 --json",
      "  qwen4j bench -m model.gguf --depth 8192 --quantize q8_0 --kv-cache q8_0"
    })
final class BenchCommand implements Callable<Integer> {
  private final Surroundings surroundings;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call()
  private CommandSpec spec;

  @Mixin private ModelOption model = new ModelOption();

  @Mixin private MemoryOptions memory = new MemoryOptions();

  @Option(names = "--pp", paramLabel = "N", description = "Prompt tokens (default: 512).")
  private int prompt = 512;

  @Option(names = "--tg", paramLabel = "N", description = "Tokens to generate (default: 64).")
  private int generated = 64;

  @Option(
      names = "--depth",
      paramLabel = "N",
      description = "Tokens of context before those that are generated (default: 0).")
  private int depth;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads (default: one per processor).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--repeats",
      paramLabel = "N",
      description = "Measurements of each, after one that warms up (default: 5).")
  private int repeats = 5;

  @Option(names = "--json", description = "Print one JSON object instead of a table.")
  private boolean json;

  BenchCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  /**
   * Rates in tokens per second.
   *
   * @param median the upper one of an even number
   */
  private record Rates(double median, double min, double max) {
    static Rates of(double[] measured) {
      double[] sorted = measured.clone();
      Arrays.sort(sorted);
      return new Rates(sorted[sorted.length / 2], sorted[0], sorted[sorted.length - 1]);
    }

    ObjectNode json() {
      return JsonLines.JSON
          .createObjectNode()
          .put("median", rounded(median))
          .put("min", rounded(min))
          .put("max", rounded(max));
    }
  }

  @Override
  public Integer call() throws Exception {
    check();
    Path file = model.file(surroundings);
    LoadOptions options = memory.over(LoadOptions.standard().withThreads(threads), surroundings);
    try (EngineProbe probe = load(file, options)) {
      progress("loaded in %.2f s; %s".formatted(probe.loadSeconds(), probe.description()));
      Rates read = measure("prompt", prompt, () -> probe.prefillSeconds(prompt));
      Rates wrote = measure("generation", generated, () -> probe.decodeSeconds(generated, depth));
      show(probe, read, wrote);
    }
    return ExitCode.ANSWERED.code();
  }

  private EngineProbe load(Path file, LoadOptions options) {
    try (ProgressBar bar = new ProgressBar(surroundings, "writing")) {
      return EngineProbe.load(file, options.withProgress(bar::progress));
    }
  }

  private void check() {
    if (prompt < 0 || generated < 0 || depth < 0 || prompt + generated == 0) {
      throw new ParameterException(
          spec.commandLine(),
          "--pp, --tg and --depth must not be negative, nor --pp and --tg both 0");
    }
    if (threads < 1 || repeats < 1) {
      throw new ParameterException(
          spec.commandLine(), "--threads and --repeats must be at least 1");
    }
  }

  private @Nullable Rates measure(String what, int tokens, DoubleSupplier seconds) {
    if (tokens == 0) {
      return null;
    }
    double[] rates = new double[repeats];
    for (int i = -1; i < repeats; i++) {
      double rate = tokens / seconds.getAsDouble();
      if (i >= 0) {
        rates[i] = rate;
        progress("%s %d/%d: %.1f tokens/s".formatted(what, i + 1, repeats, rate));
      }
    }
    return Rates.of(rates);
  }

  private void show(EngineProbe probe, @Nullable Rates read, @Nullable Rates wrote)
      throws IOException {
    String pp = "pp" + prompt;
    String tg = "tg" + generated + "@" + depth;
    @Nullable Double peak = ProcessMemory.peakMegabytes();
    @Nullable Double bandwidth =
        wrote == null ? null : wrote.median() * probe.weightBytesPerToken() / 1e9;
    if (json) {
      ObjectNode line = JsonLines.JSON.createObjectNode();
      line.set(pp, read == null ? null : read.json());
      line.set(tg, wrote == null ? null : wrote.json());
      line.put("load_s", rounded(probe.loadSeconds()));
      line.put("peak_rss_mb", peak);
      line.put("read_gb_s", bandwidth == null ? null : rounded(bandwidth));
      surroundings.out().print(line + "\n");
    } else {
      table(pp, read);
      table(tg, wrote);
      row("load", "%.2f s".formatted(probe.loadSeconds()));
      row("peak memory", peak == null ? "unknown" : "%.0f MB".formatted(peak));
      row("weights read", bandwidth == null ? "" : "%.1f GB/s".formatted(bandwidth));
    }
    surroundings.out().flush();
  }

  private void table(String name, @Nullable Rates rates) {
    if (rates != null) {
      row(name, "%.1f tokens/s (%.1f to %.1f)".formatted(rates.median(), rates.min(), rates.max()));
    }
  }

  private void row(String name, String value) {
    surroundings.out().printf("%-14s%s%n", name, value);
  }

  /** On a terminal only: measuring takes a while, and someone is waiting. */
  private void progress(String text) {
    if (surroundings.isTerminal("err")) {
      surroundings.err().println(text);
      surroundings.err().flush();
    }
  }

  private static double rounded(double value) {
    return Math.round(value * 100) / 100.0;
  }
}
