package dev.qwen4j.testing;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.model.ReplyCancelledException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A model that says what a test told it to: enqueue replies, run an agent, look at the requests.
 *
 * <pre>{@code
 * var model = new ScriptedModel()
 *     .enqueue(ScriptedModel.reply().call("calculator", "{\"expression\": \"6 * 7\"}"))
 *     .enqueueText("It is 42.");
 * }</pre>
 *
 * <p>A request beyond the script fails with an {@link AssertionError} that quotes it, so that an
 * agent which asks once too often fails its test. Safe to use from several threads.
 */
public final class ScriptedModel implements StreamingChatModel {
  private static final int MOST_KEPT = 10_000;

  private final Queue<Function<ChatRequest, Reply>> script = new ArrayDeque<>();
  private final Deque<ChatRequest> requests = new ArrayDeque<>();
  private int asked;
  private @Nullable Function<ChatRequest, Reply> otherwise;

  /** Starts a reply to {@link #enqueue}. */
  public static Reply reply() {
    return new Reply();
  }

  public synchronized ScriptedModel enqueue(Reply reply) {
    script.add(request -> reply);
    return this;
  }

  /** Enqueues a reply that depends on the request. */
  public synchronized ScriptedModel enqueue(Function<ChatRequest, Reply> reply) {
    script.add(reply);
    return this;
  }

  /** Enqueues a reply that is only text. */
  public ScriptedModel enqueueText(String text) {
    return enqueue(reply().text(text));
  }

  /** Answers every request beyond the script with this. */
  public synchronized ScriptedModel otherwise(Function<ChatRequest, Reply> reply) {
    otherwise = reply;
    return this;
  }

  /** The requests received so far; of very many, the last 10,000. */
  public synchronized List<ChatRequest> requests() {
    return List.copyOf(requests);
  }

  /** How many enqueued replies have not been asked for. */
  public synchronized int remaining() {
    return script.size();
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    next(request).play(handler);
  }

  private Reply next(ChatRequest request) {
    Function<ChatRequest, Reply> next;
    synchronized (this) {
      asked++;
      requests.add(request);
      if (requests.size() > MOST_KEPT) {
        requests.remove();
      }
      next = script.isEmpty() ? otherwise : script.remove();
      if (next == null) {
        throw new AssertionError(
            "Request "
                + asked
                + " is one more than the script has replies. Its last message is: "
                + request.messages().getLast());
      }
    }
    return next.apply(request); // Not in the others' way.
  }

  /** One scripted reply: pieces in order, then how it ends. Not changed once enqueued. */
  public static final class Reply {
    private sealed interface Piece {
      record Text(String delta) implements Piece {}

      record Thinking(String delta) implements Piece {}

      record Act(Runnable action) implements Piece {}

      record Hang(@Nullable TokenUsage usage) implements Piece {}

      record Fail(Throwable cause) implements Piece {}
    }

    private final List<Piece> pieces = new ArrayList<>();
    private final List<ToolExecutionRequest> calls = new ArrayList<>();
    private @Nullable FinishReason finish;
    private @Nullable TokenUsage usage = new TokenUsage(10, 5);

    private Reply() {}

    /** Streams {@code text} in one piece. */
    public Reply text(String text) {
      pieces.add(new Piece.Text(text));
      return this;
    }

    /** Streams the pieces one by one, cut as they are. */
    public Reply chunks(String... deltas) {
      for (String delta : deltas) {
        text(delta);
      }
      return this;
    }

    public Reply thinking(String text) {
      pieces.add(new Piece.Thinking(text));
      return this;
    }

    /** Asks for a tool call, with an id made from its place in this reply. */
    public Reply call(String name, String arguments) {
      return call("scripted_" + (calls.size() + 1), name, arguments);
    }

    /** Asks for a tool call; any part may be missing, as some hosts have it. */
    public Reply call(@Nullable String id, @Nullable String name, @Nullable String arguments) {
      calls.add(ToolExecutionRequest.builder().id(id).name(name).arguments(arguments).build());
      return this;
    }

    /** Runs {@code action} on the model's thread at this place of the reply. */
    public Reply then(Runnable action) {
      pieces.add(new Piece.Act(action));
      return this;
    }

    /** Goes silent for good at this place: only an interruption ends the model's thread. */
    public Reply hang() {
      pieces.add(new Piece.Hang(null));
      return this;
    }

    /** As {@link #hang()}, and says when it is interrupted what it has cost, as local models do. */
    public Reply hang(TokenUsage usage) {
      pieces.add(new Piece.Hang(usage));
      return this;
    }

    /** Fails at this place. */
    public Reply fail(Throwable cause) {
      pieces.add(new Piece.Fail(cause));
      return this;
    }

    /** What the reply cost; null when the host does not say. */
    public Reply usage(@Nullable TokenUsage usage) {
      this.usage = usage;
      return this;
    }

    public Reply finish(FinishReason reason) {
      this.finish = reason;
      return this;
    }

    private void play(StreamingChatResponseHandler handler) {
      var text = new StringBuilder();
      var thinking = new StringBuilder();
      for (Piece piece : pieces) {
        switch (piece) {
          case Piece.Text(String delta) -> {
            text.append(delta);
            handler.onPartialResponse(delta);
          }
          case Piece.Thinking(String delta) -> {
            thinking.append(delta);
            handler.onPartialThinking(new PartialThinking(delta));
          }
          case Piece.Act(Runnable action) -> action.run();
          case Piece.Fail(Throwable cause) -> {
            handler.onError(cause);
            return;
          }
          case Piece.Hang(TokenUsage cost) -> {
            try {
              new CountDownLatch(1).await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
            if (cost != null) {
              handler.onError(
                  new ReplyCancelledException(new CancellationException("interrupted"), cost));
            }
            return;
          }
        }
      }
      for (int i = 0; i < calls.size(); i++) {
        handler.onCompleteToolCall(new CompleteToolCall(i, calls.get(i)));
      }
      handler.onCompleteResponse(
          ChatResponse.builder()
              .aiMessage(
                  AiMessage.builder()
                      .text(text.isEmpty() ? null : text.toString())
                      .thinking(thinking.isEmpty() ? null : thinking.toString())
                      .toolExecutionRequests(calls)
                      .build())
              .tokenUsage(usage)
              .finishReason(finishReason())
              .build());
    }

    private FinishReason finishReason() {
      if (finish != null) {
        return finish;
      }
      return calls.isEmpty() ? FinishReason.STOP : FinishReason.TOOL_EXECUTION;
    }
  }
}
