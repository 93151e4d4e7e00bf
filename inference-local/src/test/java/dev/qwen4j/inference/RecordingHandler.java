package dev.qwen4j.inference;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialThinkingContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Keeps all that a streaming model says. */
class RecordingHandler implements StreamingChatResponseHandler {
  final StringBuilder text = new StringBuilder();
  final StringBuilder thinking = new StringBuilder();
  final List<CompleteToolCall> calls = new ArrayList<>();
  final List<Thread> threads = new ArrayList<>();
  private final Consumer<StreamingHandle> onPiece;
  private @Nullable ChatResponse response;
  private @Nullable Throwable error;
  int ends;

  RecordingHandler() {
    this(handle -> {});
  }

  /**
   * @param onPiece what to do at each piece
   */
  RecordingHandler(Consumer<StreamingHandle> onPiece) {
    this.onPiece = onPiece;
  }

  ChatResponse response() {
    return Objects.requireNonNull(response, () -> "no response but " + error);
  }

  Throwable error() {
    return Objects.requireNonNull(error, () -> "no error but " + response);
  }

  @Override
  public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
    text.append(piece.text());
    threads.add(Thread.currentThread());
    onPiece.accept(context.streamingHandle());
  }

  @Override
  public void onPartialThinking(PartialThinking piece, PartialThinkingContext context) {
    thinking.append(piece.text());
    threads.add(Thread.currentThread());
    onPiece.accept(context.streamingHandle());
  }

  @Override
  public void onCompleteToolCall(CompleteToolCall call) {
    calls.add(call);
  }

  @Override
  public void onCompleteResponse(ChatResponse complete) {
    response = complete;
    ends++;
  }

  @Override
  public void onError(Throwable cause) {
    error = cause;
    ends++;
  }
}
