package dev.qwen4j.model;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialThinkingContext;
import dev.langchain4j.model.chat.response.PartialToolCall;
import dev.langchain4j.model.chat.response.PartialToolCallContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Several models as one: a request goes to the first, and to the next when it fails before anything
 * of its answer has been delivered. What the last one fails with is the failure. A request that was
 * cancelled goes no further.
 */
public final class FallbackModel implements StreamingChatModel {
  private static final Logger LOG = LoggerFactory.getLogger(FallbackModel.class);

  private final List<StreamingChatModel> models;

  private FallbackModel(List<StreamingChatModel> models) {
    this.models = List.copyOf(models);
  }

  /**
   * In the order in which they are tried.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static FallbackModel of(StreamingChatModel... models) {
    if (models.length == 0) {
      throw new IllegalArgumentException("A fallback needs at least one model.");
    }
    return new FallbackModel(List.of(models));
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    ask(0, request, handler);
  }

  /** What all of them can: nobody knows who will answer. */
  @Override
  public Set<Capability> supportedCapabilities() {
    Set<Capability> all = EnumSet.allOf(Capability.class);
    models.forEach(model -> all.retainAll(model.supportedCapabilities()));
    return all;
  }

  private void ask(int index, ChatRequest request, StreamingChatResponseHandler handler) {
    var attempt = new Attempt(index, request, handler);
    try {
      models.get(index).chat(request, attempt);
    } catch (RuntimeException e) { // A model may refuse a request before it begins.
      attempt.onError(e);
    }
  }

  private final class Attempt implements StreamingChatResponseHandler {
    private final int index;
    private final ChatRequest request;
    private final StreamingChatResponseHandler handler;
    private volatile boolean delivered;

    Attempt(int index, ChatRequest request, StreamingChatResponseHandler handler) {
      this.index = index;
      this.request = request;
      this.handler = handler;
    }

    @Override
    public void onError(Throwable error) {
      boolean cancelled =
          error instanceof CancellationException || Thread.currentThread().isInterrupted();
      if (delivered || cancelled || index == models.size() - 1) {
        handler.onError(error);
        return;
      }
      LOG.warn("Model {} failed, trying the next: {}", index + 1, error.getMessage());
      ask(index + 1, request, handler);
    }

    @Override
    public void onPartialResponse(String partial) {
      delivered = true;
      handler.onPartialResponse(partial);
    }

    @Override
    public void onPartialResponse(PartialResponse partial, PartialResponseContext context) {
      delivered = true;
      handler.onPartialResponse(partial, context);
    }

    @Override
    public void onPartialThinking(PartialThinking partial) {
      delivered = true;
      handler.onPartialThinking(partial);
    }

    @Override
    public void onPartialThinking(PartialThinking partial, PartialThinkingContext context) {
      delivered = true;
      handler.onPartialThinking(partial, context);
    }

    @Override
    public void onPartialToolCall(PartialToolCall partial) {
      delivered = true;
      handler.onPartialToolCall(partial);
    }

    @Override
    public void onPartialToolCall(PartialToolCall partial, PartialToolCallContext context) {
      delivered = true;
      handler.onPartialToolCall(partial, context);
    }

    @Override
    public void onCompleteToolCall(CompleteToolCall call) {
      delivered = true;
      handler.onCompleteToolCall(call);
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      delivered = true;
      handler.onCompleteResponse(response);
    }
  }
}
