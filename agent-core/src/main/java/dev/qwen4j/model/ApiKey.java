package dev.qwen4j.model;

import java.net.URI;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A key and where it came from, for messages that help without showing it.
 *
 * @param value the secret, or null when the endpoint is called without one
 * @param variable the environment variable that holds it or should, or null when it was given in
 *     code
 */
record ApiKey(@Nullable String value, @Nullable String variable) {
  ApiKey {
    if (value != null && !value.chars().allMatch(c -> c > 0x20 && c < 0x7f)) {
      throw new IllegalArgumentException(
          (variable == null ? "The given API key" : "The key in " + variable)
              + " holds a space, a line break or a non-ASCII character; check how it was copied");
    }
  }

  static ApiKey given(String value) {
    if (value.isBlank()) {
      throw new IllegalArgumentException("The given API key is blank");
    }
    return new ApiKey(value.strip(), null);
  }

  /** Reads the key; only an endpoint on this machine may do without one. */
  static ApiKey fromEnvironment(String variable, URI baseUrl, UnaryOperator<@Nullable String> env) {
    String value = env.apply(variable);
    if (value != null && !value.isBlank()) {
      return new ApiKey(value.strip(), variable);
    }
    if (!isLoopback(baseUrl)) {
      throw new IllegalArgumentException(
          baseUrl + " needs a key: set the environment variable " + variable);
    }
    return new ApiKey(null, variable);
  }

  /** Decided by the name alone: a lookup could answer differently when the request is made. */
  private static boolean isLoopback(URI address) {
    String host = address.getHost().toLowerCase(Locale.ROOT);
    return host.equals("localhost")
        || host.endsWith(".localhost")
        || host.matches("127(\\.\\d{1,3}){3}")
        || host.equals("[::1]");
  }

  @Override
  public String toString() {
    return value == null ? "none" : variable == null ? "given" : "from " + variable;
  }
}
