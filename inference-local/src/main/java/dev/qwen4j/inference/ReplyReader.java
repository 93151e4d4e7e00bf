package dev.qwen4j.inference;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.qwen4j.dialect.OutputEvent;
import dev.qwen4j.dialect.OutputParser;
import dev.qwen4j.inference.internal.engine.StopSequences;
import dev.qwen4j.inference.internal.engine.TokenSink;
import dev.qwen4j.inference.internal.tokenizer.StreamDecoder;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * Reads one reply from its tokens: ids → text → up to a stop sequence → thinking, text and calls,
 * which the listener hears at once and the finished message holds. A call is heard when it is
 * whole; one that goes round in a circle never will be, so it ends the reply and is dropped.
 */
final class ReplyReader implements TokenSink {
  private final StreamDecoder decoder;
  private final StopSequences stops;
  private final OutputParser parser;
  private final ReplyListener listener;
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder thinking = new StringBuilder();
  private final List<ToolExecutionRequest> calls = new ArrayList<>();
  private final Circle unheard = new Circle();
  private boolean circling;

  ReplyReader(
      StreamDecoder decoder, StopSequences stops, OutputParser parser, ReplyListener listener) {
    this.decoder = decoder;
    this.stops = stops;
    this.parser = parser;
    this.listener = listener;
  }

  @Override
  public boolean accept(int id) {
    circling = unheard.closes(id);
    parse(stops.accept(decoder.append(id)));
    return !stops.reached() && !circling;
  }

  /** Whether the reply was ended since nobody would have heard any more of it. */
  boolean wentInCircles() {
    return circling;
  }

  /** Ends the reply and returns what is whole of it. */
  AiMessage finish() {
    if (!circling) {
      parse(stops.accept(decoder.finish()));
      parse(stops.finish());
      parser.finish(this::hear);
    }
    AiMessage.Builder message = AiMessage.builder();
    boolean onlyCalls = !calls.isEmpty() && text.toString().isBlank();
    if (!onlyCalls) {
      message.text(text.toString());
    }
    if (!thinking.isEmpty()) {
      message.thinking(thinking.toString());
    }
    return message.toolExecutionRequests(calls).build();
  }

  private void parse(String delta) {
    if (!delta.isEmpty()) {
      parser.accept(delta, this::hear);
    }
  }

  private void hear(OutputEvent event) {
    unheard.forget();
    circling = false;
    switch (event) {
      case OutputEvent.Text(String delta) -> {
        text.append(delta);
        listener.text(delta);
      }
      case OutputEvent.Thinking(String delta) -> {
        thinking.append(delta);
        listener.thinking(delta);
      }
      case OutputEvent.Call(String name, String arguments) -> {
        ToolExecutionRequest request =
            ToolExecutionRequest.builder()
                .id("call_" + UUID.randomUUID().toString().replace("-", "").substring(0, 16))
                .name(name)
                .arguments(arguments)
                .build();
        calls.add(request);
        listener.call(calls.size() - 1, request);
      }
    }
  }
}
