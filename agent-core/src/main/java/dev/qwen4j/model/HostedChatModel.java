package dev.qwen4j.model;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The streaming model with a collecting listener. Not the endpoint's own plain call: DashScope
 * refuses thinking there, idle proxies cut it, and it would be a second path through every quirk.
 */
final class HostedChatModel implements ChatModel {
  private final HostedStreamingModel streaming;

  HostedChatModel(HostedStreamingModel streaming) {
    this.streaming = streaming;
  }

  @Override
  public ChatResponse doChat(ChatRequest request) {
    var collector = new Collector();
    streaming.doChat(request, collector);
    if (collector.error != null) {
      throw collector.error;
    }
    if (collector.response == null) {
      throw new IllegalStateException("a stream ended neither complete nor in an error");
    }
    return collector.response;
  }

  /** Filled before {@code doChat} returns, on the same thread. */
  private static final class Collector implements StreamingChatResponseHandler {
    private @Nullable ChatResponse response;
    private @Nullable RuntimeException error;

    @Override
    public void onCompleteResponse(ChatResponse complete) {
      response = complete;
    }

    @Override
    public void onError(Throwable thrown) {
      error =
          thrown instanceof RuntimeException e ? e : new ModelException(thrown.toString(), thrown);
    }
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return streaming.defaultRequestParameters();
  }

  @Override
  public List<ChatModelListener> listeners() {
    return streaming.listeners();
  }

  @Override
  public ModelProvider provider() {
    return streaming.provider();
  }

  @Override
  public Set<Capability> supportedCapabilities() {
    return streaming.supportedCapabilities();
  }
}
