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
  /**
   * Alibaba Cloud Model Studio, the international site: {@code enable_thinking} is a field of the
   * request.
   */
  DASH_SCOPE("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),

  /** Alibaba Cloud Model Studio, the site in China. */
  DASH_SCOPE_CHINA("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),

  /** ModelScope's API inference: as DashScope's. */
  MODEL_SCOPE("https://api-inference.modelscope.cn/v1", "MODELSCOPE_API_TOKEN"),

  /** OpenRouter: {@code reasoning} is an object of the request. */
  OPEN_ROUTER("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),

  /** vLLM on this machine. */
  VLLM("http://localhost:8000/v1", "VLLM_API_KEY"),

  /** SGLang on this machine. */
  SGLANG("http://localhost:30000/v1", "SGLANG_API_KEY"),

  /** The server of llama.cpp on this machine. */
  LLAMA_CPP("http://localhost:8080/v1", "LLAMA_API_KEY"),

  /** LM Studio on this machine: it renders the template without arguments from outside. */
  LM_STUDIO("http://localhost:1234/v1", "LM_API_TOKEN"),

  /** Ollama on this machine: {@code reasoning_effort} {@code none} switches thinking off. */
  OLLAMA("http://localhost:11434/v1", "OLLAMA_API_KEY"),

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

  /**
   * The kind that is served at an address: the one whose host it is, and {@link
   * #OPEN_AI_COMPATIBLE} for all others, this machine's among them.
   */
  public static EndpointKind at(URI address) {
    String host = Optional.ofNullable(address.getHost()).orElse("").toLowerCase(Locale.ROOT);
    if (host.equals("openrouter.ai")) {
      return OPEN_ROUTER;
    }
    if (host.equals("api-inference.modelscope.cn")) {
      return MODEL_SCOPE;
    }
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

  boolean isDashScope() {
    return this == DASH_SCOPE || this == DASH_SCOPE_CHINA;
  }

  /** Whether it renders the model's own chat template and takes arguments for it. */
  boolean rendersTemplate() {
    return switch (this) {
      case VLLM, SGLANG, LLAMA_CPP, LM_STUDIO, OPEN_AI_COMPATIBLE -> true;
      case DASH_SCOPE, DASH_SCOPE_CHINA, MODEL_SCOPE, OPEN_ROUTER, OLLAMA -> false;
    };
  }

  /**
   * Whether it is known to hold any model to a JSON schema. What others do with one depends on the
   * model, or is not known.
   */
  boolean enforcesSchemas() {
    return switch (this) {
      case VLLM, SGLANG, LLAMA_CPP, LM_STUDIO, OLLAMA -> true;
      case DASH_SCOPE, DASH_SCOPE_CHINA, MODEL_SCOPE, OPEN_ROUTER, OPEN_AI_COMPATIBLE -> false;
    };
  }

  Map<String, Object> thinkingParameters(boolean thinking) {
    return switch (this) {
      case DASH_SCOPE, DASH_SCOPE_CHINA, MODEL_SCOPE -> Map.of("enable_thinking", thinking);
      case OPEN_ROUTER -> Map.of("reasoning", Map.of("enabled", thinking));
      case OLLAMA -> Map.of("reasoning_effort", thinking ? "medium" : "none");
      case VLLM, SGLANG, LLAMA_CPP, LM_STUDIO, OPEN_AI_COMPATIBLE ->
          Map.of("chat_template_kwargs", Map.of("enable_thinking", thinking));
    };
  }
}
