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
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.agent.Reply.End;
import dev.qwen4j.dialect.OutputEvent;
import dev.qwen4j.dialect.OutputParser;
import dev.qwen4j.model.ModelException;
import dev.qwen4j.model.ReplyCancelledException;
import dev.qwen4j.tool.Cancellation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
  private static final String END_THINK = "</think>";

  /** How long a reply that was stopped may take to say what it cost, when time presses. */
  private static final Duration LAST_WORD = Duration.ofMillis(80);

  /** And when it was stopped for what it writes, and the run goes on. */
  private static final Duration LONGEST_LAST_WORD = Duration.ofMillis(400);

  private final OutputParser parser;
  private final Consumer<OutputEvent> out;
  private final Cancellation cancellation;
  private final int mostPieces;
  private final BlockingQueue<Signal> signals = new LinkedBlockingQueue<>();
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder thinking = new StringBuilder();
  private final List<ToolExecutionRequest> announced = new ArrayList<>();
  private final List<ToolExecutionRequest> recovered = new ArrayList<>();
  private volatile @Nullable StreamingHandle handle;
  private final long started = System.nanoTime();
  private int pieces;
  private boolean streamed;
  private volatile boolean over;

  /**
   * @param parser reads the text for thoughts and calls that the host has left in it
   * @param out hears text and thinking as they come, on the thread that calls {@link #ask}
   * @param mostPieces after how many streamed pieces the reply is cut off
   */
  ModelTurn(
      OutputParser parser, Consumer<OutputEvent> out, Cancellation cancellation, int mostPieces) {
    this.parser = parser;
    this.out = out;
    this.cancellation = cancellation;
    this.mostPieces = mostPieces;
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
    boolean stopped = false;
    var listening = cancellation.onCancel(() -> signals.add(new Signal.WakeUp()));
    try (listening) {
      Ended ended = untilEnd(soft, hard);
      TokenUsage usage = ended.usage();
      if (ended.mustStop()) {
        stop(caller);
        stopped = true;
        usage = lastWord(ended.isInHaste() ? LAST_WORD : LONGEST_LAST_WORD);
      }
      return reply(ended, usage);
    } finally {
      over = true;
      if (!stopped) {
        caller.interrupt(); // The listener threw, or the model has nothing more to do.
      }
    }
  }

  /**
   * Why the reading ended, and with what.
   *
   * @param response the whole reply, or the calls of one that was cut off after them
   */
  private record Ended(End end, @Nullable ChatResponse response, @Nullable Throwable cause) {
    boolean mustStop() {
      return end != End.COMPLETE && end != End.FAILED;
    }

    boolean isInHaste() {
      return end == End.CANCELLED || end == End.TIMED_OUT;
    }

    @Nullable TokenUsage usage() {
      return response != null ? response.tokenUsage() : costOf(cause);
    }
  }

  private Ended untilEnd(Deadline soft, Deadline hard) {
    try {
      while (!cancellation.isCancelled()) {
        Deadline deadline = text.isEmpty() || writesCalls() ? soft : hard;
        Spin.until(() -> !signals.isEmpty());
        Signal next =
            deadline.isPast()
                ? null
                : signals.poll(deadline.remainingNanos(), TimeUnit.NANOSECONDS);
        switch (next) {
          case null -> {
            return new Ended(End.TIMED_OUT, null, null);
          }
          case Signal.Text(String delta) -> {
            streamed = true;
            pieces++;
            parser.accept(delta, this::on);
          }
          case Signal.Thinking(String delta) -> {
            pieces++;
            on(new OutputEvent.Thinking(delta));
          }
          case Signal.CallPiece() -> pieces++;
          case Signal.Call(ToolExecutionRequest request) -> announced.add(request);
          case Signal.Completed(ChatResponse response) -> {
            return new Ended(End.COMPLETE, response, null);
          }
          case Signal.Failed(Throwable cause) -> {
            return new Ended(End.FAILED, null, cause);
          }
          case Signal.WakeUp() -> {}
        }
        if (SameCalls.repeats(announced) || SameCalls.repeats(recovered)) {
          return new Ended(End.REPEATING, soFar(), null);
        }
        if (pieces > mostPieces) {
          return new Ended(End.TOO_LONG, soFar(), null);
        }
      }
    } catch (InterruptedException e) {
      cancellation.cancel();
      Thread.currentThread().interrupt();
    }
    return new Ended(End.CANCELLED, null, null);
  }

  private ChatResponse soFar() {
    var calls = AiMessage.builder().toolExecutionRequests(SameCalls.onceEach(announced)).build();
    return ChatResponse.builder().aiMessage(calls).build();
  }

  private void stop(Thread caller) {
    over = true;
    caller.interrupt();
    cancelStream();
  }

  /** What the model says of the cost of a reply that it was made to end, if it says so at once. */
  private @Nullable TokenUsage lastWord(Duration longest) {
    Deadline patience = Deadline.in(longest);
    boolean interrupted = Thread.interrupted();
    var unread = new ArrayList<Signal>();
    try {
      while (!patience.isPast()) {
        Signal signal = signals.poll(patience.remainingNanos(), TimeUnit.NANOSECONDS);
        switch (signal) {
          case null -> {}
          case Signal.Completed(ChatResponse response) -> {
            return response.tokenUsage();
          }
          case Signal.Failed(Throwable cause) -> {
            return costOf(cause);
          }
          default -> unread.add(signal);
        }
      }
    } catch (InterruptedException e) {
      interrupted = true;
    } finally {
      signals.addAll(unread);
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    return null;
  }

  private boolean writesCalls() {
    return !announced.isEmpty() || !recovered.isEmpty();
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

  private Reply reply(Ended ended, @Nullable TokenUsage usage) {
    End end = ended.end();
    ChatResponse response = ended.response();
    AiMessage.Builder message = AiMessage.builder();
    if (response != null) {
      AiMessage whole = response.aiMessage();
      message = whole.toBuilder();
      if (thinking.isEmpty() && whole.thinking() != null) {
        on(new OutputEvent.Thinking(whole.thinking()));
      }
      if (!streamed && whole.text() != null) {
        parser.accept(whole.text(), this::on);
      }
      parser.finish(end == End.COMPLETE ? this::on : this::onUnlessCall);
      message.toolExecutionRequests(withRecovered(whole.toolExecutionRequests(), end));
    } else {
      readWhatHasArrived();
      parser.finish(this::onUnlessCall);
    }
    separateUnopenedThinking();
    message.text(text.isEmpty() ? null : text.toString());
    message.thinking(thinking.isEmpty() ? null : thinking.toString());
    return new Reply(
        message.build(),
        usage,
        response == null ? null : response.finishReason(),
        end,
        ended.cause() == null ? null : asException(ended.cause()),
        Duration.ofNanos(System.nanoTime() - started));
  }

  /**
   * Some templates open the thinking in the prompt, and some hosts do not notice: the thoughts then
   * come as text, up to an end marker that nothing began. They have been shown as text, but must
   * not be kept as the answer.
   */
  private void separateUnopenedThinking() {
    int end = text.indexOf(END_THINK);
    if (end >= 0 && thinking.isEmpty() && text.indexOf("`" + END_THINK) < 0) {
      thinking.append(text.substring(0, end).strip());
      text.replace(0, text.length(), text.substring(end + END_THINK.length()).stripLeading());
    }
  }

  /** What was said before the end, and not yet read, still counts. */
  private void readWhatHasArrived() {
    over = true;
    for (Signal signal = signals.poll(); signal != null; signal = signals.poll()) {
      switch (signal) {
        case Signal.Text(String delta) -> parser.accept(delta, this::onUnlessCall);
        case Signal.Thinking(String delta) -> on(new OutputEvent.Thinking(delta));
        case Signal.Call call -> {}
        case Signal.CallPiece() -> {}
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
    for (ToolExecutionRequest found :
        end == End.REPEATING ? SameCalls.onceEach(recovered) : recovered) {
      if (!SameCalls.isIn(calls, found)) {
        all.add(found);
      }
    }
    return all;
  }

  private static @Nullable TokenUsage costOf(@Nullable Throwable cause) {
    return switch (cause) {
      case ReplyCancelledException cancelled -> cancelled.usage();
      case ModelException e when isRefusal(e) -> new TokenUsage(0, 0, 0);
      case null, default -> null;
    };
  }

  /** Whether the host turned the request down, which costs nothing. */
  private static boolean isRefusal(ModelException e) {
    int status = e.status().orElse(0);
    return status >= 400 && status < 500;
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
    if (!over || signal instanceof Signal.Completed || signal instanceof Signal.Failed) {
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
    signal(new Signal.CallPiece(), context.streamingHandle());
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
