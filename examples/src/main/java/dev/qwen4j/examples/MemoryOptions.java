package dev.qwen4j.examples;

import dev.qwen4j.inference.LoadOptions;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a model that runs in this JVM is kept in memory. What is not given stays as it is. */
final class MemoryOptions {
  @Option(
      names = "--quantize",
      paramLabel = "q8_0|q4_0",
      description = {
        "Runs a local model from a copy with smaller weights: of 8.5 bits, next to no loss; of 4.5,"
            + " half the memory and time of those, with a loss (default: the weights as they are).",
        "The first time takes a while; the copy is kept in QWEN4J_CACHE, otherwise in"
            + " ~/.cache/qwen4j."
      })
  private LoadOptions.@Nullable Quantization quantization;

  @Option(
      names = "--kv-cache",
      paramLabel = "f16|q8_0",
      description =
          "How a local model keeps the keys and values of its context; q8_0 takes half the memory"
              + " for a little accuracy (default: f16).")
  private LoadOptions.@Nullable KvCache kvCache;

  boolean areGiven() {
    return quantization != null || kvCache != null;
  }

  /** The same options, and what was given. */
  LoadOptions over(LoadOptions options, Surroundings surroundings) {
    LoadOptions chosen = options;
    if (quantization != null) {
      chosen = chosen.withQuantization(quantization);
    }
    if (kvCache != null) {
      chosen = chosen.withKvCache(kvCache);
    }
    // The environment of the command, which in a test is not that of the process.
    if (surroundings.variable("QWEN4J_PACKED").filter("off"::equals).isPresent()) {
      chosen = chosen.withPackedCopies(false);
    }
    return surroundings
        .variable("QWEN4J_CACHE")
        .map(cache -> Path.of(cache, "quantized"))
        .map(chosen::withQuantizedFolder)
        .orElse(chosen);
  }
}
