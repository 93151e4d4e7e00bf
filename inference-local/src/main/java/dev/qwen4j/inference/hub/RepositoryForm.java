package dev.qwen4j.inference.hub;

import java.util.regex.Pattern;

/** Reads {@code owner/repo[:quant]}. */
final class RepositoryForm {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*");
  private static final Pattern CHOICE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_./-]*");

  private RepositoryForm() {}

  static ModelReference parse(ModelReference.Source source, String whole, String rest) {
    int colon = rest.indexOf(':');
    String repository = colon < 0 ? rest : rest.substring(0, colon);
    String choice = colon < 0 ? null : rest.substring(colon + 1);
    int slash = repository.indexOf('/');
    if (slash < 0
        || !NAME.matcher(repository.substring(0, slash)).matches()
        || !NAME.matcher(repository.substring(slash + 1)).matches()
        || (choice != null && !CHOICE.matcher(choice).matches())) {
      throw new IllegalArgumentException(
          "model: expected " + source.scheme() + ":owner/repo[:quant], found " + whole);
    }
    return new ModelReference.Repository(
        source, repository.substring(0, slash), repository.substring(slash + 1), choice);
  }
}
