package dev.qwen4j.inference;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;

/**
 * How to run a checkpoint.
 *
 * @param threads that compute, the caller's among them
 * @param contextLength the most tokens of prompt and reply together, at most what the model was
 *     trained for (more where its file scales RoPE); 0 for as much as the Java heap can hold.
 *     Memory is taken as a conversation grows.
 * @param kvCache how the keys and values of those tokens are kept
 * @param parameters what a request that does not say otherwise is run with
 * @param listeners LangChain4j listeners of every request
 */
public record LoadOptions(
    int threads,
    int contextLength,
    KvCache kvCache,
    ChatRequestParameters parameters,
    List<ChatModelListener> listeners) {
  /** How the keys and values of attention are kept. */
  public enum KvCache {
    /** In half precision. */
    F16,
    /** In blocks of bytes: half the memory, so twice the context, for a little accuracy. */
    Q8_0
  }

  public LoadOptions {
    if (threads < 1) {
      throw new IllegalArgumentException("threads: expected at least 1, found " + threads);
    }
    if (contextLength < 0) {
      throw new IllegalArgumentException(
          "contextLength: expected 0 (automatic) or more, found " + contextLength);
    }
    listeners = List.copyOf(listeners);
  }

  /** All processors, the longest context that fits, Qwen's recommended sampling. */
  public static LoadOptions standard() {
    return new LoadOptions(
        Runtime.getRuntime().availableProcessors(),
        0,
        KvCache.F16,
        LocalChatRequestParameters.builder().build(),
        List.of());
  }

  public LoadOptions withThreads(int value) {
    return new LoadOptions(value, contextLength, kvCache, parameters, listeners);
  }

  public LoadOptions withContextLength(int value) {
    return new LoadOptions(threads, value, kvCache, parameters, listeners);
  }

  public LoadOptions withKvCache(KvCache value) {
    return new LoadOptions(threads, contextLength, value, parameters, listeners);
  }

  public LoadOptions withParameters(ChatRequestParameters value) {
    return new LoadOptions(threads, contextLength, kvCache, value, listeners);
  }

  public LoadOptions withListeners(List<ChatModelListener> value) {
    return new LoadOptions(threads, contextLength, kvCache, parameters, value);
  }
}
