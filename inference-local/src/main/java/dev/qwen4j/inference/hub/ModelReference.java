package dev.qwen4j.inference.hub;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Which model a user means: a file on this machine, or one in a repository. */
public sealed interface ModelReference {
  /** The forms that {@link #parse} reads, for messages and help. */
  String FORMS =
      "a path to a GGUF file or a HuggingFace folder, hf:owner/repo[:quant] or"
          + " modelscope:owner/repo[:quant]";

  /** Where repositories of models are. */
  enum Source {
    HUGGING_FACE("hf", "https://huggingface.co", "HF_ENDPOINT", "HF_TOKEN"),
    MODEL_SCOPE(
        "modelscope", "https://modelscope.cn", "MODELSCOPE_ENDPOINT", "MODELSCOPE_API_TOKEN");

    private final String scheme;
    private final String defaultEndpoint;
    private final String endpointVariable;
    private final String tokenVariable;

    Source(String scheme, String defaultEndpoint, String endpointVariable, String tokenVariable) {
      this.scheme = scheme;
      this.defaultEndpoint = defaultEndpoint;
      this.endpointVariable = endpointVariable;
      this.tokenVariable = tokenVariable;
    }

    /** What a reference to this source begins with, before the colon. */
    public String scheme() {
      return scheme;
    }

    String defaultEndpoint() {
      return defaultEndpoint;
    }

    String endpointVariable() {
      return endpointVariable;
    }

    String tokenVariable() {
      return tokenVariable;
    }

    static Optional<Source> withScheme(String scheme) {
      return Stream.of(values()).filter(source -> source.scheme.equals(scheme)).findFirst();
    }
  }

  /** A file on this machine. */
  record LocalFile(Path path) implements ModelReference {
    @Override
    public String toString() {
      return path.toString();
    }
  }

  /**
   * A model in a repository.
   *
   * @param choice a quantisation as {@code Q4_K_M}, or a file's path in the repository (ends in
   *     {@code .gguf}); null for the default, which without GGUF files is the whole repository
   */
  record Repository(Source source, String owner, String name, @Nullable String choice)
      implements ModelReference {
    /** The repository alone, as {@code owner/name}. */
    public String id() {
      return owner + "/" + name;
    }

    @Override
    public String toString() {
      return source.scheme() + ":" + id() + (choice == null ? "" : ":" + choice);
    }
  }

  /**
   * Reads what a user typed. Without a known scheme it is a path.
   *
   * @throws IllegalArgumentException if the text is empty or the repository's part is malformed
   */
  static ModelReference parse(String text) {
    int colon = text.indexOf(':');
    Optional<Source> source =
        colon < 0 ? Optional.empty() : Source.withScheme(text.substring(0, colon));
    if (source.isPresent()) {
      return RepositoryForm.parse(source.get(), text, text.substring(colon + 1));
    }
    try {
      if (!text.isBlank()) {
        return new LocalFile(Path.of(text));
      }
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException("model: expected " + FORMS + ", found " + text, e);
    }
    throw new IllegalArgumentException("model: expected " + FORMS + ", found nothing");
  }
}
