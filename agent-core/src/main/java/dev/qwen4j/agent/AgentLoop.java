package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.agent.ModelTurn.End;
import dev.qwen4j.agent.ModelTurn.Reply;
import dev.qwen4j.agent.ToolCalls.Finished;
import dev.qwen4j.dialect.HermesParser;
import dev.qwen4j.dialect.OutputEvent;
import dev.qwen4j.tool.Cancellation;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One run of an agent: ask the model, run the tools it calls, append their results, and ask again,
 * until it answers or a limit is reached. Reads top to bottom.
 *
 * <p>A limit is not a failure: the model is asked once more, without tools, to answer from what it
 * has. Only the listener may throw out of here.
 */
final class AgentLoop {
  private static final String ANSWER_NOW =
      "Answer now, briefly, from what you have, without calling tools.";
  private static final String NUDGE =
      "Your last calls brought nothing new. Answer from the results you have; call a tool only for"
          + " something that is still missing.";
  private static final String SAY_SOMETHING =
      "Your reply was empty. Answer the question, or call a tool.";

  /** The part of the time that is kept for a last answer: a fifth, at most this much. */
  private static final Duration LONGEST_RESERVE = Duration.ofSeconds(30);

  private final Agent agent;
  private final AgentListener listener;
  private final Cancellation cancellation;
  private final Conversation conversation;
  private final Deadline end;
  private final Deadline workEnd;
  private final ToolCalls toolCalls;
  private final ProgressCheck progress = new ProgressCheck();
  private int turns;
  private TokenUsage usage = new TokenUsage(0, 0, 0);
  private @Nullable Finished lastResult;

  AgentLoop(
      Agent agent, Conversation conversation, AgentListener listener, Cancellation cancellation) {
    this.agent = agent;
    this.conversation = conversation;
    this.listener = listener;
    this.cancellation = cancellation;
    Duration time = agent.limits().maxTime();
    Duration fifth = time.dividedBy(5);
    this.end = Deadline.in(time);
    this.workEnd =
        Deadline.in(time.minus(fifth.compareTo(LONGEST_RESERVE) < 0 ? fifth : LONGEST_RESERVE));
    this.toolCalls = new ToolCalls(agent, this::tell, cancellation, workEnd);
  }

  RunResult run() {
    tell(new AgentEvent.RunStarted(agent.name(), conversation.input()));
    RunResult result = untilAnswerOrLimit();
    tell(new AgentEvent.RunFinished(agent.name(), result));
    return result;
  }

  private RunResult untilAnswerOrLimit() {
    String aside = null; // What the model is told besides the conversation, this once.
    boolean askedAgain = false;
    while (true) {
      Reply reply = ask(agent.specifications(), aside, workEnd);
      aside = null;
      List<ToolExecutionRequest> calls = conversation.append(reply.message());
      if (reply.end() == End.TIMED_OUT && !reply.text().isBlank()) {
        return finish(StopReason.MAX_TIME, reply.text());
      }
      if (reply.end() == End.TIMED_OUT) {
        return answerNow(StopReason.MAX_TIME);
      }
      if (reply.end() != End.COMPLETE) {
        return broken(reply);
      }
      if (reply.isEmpty() && askedAgain) {
        return finish(
            StopReason.NO_PROGRESS, withoutAnswer("The model gave an empty reply twice."));
      }
      if (reply.isEmpty()) {
        askedAgain = true;
        aside = SAY_SOMETHING;
        continue;
      }
      if (calls.isEmpty()) {
        return finish(StopReason.ANSWER, reply.text());
      }

      List<Finished> finished = toolCalls.run(calls, reply.finish() == FinishReason.LENGTH);
      finished.forEach(call -> conversation.append(call.request(), call.result()));
      lastResult = finished.getLast();

      if (cancellation.isCancelled()) {
        return finish(StopReason.CANCELLED, reply.text());
      }
      StopReason limit = limitReached();
      if (limit != null) {
        return answerNow(limit);
      }
      switch (progress.after(finished)) {
        case FINE -> {}
        case NUDGE -> {
          notice("The model repeats itself; it was told so.");
          aside = NUDGE;
        }
        case STOP -> {
          return answerNow(StopReason.NO_PROGRESS);
        }
      }
    }
  }

  private @Nullable StopReason limitReached() {
    if (workEnd.isPast()) {
      return StopReason.MAX_TIME;
    }
    if (toolCalls.overLimit()) {
      return StopReason.MAX_TOOL_CALLS;
    }
    if (usage.totalTokenCount() >= agent.limits().maxTokens()) {
      return StopReason.MAX_TOKENS;
    }
    return turns >= agent.limits().maxTurns() ? StopReason.MAX_TURNS : null;
  }

  /** The last turn: no tools on offer, and the model is told to answer. */
  private RunResult answerNow(StopReason limit) {
    notice("Stopped by " + limit.id() + "; asked for an answer from what there is.");
    Reply reply = ask(List.of(), ANSWER_NOW, end);
    if (reply.end() == End.CANCELLED || reply.end() == End.FAILED) {
      return broken(reply);
    }
    String text =
        reply.text().isBlank()
            ? withoutAnswer("Stopped by " + limit.id() + " before there was an answer.")
            : reply.text();
    return finish(limit, text);
  }

  private Reply ask(List<ToolSpecification> tools, @Nullable String aside, Deadline patience) {
    turns++;
    tell(new AgentEvent.TurnStarted(agent.name(), turns));
    long started = System.nanoTime();
    var request =
        ChatRequest.builder().messages(conversation.messagesThen(aside)).toolSpecifications(tools);
    Reply reply =
        new ModelTurn(HermesParser.forTools(agent.toolNames()), this::stream, cancellation)
            .ask(agent.model(), request.build(), patience, end);
    usage = TokenUsage.sum(usage, reply.usage());
    tell(
        new AgentEvent.TurnFinished(
            agent.name(), turns, reply.usage(), Duration.ofNanos(System.nanoTime() - started)));
    return reply;
  }

  private void stream(OutputEvent output) {
    switch (output) {
      case OutputEvent.Text(String delta) -> tell(new AgentEvent.TextDelta(agent.name(), delta));
      case OutputEvent.Thinking(String delta) ->
          tell(new AgentEvent.ThinkingDelta(agent.name(), delta));
      case OutputEvent.Call call -> {}
    }
  }

  private RunResult broken(Reply reply) {
    return result(
        reply.end() == End.CANCELLED ? StopReason.CANCELLED : StopReason.ERROR,
        reply.text(),
        reply.failure());
  }

  private RunResult finish(StopReason reason, String text) {
    return result(reason, text, null);
  }

  private RunResult result(StopReason reason, String text, @Nullable Exception failure) {
    conversation.answerOpenCalls("Interrupted: the run ended before this call.");
    return new RunResult(text, reason, failure, turns, usage, conversation.messages());
  }

  /** What can honestly be said when the model said nothing. */
  private String withoutAnswer(String why) {
    return lastResult == null
        ? why
        : why + " The last result, of " + lastResult.name() + ": " + lastResult.result().text();
  }

  private void notice(String text) {
    tell(new AgentEvent.Notice(agent.name(), text));
  }

  private void tell(AgentEvent event) {
    listener.onEvent(event);
  }
}
