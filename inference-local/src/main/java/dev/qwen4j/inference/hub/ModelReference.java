package dev.qwen4j.inference.hub;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which model a user means: a file on this machine, or one in a repository. */
public sealed interface ModelReference {
  /** The forms that {@link #parse} reads, for messages and help. */
  String FORMS =
      "a path to a GGUF file or a HuggingFace folder, hf:owner/repo[:quant] or"
          + " modelscope:owner/repo[:quant]";

  /** A file on this machine. */
  record LocalFile(Path path) implements ModelReference {
    @Override
    public String toString() {
      return path.toString();
    }
  }

  /**
   * A file in a repository.
   *
   * @param choice a quantisation as {@code Q4_K_M}, or a file's path in the repository (ends in
   *     {@code .gguf}); null for the default
   */
  record Repository(ModelSource source, String owner, String name, @Nullable String choice)
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
    Optional<ModelSource> source =
        colon < 0 ? Optional.empty() : ModelSource.withScheme(text.substring(0, colon));
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
