package dev.qwen4j.examples;

import dev.qwen4j.agent.ContextPolicy;
import dev.qwen4j.inference.LoadOptions;
import dev.qwen4j.inference.LocalModel;
import dev.qwen4j.inference.hub.ModelHub;
import dev.qwen4j.inference.hub.ModelReference;
import dev.qwen4j.model.EndpointKind;
import dev.qwen4j.model.HostedModel;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Consumer;

/** Where a model comes from, as {@code --model} says it. */
sealed interface ModelSource {
  /**
   * Makes the model ready, which may take a while: a download, mapping and repacking a file.
   *
   * @param notice hears, now and later, of waits that would otherwise look like a hang
   */
  OpenModel open(GenerationOptions generation, Surroundings surroundings, Consumer<String> notice);

  /**
   * Reads the text of {@code --model}.
   *
   * @throws IllegalArgumentException if it has none of the forms, with the form it comes closest to
   */
  static ModelSource parse(String text) {
    String given = text.strip();
    return given.startsWith("openai:")
        ? Endpoint.parse(given.substring("openai:".length()))
        : new Weights(ModelReference.parse(given));
  }

  private static OpenModel opened(
      Path file, GenerationOptions generation, Surroundings surroundings) {
    LocalModel model = load(file, generation.local(surroundings), surroundings);
    model.warnings().forEach(surroundings::complain);
    ContextPolicy context =
        ContextPolicy.ofWindow(Math.max(512, model.contextLength()))
            .withTokens(model.tokenCountEstimator());
    return new OpenModel(
        model.name(), model.streamingChatModel(), context, model::keepConversation, model::close);
  }

  private static LocalModel load(Path file, LoadOptions options, Surroundings surroundings) {
    try (ProgressBar progress = new ProgressBar(surroundings, "writing")) {
      return LocalModel.load(file, options.withProgress(progress::progress));
    }
  }

  /** Weights that this JVM runs itself, on this machine or in a repository. */
  record Weights(ModelReference reference) implements ModelSource {
    @Override
    public OpenModel open(
        GenerationOptions generation, Surroundings surroundings, Consumer<String> notice) {
      return opened(file(surroundings), generation, surroundings);
    }

    /** The GGUF file, downloaded if need be. */
    Path file(Surroundings surroundings) {
      try (ProgressBar progress = new ProgressBar(surroundings, "downloading")) {
        return ModelHub.fromEnvironment(surroundings.environment()).fetch(reference, progress);
      }
    }
  }

  /** The model in the box. */
  record Demo() implements ModelSource {
    @Override
    public OpenModel open(
        GenerationOptions generation, Surroundings surroundings, Consumer<String> notice) {
      return opened(DemoModel.file(surroundings), generation, surroundings);
    }
  }

  /** A model behind an OpenAI-compatible endpoint. */
  record Endpoint(URI baseUrl, String model) implements ModelSource {
    private static final String FORM =
        "--model: expected openai:BASE_URL#MODEL, such as openai:http://localhost:8000/v1#Qwen3-8B";

    private static Endpoint parse(String text) {
      // What was given is not repeated: people put keys into URLs.
      int hash = text.indexOf('#');
      if (hash < 1 || hash == text.length() - 1) {
        throw new IllegalArgumentException(FORM + "; there is no BASE_URL or no #MODEL");
      }
      URI url;
      try {
        url = new URI(text.substring(0, hash));
      } catch (URISyntaxException e) {
        throw new IllegalArgumentException(FORM + "; BASE_URL is not a URL: " + e.getReason(), e);
      }
      String scheme = url.getScheme() == null ? "" : url.getScheme().toLowerCase(Locale.ROOT);
      if (!(scheme.equals("http") || scheme.equals("https")) || url.getHost() == null) {
        throw new IllegalArgumentException(FORM + "; BASE_URL is not one of http or https");
      }
      return new Endpoint(url, text.substring(hash + 1));
    }

    @Override
    public OpenModel open(
        GenerationOptions generation, Surroundings surroundings, Consumer<String> notice) {
      HostedModel.Builder builder =
          HostedModel.builder().baseUrl(baseUrl.toString()).modelName(model);
      // The environment of the command, which in a test is not that of the process.
      surroundings.variable(EndpointKind.at(baseUrl).keyVariable()).ifPresent(builder::apiKey);
      builder.retryListener(
          retry ->
              notice.accept(
                  "Trying again in %.1f s (%d of %d): %s"
                      .formatted(
                          retry.delay().toMillis() / 1000.0,
                          retry.number(),
                          retry.limit(),
                          OneLine.of(retry.reason()))));
      generation.apply(builder);
      HostedModel hosted = builder.build();
      return new OpenModel(
          model + " at " + baseUrl.getHost(),
          hosted.streamingChatModel(),
          ContextPolicy.UNKNOWN,
          hosted::close);
    }
  }
}
