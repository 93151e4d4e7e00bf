package dev.qwen4j.inference;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.ModelProvider;
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
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.qwen4j.model.ModelException;
import dev.qwen4j.model.ReplyCancelledException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A local model that answers piece by piece. The call blocks until the reply has ended and the
 * handler hears everything on the calling thread: pieces, then exactly one end. Interrupting the
 * thread, or cancelling the handle that comes with each piece, ends the reply with a {@link
 * ReplyCancelledException}. What a callback throws is told to {@code onError} and ends nothing, as
 * with LangChain4j's own models. A request that cannot be run at all is thrown before the handler
 * hears anything.
 */
final class LocalStreamingChatModel implements StreamingChatModel {
  private static final Logger LOG = LoggerFactory.getLogger(LocalStreamingChatModel.class);

  private final LocalChat chat;

  LocalStreamingChatModel(LocalChat chat) {
    this.chat = chat;
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    LocalChat.Job job = chat.prepare(request);
    Handle handle = new Handle();
    ChatResponse response;
    try {
      response = chat.run(job, new HandlerListener(handler, handle), handle::isCancelled);
    } catch (RuntimeException e) {
      tell(handler, e);
      return;
    } catch (Error e) {
      tell(handler, new ModelException("the local engine failed: " + e, e));
      throw e;
    }
    callBack(handler, () -> handler.onCompleteResponse(response));
  }

  /** A handler that fails to hear must not take the reply from the others, the listeners. */
  private static void callBack(StreamingChatResponseHandler handler, Runnable callback) {
    try {
      callback.run();
    } catch (RuntimeException e) {
      tell(handler, e);
    }
  }

  private static void tell(StreamingChatResponseHandler handler, RuntimeException error) {
    try {
      handler.onError(error);
    } catch (RuntimeException e) {
      LOG.warn("the handler's onError threw, when told of {}", error, e);
    }
  }

  private static final class Handle implements StreamingHandle {
    private volatile boolean cancelled;

    @Override
    public void cancel() {
      cancelled = true;
    }

    @Override
    public boolean isCancelled() {
      return cancelled;
    }
  }

  private record HandlerListener(StreamingChatResponseHandler handler, StreamingHandle handle)
      implements ReplyListener {
    @Override
    public void text(String delta) {
      if (!handle.isCancelled()) {
        callBack(
            handler,
            () ->
                handler.onPartialResponse(
                    new PartialResponse(delta), new PartialResponseContext(handle)));
      }
    }

    @Override
    public void thinking(String delta) {
      if (!handle.isCancelled()) {
        callBack(
            handler,
            () ->
                handler.onPartialThinking(
                    new PartialThinking(delta), new PartialThinkingContext(handle)));
      }
    }

    @Override
    public void call(int index, ToolExecutionRequest request) {
      if (!handle.isCancelled()) {
        callBack(handler, () -> handler.onCompleteToolCall(new CompleteToolCall(index, request)));
      }
    }
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return chat.defaultParameters();
  }

  @Override
  public List<ChatModelListener> listeners() {
    return chat.listeners();
  }

  @Override
  public ModelProvider provider() {
    return ModelProvider.OTHER;
  }
}
