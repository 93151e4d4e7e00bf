package dev.qwen4j.model;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialThinkingContext;
import dev.langchain4j.model.chat.response.PartialToolCall;
import dev.langchain4j.model.chat.response.PartialToolCallContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatRequestParameters;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * LangChain4j's OpenAI client with two promises more: a call ends in exactly one of {@code
 * onCompleteResponse} and {@code onError} (or in neither, when its listener cancelled it), and what
 * the endpoint did wrong arrives as a {@link ModelException} whose cause is LangChain4j's own
 * exception for it. Blocks until then, delivering on the calling thread.
 */
final class HostedStreamingModel implements StreamingChatModel {
  private final OpenAiStreamingChatModel openAi;
  private final boolean enforcesSchemas;

  HostedStreamingModel(OpenAiStreamingChatModel openAi, boolean enforcesSchemas) {
    this.openAi = openAi;
    this.enforcesSchemas = enforcesSchemas;
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    List<ChatMessage> passable = RequestBody.passable(request.messages());
    openAi.doChat(withTopK(request.toBuilder().messages(passable).build()), new Guard(handler));
  }

  /** OpenAI's own API has no top_k, so the client refuses it; the servers of Qwen all take it. */
  private static ChatRequest withTopK(ChatRequest request) {
    Integer topK = request.parameters().topK();
    if (topK == null) {
      return request;
    }
    var parameters = (OpenAiChatRequestParameters) request.parameters();
    Map<String, Object> custom = new HashMap<>();
    if (parameters.customParameters() != null) {
      custom.putAll(parameters.customParameters());
    }
    custom.put("top_k", topK);
    OpenAiChatRequestParameters.Builder builder =
        OpenAiChatRequestParameters.builder().overrideWith(parameters);
    builder.topK(null);
    return ChatRequest.builder()
        .messages(request.messages())
        .parameters(builder.customParameters(custom).build())
        .build();
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return openAi.defaultRequestParameters();
  }

  @Override
  public List<ChatModelListener> listeners() {
    return openAi.listeners();
  }

  @Override
  public ModelProvider provider() {
    return openAi.provider();
  }

  @Override
  public Set<Capability> supportedCapabilities() {
    return enforcesSchemas ? Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA) : Set.of();
  }

  /**
   * Lets nothing through after an error of the endpoint. An exception of the handler itself goes
   * LangChain4j's way: it is reported to the handler, and the stream goes on.
   */
  private static final class Guard implements StreamingChatResponseHandler {
    private final StreamingChatResponseHandler handler;
    private @Nullable RuntimeException handlerFailure;
    private boolean ended;

    Guard(StreamingChatResponseHandler handler) {
      this.handler = handler;
    }

    @Override
    public void onPartialResponse(PartialResponse partial, PartialResponseContext context) {
      deliver(() -> handler.onPartialResponse(partial, context));
    }

    @Override
    public void onPartialThinking(PartialThinking partial, PartialThinkingContext context) {
      deliver(() -> handler.onPartialThinking(partial, context));
    }

    @Override
    public void onPartialToolCall(PartialToolCall partial, PartialToolCallContext context) {
      deliver(() -> handler.onPartialToolCall(partial, context));
    }

    @Override
    public void onCompleteToolCall(CompleteToolCall call) {
      deliver(() -> handler.onCompleteToolCall(call));
    }

    @Override
    public void onUnmappedRawEvent(Object event) {
      deliver(() -> handler.onUnmappedRawEvent(event));
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      deliver(() -> handler.onCompleteResponse(response));
      ended = true;
    }

    @Override
    public void onError(Throwable error) {
      if (error == handlerFailure) {
        handler.onError(error);
        return;
      }
      if (!ended) {
        ended = true;
        handler.onError(
            error instanceof ModelException
                ? error
                : new ModelException(
                    "The answer could not be read: " + firstLine(error),
                    new InternalServerException(firstLine(error), error)));
      }
    }

    private void deliver(Runnable delivery) {
      if (ended) {
        return;
      }
      try {
        delivery.run();
      } catch (RuntimeException e) {
        handlerFailure = e;
        throw e;
      }
    }

    private static String firstLine(Throwable error) {
      return String.valueOf(error.getMessage()).lines().findFirst().orElse("");
    }
  }
}
