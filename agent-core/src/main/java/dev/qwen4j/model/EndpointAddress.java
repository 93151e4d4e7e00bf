package dev.qwen4j.model;

import java.net.URI;
import org.jspecify.annotations.Nullable;

/** Where an API begins, checked: what people paste may hold a key, and is not repeated. */
final class EndpointAddress {
  private EndpointAddress() {}

  /**
   * Reads it, without slashes at its end.
   *
   * @throws IllegalArgumentException if it is missing or not usable
   */
  static URI parse(@Nullable String given) {
    if (given == null || given.isBlank()) {
      throw new IllegalArgumentException("baseUrl is missing");
    }
    String text = given.strip().replaceAll("/+$", "");
    URI uri;
    try {
      uri = URI.create(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("The base URL is not a URL: " + expected(), e);
    }
    String scheme = String.valueOf(uri.getScheme());
    boolean usable =
        (scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https"))
            && uri.getHost() != null
            && uri.getRawUserInfo() == null
            && uri.getRawQuery() == null
            && uri.getRawFragment() == null;
    if (!usable) {
      throw new IllegalArgumentException(
          "The base URL must be http(s)://host[:port]/path without user, query or fragment: "
              + expected());
    }
    if (uri.getPath().endsWith("/chat/completions")) {
      throw new IllegalArgumentException(
          "The base URL must end before /chat/completions, but was " + uri);
    }
    return uri;
  }

  private static String expected() {
    return "expected one like http://localhost:8000/v1";
  }
}
