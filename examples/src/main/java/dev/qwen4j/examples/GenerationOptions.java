package dev.qwen4j.examples;

import dev.qwen4j.inference.LoadOptions;
import dev.qwen4j.inference.LocalChatRequestParameters;
import dev.qwen4j.model.HostedModel;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How a model writes, the same for every source of models. What is not given is left to it. */
final class GenerationOptions {
  @Spec(Spec.Target.MIXEE)
  @SuppressWarnings("NullAway.Init") // picocli sets it before anything is called
  private CommandSpec command;

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

  @Option(
      names = "--context",
      paramLabel = "N",
      description =
          "The most tokens of prompt and reply together that a local model sees (default: as many"
              + " as it was made for and the Java heap can hold).")
  private @Nullable Integer context;

  @Mixin private MemoryOptions memory = new MemoryOptions();

  /** Refuses as wrong usage what makes no sense, or not for this source. */
  void check(ModelSource source) {
    if (context != null && context < 1) {
      throw wrong("--context must be at least 1");
    }
    boolean local = context != null || memory.areGiven();
    if (local && source instanceof ModelSource.Endpoint) {
      throw wrong(
          "--context, --quantize and --kv-cache are for a model that runs in this JVM; what an"
              + " endpoint runs is set where it is served");
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(command.commandLine(), message);
  }

  /** For a model in this JVM. */
  LoadOptions local(Surroundings surroundings) {
    LoadOptions options =
        LoadOptions.standard()
            .withContextLength(context == null ? 0 : context)
            .withParameters(
                LocalChatRequestParameters.builder()
                    .temperature(temperature)
                    .seed(seed)
                    .enableThinking(thinking)
                    .build());
    return memory.over(options, surroundings);
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
