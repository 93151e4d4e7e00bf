package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.agent.Hook.Verdict;
import dev.qwen4j.agent.Reply.End;
import dev.qwen4j.dialect.HermesParser;
import dev.qwen4j.dialect.OutputEvent;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The model calls of one run: what is asked, what is told of the replies, and what they cost. */
final class ModelCalls {
  private final Agent agent;
  private final RunScope scope;
  private final Deadline end;
  private @Nullable AnswerForm<?> form;
  private int turns;

  /**
   * For one run.
   *
   * @param scope what the run tells and spends
   * @param end when a reply is given up in any case
   */
  ModelCalls(Agent agent, RunScope scope, Deadline end) {
    this.agent = agent;
    this.scope = scope;
    this.end = end;
  }

  /** Asks for an answer of this form when no tools are on offer, if the host can hold to it. */
  void expect(AnswerForm<?> answer) {
    form = answer;
  }

  /** How often the model has been asked. */
  int turns() {
    return turns;
  }

  /**
   * Asks, and tells the reply as it comes; {@link #finish} must follow.
   *
   * @param patience when to give up a reply that is no answer so far
   */
  Reply ask(List<ToolSpecification> tools, List<ChatMessage> messages, Deadline patience) {
    scope.tell(new AgentEvent.TurnStarted(scope.path(), turns + 1));
    int most = agent.limits().maxReplyTokens();
    ChatRequest.Builder request =
        ChatRequest.builder().messages(messages).toolSpecifications(tools);
    if (most != Limits.DEFAULT.maxReplyTokens()) {
      request.maxOutputTokens(most);
    }
    if (form != null
        && tools.isEmpty()
        && agent.model().supportedCapabilities().contains(Capability.RESPONSE_FORMAT_JSON_SCHEMA)) {
      request.responseFormat(form.format());
    }
    boolean isHeldBack = agent.hooks().holdRepliesBack();
    Reply reply =
        call(
            request.build(),
            agent.toolset().parser(),
            isHeldBack ? unseen -> {} : this::tell,
            patience);
    if (isHeldBack) {
      String thinking = reply.message().thinking();
      if (thinking != null) {
        tell(new OutputEvent.Thinking(thinking));
      }
      if (!reply.text().isEmpty()) {
        tell(new OutputEvent.Text(reply.text()));
      }
    }
    return reply;
  }

  private Reply call(
      ChatRequest request, HermesParser parser, Consumer<OutputEvent> out, Deadline patience) {
    var before = new Guards(agent.hooks(), scope.cancellation(), patience);
    Verdict<ChatRequest> asked = before.ask(request, Hook::beforeModel);
    if (asked instanceof Verdict.Block<ChatRequest>(String reason)) {
      return before.given(
          Reply.unasked(End.CANCELLED), Reply.unasked(End.TIMED_OUT), Reply.unasked(reason));
    }
    ChatRequest last = asked instanceof Verdict.Rewrite<ChatRequest>(var other) ? other : request;
    HiddenTools hidden = agent.toolset().hidden();
    Reply said =
        new ModelTurn(parser, out, scope.cancellation(), agent.limits().maxReplyTokens())
            .ask(agent.model(), hidden.written(last), patience, end);
    Reply reply = said.saying(hidden.meant(said.message(), said.isCutOff()));
    var after = new Guards(agent.hooks(), scope.cancellation(), end);
    return switch (after.ask(reply.message(), Hook::afterReply)) {
      case Verdict.Pass<AiMessage> pass -> reply;
      case Verdict.Rewrite<AiMessage>(AiMessage message) -> reply.saying(message);
      case Verdict.Block<AiMessage>(String reason) ->
          after.given(
              reply.withheld(End.CANCELLED), reply.withheld(End.TIMED_OUT), reply.blocked(reason));
    };
  }

  /** The reply has been kept: now it counts, and whoever listens may know. */
  void finish(Reply reply) {
    turns++;
    scope.budget().addTurn(reply.usage(), agent.prices());
    scope.tell(new AgentEvent.TurnFinished(scope.path(), turns, reply.usage(), reply.time()));
  }

  /** Asks something that is not a part of the conversation; only its cost is told. */
  Reply askAside(ChatRequest request) {
    scope.tell(new AgentEvent.TurnStarted(scope.path(), turns + 1));
    Reply reply = call(request, HermesParser.forTools(Set.of()), unseen -> {}, end);
    finish(reply);
    return reply;
  }

  private void tell(OutputEvent output) {
    switch (output) {
      case OutputEvent.Text(String delta) ->
          scope.tell(new AgentEvent.TextDelta(scope.path(), delta));
      case OutputEvent.Thinking(String delta) ->
          scope.tell(new AgentEvent.ThinkingDelta(scope.path(), delta));
      case OutputEvent.Call call -> {} // Told when the turn is over and its calls begin.
    }
  }
}
