package dev.qwen4j.examples;

import dev.qwen4j.inference.LoadOptions;
import dev.qwen4j.inference.LocalChatRequestParameters;
import dev.qwen4j.model.HostedModel;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a model writes, the same for every source of models. What is not given is left to it. */
final class GenerationOptions {
  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "0 always takes the most likely token (default: the model's own).")
  private @Nullable Double temperature;

  @Option(names = "--seed", paramLabel = "N", description = "Makes a local model's run repeatable.")
  private @Nullable Long seed;

  @Option(
      names = "--thinking",
      negatable = true,
      description = "Whether a model that can be told thinks first (default: left to the model).")
  private @Nullable Boolean thinking;

  /** For a model in this JVM. */
  LoadOptions local() {
    return LoadOptions.standard()
        .withParameters(
            LocalChatRequestParameters.builder()
                .temperature(temperature)
                .seed(seed)
                .enableThinking(thinking)
                .build());
  }

  /** For a model behind an endpoint. */
  void apply(HostedModel.Builder hosted) {
    if (temperature != null) {
      hosted.parameter("temperature", temperature);
    }
    if (seed != null) {
      hosted.parameter("seed", seed);
    }
    if (thinking != null) {
      hosted.thinking(thinking);
    }
  }
}
