package dev.qwen4j.model;

import java.net.URI;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What differs between the servers that speak the OpenAI chat protocol, as data. Everything that
 * does not need to be told in advance (how a stream spells reasoning, ids, ends) is read leniently
 * from any of them instead.
 */
public enum EndpointKind {
  /** Alibaba Cloud Model Studio: {@code enable_thinking} is a field of the request. */
  DASH_SCOPE("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),

  /**
   * vLLM, SGLang, llama.cpp's server and anything else that renders the model's own chat template:
   * {@code enable_thinking} is an argument of the template. Without a thinking setting only the
   * standard fields are sent.
   */
  OPEN_AI_COMPATIBLE(null, "OPENAI_API_KEY");

  private final @Nullable String baseUrl;
  private final String keyVariable;

  EndpointKind(@Nullable String baseUrl, String keyVariable) {
    this.baseUrl = baseUrl;
    this.keyVariable = keyVariable;
  }

  /** The kind that is served at an address: {@link #DASH_SCOPE} for its hosts, else the other. */
  public static EndpointKind at(URI address) {
    String host = Optional.ofNullable(address.getHost()).orElse("").toLowerCase(Locale.ROOT);
    return host.contains("dashscope") && host.endsWith(".aliyuncs.com")
        ? DASH_SCOPE
        : OPEN_AI_COMPATIBLE;
  }

  /** The environment variable that usually holds the key. */
  public String keyVariable() {
    return keyVariable;
  }

  Optional<String> baseUrl() {
    return Optional.ofNullable(baseUrl);
  }

  Map<String, Object> thinkingParameters(boolean thinking) {
    return switch (this) {
      case DASH_SCOPE -> Map.of("enable_thinking", thinking);
      case OPEN_AI_COMPATIBLE ->
          Map.of("chat_template_kwargs", Map.of("enable_thinking", thinking));
    };
  }
}
