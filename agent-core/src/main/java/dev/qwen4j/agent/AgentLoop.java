package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.qwen4j.agent.ProgressCheck.Verdict;
import dev.qwen4j.agent.Reply.End;
import dev.qwen4j.agent.ToolCalls.Finished;
import dev.qwen4j.dialect.BrokenCalls;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.SessionEntry;
import dev.qwen4j.tool.Cancellation;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One run of an agent: ask the model, run the tools that it calls, append their results and ask
 * again, until it answers or a limit is reached. Reads top to bottom.
 *
 * <p>Everything here happens on the thread that called {@link Agent#run}. The model and the tools
 * work on virtual threads that {@link ModelTurn} and {@link ToolCalls} wait for, no longer than the
 * time allows, and stop waiting for when the run is cancelled.
 *
 * <p>A limit is no failure: the model is asked once more, without tools, to answer from what it
 * has. A failing model, tool or approval is none either: it becomes part of the result or of the
 * conversation. Only what the listener throws leaves this class as an exception.
 */
final class AgentLoop {
  /** How often an answer may be of another form than was asked for. */
  private static final int MOST_CORRECTIONS = 3;

  private final Agent agent;
  private final Conversation conversation;
  private final String question;
  private final RunScope scope;
  private final Cancellation cancellation;
  private final Deadline workEnd;
  private final Deadline end;
  private final ToolCalls toolCalls;
  private final ModelCalls model;
  private final ContextRoom room;
  private final ProgressCheck progress = new ProgressCheck();
  private final Findings findings = new Findings();
  private String answerNow = Reminder.ANSWER_NOW;
  private @Nullable AnswerForm<?> form;
  private int useful; // How much of the conversation there was when a turn last brought news.

  AgentLoop(Agent agent, Conversation conversation, RunScope scope) {
    this.agent = agent;
    this.conversation = conversation;
    this.question = conversation.input();
    this.useful = conversation.size();
    this.scope = scope;
    this.cancellation = scope.cancellation();
    this.workEnd = Deadline.in(agent.limits().withMaxTime(scope.time()).workTime());
    this.end = Deadline.in(scope.time());
    this.model = new ModelCalls(agent, scope, end);
    this.room = new ContextRoom(agent.context(), new Summary(model::askAside), this::notice);
    this.toolCalls = new ToolCalls(agent, conversation, scope, workEnd);
  }

  /** Goes on with calls that were decided elsewhere. */
  AgentLoop decided(Map<String, Decision> decisions) {
    toolCalls.decide(decisions);
    return this;
  }

  /** Has answers corrected that are not of this form. */
  AgentLoop expecting(AnswerForm<?> answer) {
    form = answer;
    model.expect(answer);
    answerNow = Reminder.ANSWER_NOW + " " + answer.inWords();
    return this;
  }

  RunResult run() {
    scope.tell(new AgentEvent.RunStarted(scope.path(), question));
    RunResult result = untilAnswerOrLimit();
    conversation.record(
        new SessionEntry.Ended(result.stopReason().id(), result.answered(), result.text()));
    scope.tell(new AgentEvent.RunFinished(scope.path(), result));
    return result;
  }

  private RunResult untilAnswerOrLimit() {
    String aside = null; // What the model is told besides the conversation, for one turn.
    boolean askedAgain = false;
    boolean cutOff = false;
    boolean repeating = false;
    List<ToolExecutionRequest> calls = conversation.openCalls(); // Those of a run that is resumed.
    while (!cancellation.isCancelled()) {
      if (calls.isEmpty()) {
        List<ToolSpecification> tools = agent.toolset().declared(conversation);
        if (room.makeIfNeeded(conversation, tools)) {
          useful = conversation.size();
        }
        List<ChatMessage> messages = conversation.upTo(conversation.size(), aside);
        Reply reply = model.ask(tools, messages, workEnd);
        calls = conversation.append(reply.message(), reply.usage());
        model.finish(reply);
        room.learn(messages, tools, reply.usage());
        if (room.makeAfter(reply.failure(), conversation, tools)) {
          useful = conversation.size();
          continue;
        }
        if (!reply.isWhole()) {
          return brokenOff(reply);
        }
        cutOff = reply.isCutOff();
        if (calls.isEmpty() && cutOff) {
          return cutOff(reply);
        }
        if (calls.isEmpty() && says(reply)) {
          return answered(StopReason.ANSWER, reply.text());
        }
        if (calls.isEmpty() && askedAgain && reply.isEmpty()) {
          return unanswered(StopReason.NO_PROGRESS, "The model replied with nothing, twice.");
        }
        if (calls.isEmpty()) {
          StopReason limit = askedAgain ? StopReason.NO_PROGRESS : limitReached(Verdict.FINE);
          if (limit != null) {
            return answerNow(limit);
          }
          askedAgain = true;
          aside = reply.isEmpty() ? Reminder.SAY_SOMETHING : Reminder.CALL_PROPERLY;
          continue;
        }
        repeating = reply.end() == End.REPEATING;
      }

      List<Finished> results = toolCalls.run(calls, cutOff);
      if (!toolCalls.questions().isEmpty()) {
        return suspended(toolCalls.questions());
      }
      calls = List.of();
      String last = ToolCalls.answer(results);
      if (last != null) {
        return result(StopReason.ANSWER, last, true, null);
      }
      Verdict verdict = progress.after(results, repeating);
      if (!progress.lastTurnWasMadeUp()) {
        findings.add(results);
      }
      if (progress.lastTurnHelped()) {
        useful = conversation.size();
        askedAgain = false;
      }
      StopReason limit = limitReached(verdict);
      if (limit != null && !cancellation.isCancelled()) {
        return answerNow(limit);
      }
      aside = null;
      if (verdict == Verdict.NUDGE) {
        notice("The last calls brought nothing new; the model was told so.");
        aside = Reminder.NUDGE;
      }
    }
    return result(StopReason.CANCELLED, "", false, null);
  }

  /** The model has answered; what does not have the form that it was asked for is corrected. */
  private RunResult answered(StopReason reason, String answer) {
    String last = answer;
    for (int i = 0; i < MOST_CORRECTIONS && !end.isPast() && !cancellation.isCancelled(); i++) {
      if (form == null || !(form.read(last) instanceof AnswerForm.Read.Nothing<?>(String wrong))) {
        break;
      }
      notice("The answer is asked for again: " + wrong);
      conversation.say(form.correction(wrong));
      Reply reply = model.ask(List.of(), conversation.messages(), end);
      conversation.append(reply.message(), reply.usage());
      model.finish(reply);
      if (!reply.isWhole()) {
        return brokenOff(reply);
      }
      last = reply.text();
    }
    return result(reason, last, true, null);
  }

  private boolean says(Reply reply) {
    Set<String> tools = form == null ? agent.argumentsCheck().toolNames() : Set.of();
    return !reply.text().isBlank() && !BrokenCalls.fill(reply.text(), tools);
  }

  private @Nullable StopReason limitReached(Verdict verdict) {
    if (workEnd.isPast()) {
      return StopReason.MAX_TIME;
    }
    StopReason spent = scope.budget().reached();
    if (spent != null) {
      return spent;
    }
    if (model.turns() >= agent.limits().maxTurns()) {
      return StopReason.MAX_TURNS;
    }
    return verdict == Verdict.STOP ? StopReason.NO_PROGRESS : null;
  }

  /**
   * The last turn: no tools on offer, and the model is told to answer. A model that went round in
   * circles is not shown its circles again, and one that calls even so, or says the question back,
   * gets a clean page: the question and what was found.
   */
  private RunResult answerNow(StopReason limit) {
    if (!end.isPast()) {
      notice("Stopped by " + limit.id() + ": the model is asked to answer from what it has.");
    }
    String request = findings.remindOf(question, answerNow);
    int shown = limit == StopReason.NO_PROGRESS ? useful : conversation.size();
    List<ChatMessage> page = conversation.upTo(shown, request);
    for (int attempt = 0; attempt < 2 && !end.isPast() && !cancellation.isCancelled(); attempt++) {
      Reply reply = model.ask(List.of(), page, end);
      model.finish(reply);
      boolean isEcho = Findings.isEcho(reply.text(), question, answerNow);
      if ((says(reply) && !isEcho) || !reply.isWhole()) {
        return lastWords(limit, reply);
      }
      page = conversation.onlyInstructions(findings.page(question, answerNow));
    }
    return cancellation.isCancelled()
        ? result(StopReason.CANCELLED, "", false, null)
        : unanswered(limit, "Stopped by " + limit.id() + " before there was an answer.");
  }

  private RunResult lastWords(StopReason limit, Reply reply) {
    conversation.append(AiMessage.from(reply.text()), reply.usage());
    return switch (reply.end()) {
      case CANCELLED, BLOCKED, FAILED -> brokenOff(reply);
      case COMPLETE, REPEATING, TOO_LONG, TIMED_OUT ->
          reply.text().isBlank()
              ? unanswered(limit, "Stopped by " + limit.id() + " before there was an answer.")
              : reply.isWhole() && !reply.isCutOff()
                  ? answered(limit, reply.text())
                  : result(limit, reply.text(), false, null);
    };
  }

  /** The model did not come to the end of its reply. */
  private RunResult brokenOff(Reply reply) {
    return switch (reply.end()) {
      case CANCELLED -> result(StopReason.CANCELLED, reply.text(), false, null);
      case BLOCKED -> result(StopReason.BLOCKED, reply.text(), false, null);
      case FAILED -> result(StopReason.ERROR, reply.text(), false, reply.failure());
      case TIMED_OUT, COMPLETE, REPEATING, TOO_LONG ->
          reply.text().isBlank() || !end.isPast()
              ? answerNow(StopReason.MAX_TIME)
              : result(StopReason.MAX_TIME, reply.text(), false, null);
    };
  }

  /** The reply reached its output limit: its text is the beginning of an answer, if anything. */
  private RunResult cutOff(Reply reply) {
    notice("The reply was cut off at the limit of its output tokens.");
    return reply.text().isBlank()
        ? answerNow(StopReason.MAX_TOKENS)
        : result(StopReason.MAX_TOKENS, reply.text(), false, null);
  }

  /** Ends without an answer, but with what can honestly be said. */
  private RunResult unanswered(StopReason reason, String why) {
    String found = findings.inWords();
    String text = found.isEmpty() ? why : why + " " + found;
    conversation.append(AiMessage.from(text), null);
    return result(reason, text, false, null);
  }

  /** Stops with open calls, to be resumed with answers. */
  private RunResult suspended(List<Question> questions) {
    return new RunResult(
        "",
        false,
        StopReason.SUSPENDED,
        null,
        scope.budget().spent(),
        questions,
        conversation.messages());
  }

  private RunResult result(
      StopReason reason, String text, boolean answered, @Nullable Exception failure) {
    conversation.answerOpenCalls("Interrupted: the run ended before this call was made.");
    return new RunResult(
        text,
        answered,
        reason,
        failure,
        scope.budget().spent(),
        List.of(),
        conversation.messages());
  }

  private void notice(String text) {
    scope.tell(new AgentEvent.Notice(scope.path(), text));
  }
}
