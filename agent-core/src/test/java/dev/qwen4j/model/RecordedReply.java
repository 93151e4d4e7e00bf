package dev.qwen4j.model;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.ArrayList;
import java.util.List;

/** Keeps everything that a streamed call delivers. */
class RecordedReply implements StreamingChatResponseHandler {
  final List<String> text = new ArrayList<>();
  final List<String> thinking = new ArrayList<>();
  final List<CompleteToolCall> calls = new ArrayList<>();
  final List<ChatResponse> responses = new ArrayList<>();
  final List<Throwable> errors = new ArrayList<>();

  @Override
  public void onPartialResponse(PartialResponse partial, PartialResponseContext context) {
    text.add(partial.text());
  }

  @Override
  public void onPartialThinking(PartialThinking partial) {
    thinking.add(partial.text());
  }

  @Override
  public void onCompleteToolCall(CompleteToolCall call) {
    calls.add(call);
  }

  @Override
  public void onCompleteResponse(ChatResponse response) {
    responses.add(response);
  }

  @Override
  public void onError(Throwable error) {
    errors.add(error);
  }

  ChatResponse response() {
    if (!errors.isEmpty()) {
      throw new AssertionError("the call failed", errors.getFirst());
    }
    return responses.getFirst();
  }

  /** The one error, when there is exactly one and nothing completed. */
  ModelException error() {
    if (errors.size() != 1 || !responses.isEmpty()) {
      throw new AssertionError("expected one error, but got " + errors + " and " + responses);
    }
    return (ModelException) errors.getFirst();
  }
}
