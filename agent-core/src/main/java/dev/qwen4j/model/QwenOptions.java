package dev.qwen4j.model;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What Qwen's servers can be told beyond OpenAI's protocol, and in which words each of them wants
 * to hear it. What is not set is not sent.
 */
final class QwenOptions {
  @Nullable Boolean thinking;
  @Nullable Integer thinkingBudget;
  @Nullable Boolean preserveThinking;
  @Nullable Boolean search;
  @Nullable Boolean highResolutionImages;
  boolean cacheControl;
  final Map<String, Object> templateArguments = new TreeMap<>();

  /**
   * The fields of every request.
   *
   * @throws IllegalArgumentException if the server knows no such setting
   */
  Map<String, Object> parameters(EndpointKind kind) {
    Map<String, Object> all = new LinkedHashMap<>();
    Map<String, Object> template = new LinkedHashMap<>();
    if (thinking != null) {
      all.putAll(kind.thinkingParameters(thinking));
    }
    if (thinkingBudget != null) {
      switch (kind) {
        case DASH_SCOPE, DASH_SCOPE_CHINA, MODEL_SCOPE ->
            all.put("thinking_budget", thinkingBudget);
        case OPEN_ROUTER -> all.put("reasoning", Map.of("max_tokens", thinkingBudget));
        case OLLAMA, VLLM, SGLANG, LLAMA_CPP, LM_STUDIO, OPEN_AI_COMPATIBLE ->
            throw unknown("a thinking budget", kind);
      }
    }
    if (preserveThinking != null) {
      if (kind.rendersTemplate()) {
        template.put("preserve_thinking", preserveThinking);
      } else {
        onlyDashScope("preserved thinking", "preserve_thinking", preserveThinking, kind, all);
      }
    }
    if (search != null) {
      onlyDashScope("a search of its own", "enable_search", search, kind, all);
    }
    if (highResolutionImages != null) {
      onlyDashScope(
          "images in high resolution",
          "vl_high_resolution_images",
          highResolutionImages,
          kind,
          all);
    }
    template.putAll(templateArguments);
    if (!template.isEmpty()) {
      if (!kind.rendersTemplate()) {
        throw unknown("arguments of the chat template", kind);
      }
      if (all.get("chat_template_kwargs") instanceof Map<?, ?> thinkingArgument) {
        thinkingArgument.forEach(
            (name, value) -> template.putIfAbsent(String.valueOf(name), value));
      }
      all.put("chat_template_kwargs", template);
    }
    if (cacheControl && !kind.isDashScope()) {
      throw unknown("cache markers", kind);
    }
    return all;
  }

  /** The headers of every request. */
  Map<String, String> headers() {
    return cacheControl ? Map.of("X-DashScope-CacheControl", "enable") : Map.of();
  }

  private static void onlyDashScope(
      String what, String field, Object value, EndpointKind kind, Map<String, Object> all) {
    if (!kind.isDashScope()) {
      throw unknown(what, kind);
    }
    all.put(field, value);
  }

  private static IllegalArgumentException unknown(String what, EndpointKind kind) {
    return new IllegalArgumentException(
        kind
            + " is not known to have "
            + what
            + ": leave the setting out, name the server with endpoint(…), or send the field as it"
            + " is with parameter(…).");
  }
}
