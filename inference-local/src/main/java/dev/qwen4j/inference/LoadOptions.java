package dev.qwen4j.inference;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;

/**
 * How to run a checkpoint.
 *
 * @param threads that compute, the caller's among them
 * @param contextLength the most tokens of prompt and reply together, at most what the model was
 *     trained for; 0 for as much as the Java heap can hold. Memory is taken as a conversation
 *     grows.
 * @param parameters what a request that does not say otherwise is run with
 * @param listeners LangChain4j listeners of every request
 */
public record LoadOptions(
    int threads,
    int contextLength,
    ChatRequestParameters parameters,
    List<ChatModelListener> listeners) {
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
        LocalChatRequestParameters.builder().build(),
        List.of());
  }

  public LoadOptions withThreads(int value) {
    return new LoadOptions(value, contextLength, parameters, listeners);
  }

  public LoadOptions withContextLength(int value) {
    return new LoadOptions(threads, value, parameters, listeners);
  }

  public LoadOptions withParameters(ChatRequestParameters value) {
    return new LoadOptions(threads, contextLength, value, listeners);
  }

  public LoadOptions withListeners(List<ChatModelListener> value) {
    return new LoadOptions(threads, contextLength, parameters, value);
  }
}
