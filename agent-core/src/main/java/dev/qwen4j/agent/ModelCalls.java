package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.dialect.HermesParser;
import dev.qwen4j.dialect.OutputEvent;
import dev.qwen4j.tool.Cancellation;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** The model calls of one run: what is asked, what is told of the replies, and what they cost. */
final class ModelCalls {
  private final Agent agent;
  private final Consumer<AgentEvent> events;
  private final Cancellation cancellation;
  private final Deadline end;
  private Spent spent = Spent.NOTHING;

  /**
   * For one run.
   *
   * @param end when a reply is given up in any case
   */
  ModelCalls(Agent agent, Consumer<AgentEvent> events, Cancellation cancellation, Deadline end) {
    this.agent = agent;
    this.events = events;
    this.cancellation = cancellation;
    this.end = end;
  }

  Spent spent() {
    return spent;
  }

  /**
   * Asks, and tells the reply as it comes; {@link #finish} must follow.
   *
   * @param patience when to give up a reply that is no answer so far
   */
  Reply ask(List<ToolSpecification> tools, List<ChatMessage> messages, Deadline patience) {
    events.accept(new AgentEvent.TurnStarted(agent.name(), spent.turns() + 1));
    int most = agent.limits().maxReplyTokens();
    ChatRequest.Builder request =
        ChatRequest.builder().messages(messages).toolSpecifications(tools);
    if (most != Limits.DEFAULT.maxReplyTokens()) {
      request.maxOutputTokens(most);
    }
    var parser = HermesParser.forTools(agent.toolNames());
    return new ModelTurn(parser, this::tell, cancellation, most)
        .ask(agent.model(), request.build(), patience, end);
  }

  /** The reply has been kept: now it counts, and whoever listens may know. */
  void finish(Reply reply) {
    spent = spent.plus(reply.usage(), agent.prices());
    events.accept(
        new AgentEvent.TurnFinished(agent.name(), spent.turns(), reply.usage(), reply.time()));
  }

  /** Asks something that is not a part of the conversation; only its cost is told. */
  Reply askAside(ChatRequest request) {
    events.accept(new AgentEvent.TurnStarted(agent.name(), spent.turns() + 1));
    var parser = HermesParser.forTools(Set.of());
    Reply reply =
        new ModelTurn(parser, unseen -> {}, cancellation, agent.limits().maxReplyTokens())
            .ask(agent.model(), request, end, end);
    finish(reply);
    return reply;
  }

  private void tell(OutputEvent output) {
    switch (output) {
      case OutputEvent.Text(String delta) ->
          events.accept(new AgentEvent.TextDelta(agent.name(), delta));
      case OutputEvent.Thinking(String delta) ->
          events.accept(new AgentEvent.ThinkingDelta(agent.name(), delta));
      case OutputEvent.Call call -> {} // Told when the turn is over and its calls begin.
    }
  }
}
