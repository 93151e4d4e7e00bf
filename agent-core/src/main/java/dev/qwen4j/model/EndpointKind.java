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
   * Alibaba Cloud Model Studio, the international site: {@code enable_thinking} and {@code
   * thinking_budget} are fields of the request. Workspaces have addresses of their own, as {@code
   * https://WORKSPACE.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1}, for {@code baseUrl(…)}.
   *
   * @see <a href="https://www.alibabacloud.com/help/en/model-studio/deep-thinking">its thinking</a>
   */
  DASH_SCOPE("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),

  /** Alibaba Cloud Model Studio, the site in China: the same fields, other keys. */
  DASH_SCOPE_CHINA("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),

  /**
   * ModelScope's API inference: {@code enable_thinking} as on DashScope. Its key is what ModelScope
   * calls an SDK token.
   *
   * @see <a href="https://www.modelscope.cn/docs/model-service/API-Inference/intro">its pages</a>
   */
  MODEL_SCOPE("https://api-inference.modelscope.cn/v1", "MODELSCOPE_API_TOKEN"),

  /**
   * OpenRouter: {@code reasoning} is an object of the request, with {@code enabled} or {@code
   * max_tokens}; answers bear it as {@code reasoning} too.
   *
   * @see <a href="https://openrouter.ai/docs/use-cases/reasoning-tokens">its reasoning tokens</a>
   */
  OPEN_ROUTER("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),

  /**
   * vLLM on this machine: {@code enable_thinking} is an argument of the chat template. Calls and
   * thoughts are only told apart from text with {@code --enable-auto-tool-choice
   * --tool-call-parser} and {@code --reasoning-parser}; without, they are found in the text.
   *
   * @see <a href="https://docs.vllm.ai/en/stable/features/reasoning_outputs/">its reasoning</a>
   */
  VLLM("http://localhost:8000/v1", "VLLM_API_KEY"),

  /**
   * SGLang on this machine: as vLLM, with {@code --tool-call-parser} and {@code
   * --reasoning-parser}.
   *
   * @see <a href="https://docs.sglang.io/docs/advanced_features/separate_reasoning">its
   *     reasoning</a>
   */
  SGLANG("http://localhost:30000/v1", "SGLANG_API_KEY"),

  /**
   * The server of llama.cpp on this machine: as vLLM; it takes whatever name of a model and serves
   * the one that it has loaded. Releases since the autumn of 2026 listen on port 9931 instead.
   *
   * @see <a href="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md">its
   *     manual</a>
   */
  LLAMA_CPP("http://localhost:8080/v1", "LLAMA_API_KEY"),

  /**
   * LM Studio on this machine: {@code reasoning_effort} {@code none} switches thinking off, for
   * models that it knows to think; arguments of the template are not taken. A key is only needed
   * where its settings require one.
   *
   * @see <a href="https://lmstudio.ai/docs/developer/openai-compat">its endpoints</a>
   */
  LM_STUDIO("http://localhost:1234/v1", "LM_API_TOKEN"),

  /**
   * Ollama on this machine: {@code reasoning_effort} {@code none} switches thinking off. The window
   * is set on the server ({@code OLLAMA_CONTEXT_LENGTH}), a few thousand tokens unless told
   * otherwise, and what does not fit is cut off without a word.
   *
   * @see <a href="https://docs.ollama.com/api/openai-compatibility">its compatibility</a>
   */
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
    boolean isModelStudio = host.contains("dashscope") || host.endsWith(".maas.aliyuncs.com");
    return isModelStudio && host.endsWith(".aliyuncs.com") ? DASH_SCOPE : OPEN_AI_COMPATIBLE;
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
      case VLLM, SGLANG, LLAMA_CPP, OPEN_AI_COMPATIBLE -> true;
      case DASH_SCOPE, DASH_SCOPE_CHINA, MODEL_SCOPE, OPEN_ROUTER, LM_STUDIO, OLLAMA -> false;
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
      case OLLAMA, LM_STUDIO -> Map.of("reasoning_effort", thinking ? "medium" : "none");
      case VLLM, SGLANG, LLAMA_CPP, OPEN_AI_COMPATIBLE ->
          Map.of("chat_template_kwargs", Map.of("enable_thinking", thinking));
    };
  }
}
