package dev.qwen4j.inference.hub;

import java.util.Optional;
import java.util.stream.Stream;

/** Where repositories of models are. */
public enum ModelSource {
  HUGGING_FACE("hf", "https://huggingface.co", "HF_ENDPOINT", "HF_TOKEN"),
  MODEL_SCOPE("modelscope", "https://modelscope.cn", "MODELSCOPE_ENDPOINT", "MODELSCOPE_API_TOKEN");

  private final String scheme;
  private final String defaultEndpoint;
  private final String endpointVariable;
  private final String tokenVariable;

  ModelSource(
      String scheme, String defaultEndpoint, String endpointVariable, String tokenVariable) {
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

  static Optional<ModelSource> withScheme(String scheme) {
    return Stream.of(values()).filter(source -> source.scheme.equals(scheme)).findFirst();
  }
}
