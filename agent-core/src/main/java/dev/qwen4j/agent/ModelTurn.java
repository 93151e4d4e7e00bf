package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
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
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.dialect.OutputEvent;
import dev.qwen4j.dialect.OutputParser;
import dev.qwen4j.model.ModelException;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolArguments;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One model call. The model runs on a virtual thread and calls back from whatever threads it likes;
 * its callbacks become signals in a queue that the run's own thread reads, so that everything after
 * this class happens on one thread.
 *
 * <p>The wait ends when the model answers or fails, at the deadline, or when the run is cancelled,
 * whether or not the model notices: its thread is interrupted, its {@link StreamingHandle} (if it
 * ever showed one) is cancelled, and what it says later is dropped.
 */
final class ModelTurn implements StreamingChatResponseHandler {
  enum End {
    COMPLETE,
    /** It wrote one call over and over and was stopped; the calls stand once each. */
    REPEATING,
    FAILED,
    TIMED_OUT,
    CANCELLED
  }

  /**
   * What came of a model call.
   *
   * @param message what was said, in part if the reply {@linkplain #isWhole is not whole}
   * @param failure why, when the end is {@link End#FAILED}
   */
  record Reply(
      AiMessage message,
      TokenUsage usage,
      @Nullable FinishReason finish,
      End end,
      @Nullable Exception failure) {
    String text() {
      return message.text() == null ? "" : message.text();
    }

    boolean isWhole() {
      return end == End.COMPLETE || end == End.REPEATING;
    }

    boolean isEmpty() {
      return text().isBlank() && !message.hasToolExecutionRequests();
    }
  }

  private sealed interface Signal {
    record Text(String delta) implements Signal {}

    record Thinking(String delta) implements Signal {}

    record Call(ToolExecutionRequest request) implements Signal {}

    record Completed(ChatResponse response) implements Signal {}

    record Failed(Throwable cause) implements Signal {}

    /** Nothing happened but a cancellation, which the reader sees for itself. */
    record WakeUp() implements Signal {}
  }

  /** Two may be meant; three of the same are a loop. */
  private static final int MOST_TIMES = 3;

  private final OutputParser parser;
  private final Consumer<OutputEvent> out;
  private final Cancellation cancellation;
  private final BlockingQueue<Signal> signals = new LinkedBlockingQueue<>();
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder thinking = new StringBuilder();
  private final List<ToolExecutionRequest> announced = new ArrayList<>();
  private final List<ToolExecutionRequest> recovered = new ArrayList<>();
  private volatile @Nullable StreamingHandle handle;
  private boolean streamed;
  private volatile boolean over;

  /**
   * @param parser reads the text for thoughts and calls that the host has left in it
   * @param out hears text and thinking as they come, on the thread that calls {@link #ask}
   */
  ModelTurn(OutputParser parser, Consumer<OutputEvent> out, Cancellation cancellation) {
    this.parser = parser;
    this.out = out;
    this.cancellation = cancellation;
  }

  /**
   * Makes the call and waits for its end. A reply that writes one and the same call over and over
   * is taken to end there: small models go on like that for as long as they may.
   *
   * @param soft when to give up a reply that is no answer so far
   * @param hard when to give up in any case
   */
  Reply ask(StreamingChatModel model, ChatRequest asked, Deadline soft, Deadline hard) {
    Thread caller =
        Thread.ofVirtual()
            .name("qwen4j-model")
            .start(
                () -> {
                  try {
                    model.chat(asked, this);
                  } catch (Throwable e) { // It ends this turn, not this thread.
                    signals.add(new Signal.Failed(e));
                  }
                });
    boolean mustStop = true;
    var listening = cancellation.onCancel(() -> signals.add(new Signal.WakeUp()));
    try (listening) {
      while (!cancellation.isCancelled()) {
        Deadline deadline = text.isEmpty() || writesCalls() ? soft : hard;
        Signal next =
            deadline.isPast()
                ? null
                : signals.poll(deadline.remainingNanos(), TimeUnit.NANOSECONDS);
        switch (next) {
          case null -> {
            return reply(End.TIMED_OUT, null, null);
          }
          case Signal.Text(String delta) -> {
            streamed = true;
            parser.accept(delta, this::on);
          }
          case Signal.Thinking(String delta) -> on(new OutputEvent.Thinking(delta));
          case Signal.Call(ToolExecutionRequest request) -> announced.add(request);
          case Signal.Completed(ChatResponse response) -> {
            mustStop = false;
            return reply(End.COMPLETE, response, null);
          }
          case Signal.Failed(Throwable cause) -> {
            return reply(End.FAILED, null, cause);
          }
          case Signal.WakeUp() -> {}
        }
        if (repeats(announced) || repeats(recovered)) {
          over = true;
          var soFar = AiMessage.builder().toolExecutionRequests(onceEach(announced)).build();
          return reply(End.REPEATING, ChatResponse.builder().aiMessage(soFar).build(), null);
        }
      }
    } catch (InterruptedException e) {
      cancellation.cancel();
      Thread.currentThread().interrupt();
    } finally {
      over = true;
      if (mustStop) {
        caller.interrupt();
        cancelStream();
      }
    }
    return reply(End.CANCELLED, null, null);
  }

  private boolean writesCalls() {
    return !announced.isEmpty() || !recovered.isEmpty();
  }

  private static List<ToolExecutionRequest> onceEach(List<ToolExecutionRequest> calls) {
    var once = new ArrayList<ToolExecutionRequest>();
    for (ToolExecutionRequest call : calls) {
      if (once.stream().noneMatch(each -> same(each, call))) {
        once.add(call);
      }
    }
    return once;
  }

  /** Whether the last call stands there {@link #MOST_TIMES} times. */
  private static boolean repeats(List<ToolExecutionRequest> calls) {
    int times = 0;
    for (ToolExecutionRequest call : calls) {
      times += same(calls.getLast(), call) ? 1 : 0;
    }
    return times >= MOST_TIMES;
  }

  private void on(OutputEvent event) {
    switch (event) {
      case OutputEvent.Text(String delta) -> text.append(delta);
      case OutputEvent.Thinking(String delta) -> thinking.append(delta);
      case OutputEvent.Call(String name, String arguments) ->
          recovered.add(ToolExecutionRequest.builder().name(name).arguments(arguments).build());
    }
    out.accept(event);
  }

  private Reply reply(End end, @Nullable ChatResponse response, @Nullable Throwable cause) {
    AiMessage.Builder message = AiMessage.builder();
    TokenUsage usage = new TokenUsage(0, 0, 0);
    if (response != null) {
      AiMessage whole = response.aiMessage();
      message = whole.toBuilder();
      if (thinking.isEmpty() && whole.thinking() != null) {
        on(new OutputEvent.Thinking(whole.thinking()));
      }
      if (!streamed && whole.text() != null) {
        parser.accept(whole.text(), this::on);
      }
      parser.finish(end == End.REPEATING ? this::onUnlessCall : this::on);
      message.toolExecutionRequests(withRecovered(whole.toolExecutionRequests(), end));
      if (response.tokenUsage() != null) {
        usage = usage.add(response.tokenUsage());
      }
    } else {
      readWhatHasArrived();
      parser.finish(this::onUnlessCall);
    }
    message.text(text.isEmpty() ? null : text.toString());
    message.thinking(thinking.isEmpty() ? null : thinking.toString());
    return new Reply(
        message.build(),
        usage,
        response == null ? null : response.finishReason(),
        end,
        cause == null ? null : asException(cause));
  }

  /** What was said before the end, and not yet read, still counts. */
  private void readWhatHasArrived() {
    over = true;
    for (Signal signal = signals.poll(); signal != null; signal = signals.poll()) {
      switch (signal) {
        case Signal.Text(String delta) -> parser.accept(delta, this::onUnlessCall);
        case Signal.Thinking(String delta) -> on(new OutputEvent.Thinking(delta));
        case Signal.Call call -> {}
        case Signal.Completed complete -> {}
        case Signal.Failed failed -> {}
        case Signal.WakeUp() -> {}
      }
    }
  }

  /** A call at the end of a reply that broke off is not one to run. */
  private void onUnlessCall(OutputEvent event) {
    if (!(event instanceof OutputEvent.Call)) {
      on(event);
    }
  }

  /** The host's calls, then those found in the text that the host did not find too. */
  private List<ToolExecutionRequest> withRecovered(List<ToolExecutionRequest> calls, End end) {
    var all = new ArrayList<>(calls);
    for (ToolExecutionRequest found : end == End.REPEATING ? onceEach(recovered) : recovered) {
      if (calls.stream().noneMatch(call -> same(call, found))) {
        all.add(found);
      }
    }
    return all;
  }

  private static boolean same(ToolExecutionRequest call, ToolExecutionRequest found) {
    if (!Objects.equals(call.name(), found.name())
        || call.arguments() == null
        || found.arguments() == null) {
      return false;
    }
    try {
      return ToolArguments.parse(call.arguments()).equals(ToolArguments.parse(found.arguments()));
    } catch (IllegalArgumentException broken) {
      return call.arguments().equals(found.arguments());
    }
  }

  private static Exception asException(Throwable cause) {
    return cause instanceof Exception exception
        ? exception
        : new ModelException("The model failed: " + cause, cause);
  }

  /** On a thread of its own: nobody promises that a foreign cancel returns. */
  private void cancelStream() {
    StreamingHandle seen = handle;
    if (seen != null) {
      Thread.ofVirtual().name("qwen4j-cancel").start(seen::cancel);
    }
  }

  private void signal(Signal signal, @Nullable StreamingHandle shown) {
    if (shown != null) {
      handle = shown;
    }
    if (!over) {
      signals.add(signal);
    } else if (shown != null) {
      shown.cancel();
    }
  }

  @Override
  public void onPartialResponse(String delta) {
    signal(new Signal.Text(delta), null);
  }

  @Override
  public void onPartialResponse(PartialResponse delta, PartialResponseContext context) {
    signal(new Signal.Text(delta.text()), context.streamingHandle());
  }

  @Override
  public void onPartialThinking(PartialThinking delta) {
    signal(new Signal.Thinking(delta.text()), null);
  }

  @Override
  public void onPartialThinking(PartialThinking delta, PartialThinkingContext context) {
    signal(new Signal.Thinking(delta.text()), context.streamingHandle());
  }

  @Override
  public void onPartialToolCall(PartialToolCall delta, PartialToolCallContext context) {
    signal(new Signal.WakeUp(), context.streamingHandle());
  }

  @Override
  public void onCompleteToolCall(CompleteToolCall call) {
    signal(new Signal.Call(call.toolExecutionRequest()), null);
  }

  @Override
  public void onCompleteResponse(ChatResponse response) {
    signal(new Signal.Completed(response), null);
  }

  @Override
  public void onError(Throwable cause) {
    signal(new Signal.Failed(cause), null);
  }
}
