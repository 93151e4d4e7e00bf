package dev.qwen4j.dialect;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialThinkingContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.langchain4j.model.output.FinishReason;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Teaches tools to a model that has no template for them: it is told of them in plain text, writes
 * its calls as text in an agreed form, and reads their results as text. Whoever asks it sees a
 * model that calls tools like any other, so that every agent can run on it.
 */
public final class TextCallingModel implements StreamingChatModel {
  private final StreamingChatModel model;
  private final CallStyle style;

  private TextCallingModel(StreamingChatModel model, CallStyle style) {
    this.model = model;
    this.style = style;
  }

  /**
   * Calls in the manner of ReAct: {@code Thought:}, {@code Action:}, {@code Action Input:},
   * answered by {@code Observation:}, until there is a {@code Final Answer:}. One call a reply.
   */
  public static TextCallingModel reAct(StreamingChatModel model) {
    return new TextCallingModel(model, new ReActStyle());
  }

  /**
   * Calls by writing programs, in the manner of Qwen2.5-Math: the last {@code ```python} block of a
   * reply is a call of the one tool that takes {@code code}, and what it prints comes back as an
   * {@code ```output} block.
   */
  public static TextCallingModel pythonBlocks(StreamingChatModel model) {
    return new TextCallingModel(model, new PythonBlockStyle());
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    List<ToolSpecification> tools =
        request.toolSpecifications() == null ? List.of() : request.toolSpecifications();
    List<String> stops = new ArrayList<>();
    if (request.stopSequences() != null) {
      stops.addAll(request.stopSequences());
    }
    stops.add(style.stop());
    model.chat(
        ChatRequest.builder()
            .messages(style.plain(request.messages(), tools))
            .modelName(request.modelName())
            .temperature(request.temperature())
            .topP(request.topP())
            .topK(request.topK())
            .frequencyPenalty(request.frequencyPenalty())
            .presencePenalty(request.presencePenalty())
            .maxOutputTokens(request.maxOutputTokens())
            .stopSequences(stops)
            .build(),
        new Reading(style.parser(tools), handler));
  }

  /** Passes on what the text means instead of the text. */
  private static final class Reading implements StreamingChatResponseHandler {
    private final OutputParser parser;
    private final StreamingChatResponseHandler to;
    private final StringBuilder text = new StringBuilder();
    private final StringBuilder thinking = new StringBuilder();
    private final List<ToolExecutionRequest> calls = new ArrayList<>();
    private boolean streamed;
    private @Nullable StreamingHandle handle;

    Reading(OutputParser parser, StreamingChatResponseHandler to) {
      this.parser = parser;
      this.to = to;
    }

    private void tell(OutputEvent event) {
      switch (event) {
        case OutputEvent.Text(String delta) -> {
          text.append(delta);
          if (handle == null) {
            to.onPartialResponse(delta);
          } else {
            to.onPartialResponse(new PartialResponse(delta), new PartialResponseContext(handle));
          }
        }
        case OutputEvent.Thinking(String delta) -> {
          thinking.append(delta);
          if (handle == null) {
            to.onPartialThinking(new PartialThinking(delta));
          } else {
            to.onPartialThinking(new PartialThinking(delta), new PartialThinkingContext(handle));
          }
        }
        case OutputEvent.Call(String name, String arguments) -> {
          var call = ToolExecutionRequest.builder().name(name).arguments(arguments).build();
          to.onCompleteToolCall(new CompleteToolCall(calls.size(), call));
          calls.add(call);
        }
      }
    }

    @Override
    public void onPartialResponse(String delta) {
      streamed = true;
      parser.accept(delta, this::tell);
    }

    @Override
    public void onPartialResponse(PartialResponse delta, PartialResponseContext context) {
      handle = context.streamingHandle();
      onPartialResponse(delta.text());
    }

    @Override
    public void onPartialThinking(PartialThinking delta) {
      tell(new OutputEvent.Thinking(delta.text()));
    }

    @Override
    public void onPartialThinking(PartialThinking delta, PartialThinkingContext context) {
      handle = context.streamingHandle();
      onPartialThinking(delta);
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      AiMessage whole = response.aiMessage();
      if (!streamed && whole.text() != null) {
        parser.accept(whole.text(), this::tell);
      }
      parser.finish(this::tell);
      if (thinking.isEmpty() && whole.thinking() != null) {
        thinking.append(whole.thinking());
      }
      AiMessage read =
          whole.toBuilder()
              .text(text.isEmpty() ? null : text.toString())
              .thinking(thinking.isEmpty() ? null : thinking.toString())
              .toolExecutionRequests(calls)
              .build();
      var told =
          ChatResponse.builder()
              .aiMessage(read)
              .tokenUsage(response.tokenUsage())
              .finishReason(
                  calls.isEmpty() ? response.finishReason() : FinishReason.TOOL_EXECUTION);
      to.onCompleteResponse(told.build());
    }

    @Override
    public void onError(Throwable cause) {
      to.onError(cause);
    }
  }
}
