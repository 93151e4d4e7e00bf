package dev.qwen4j.team;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.Answer;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.RunScope;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Session;
import dev.qwen4j.team.ChoiceTool.Choice;
import dev.qwen4j.tool.Cancellation;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Has a model pick the agent that answers, by a structured call. The agent sees the conversation
 * and nothing of the picking. When the model picks none, a notice says so and the agent answers
 * that is there for such cases.
 *
 * <p>Immutable, and safe for any number of threads. Sessions work as those of a {@link Team}.
 */
public final class Router {
  private static final String TOOL = "route";

  private final String name;
  private final Limits limits;
  private final Map<String, Agent> agents;
  private final Agent otherwise;
  private final Agent chooser;

  private Router(Builder builder, StreamingChatModel model) {
    this.name = builder.name;
    this.limits = builder.limits;
    this.agents = builder.members.asMap();
    Agent first = agents.values().iterator().next();
    this.otherwise = builder.otherwise == null ? first : builder.otherwise;
    this.chooser =
        Agent.builder()
            .name("router")
            .model(model)
            .instructions(
                "You decide who answers the user's last message. You do not answer it. Call "
                    + TOOL
                    + " with the one who knows most about it:\n"
                    + Members.described(agents.values()))
            .tool(
                new ChoiceTool(
                    TOOL,
                    "Says who answers the user's last message.",
                    JsonObjectSchema.builder()
                        .addEnumProperty("agent", List.copyOf(agents.keySet()))
                        .addStringProperty("reason", "Why, in one sentence")
                        .required("agent")
                        .build()))
            .limits(limits.withMaxTurns(2))
            .build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Runs on one line of a user's. */
  public RunResult run(String input, AgentListener listener) {
    return run(List.of(UserMessage.from(input)), listener, new Cancellation());
  }

  /** Runs on a conversation that ends with the user's message. */
  public RunResult run(
      List<ChatMessage> conversation, AgentListener listener, Cancellation cancellation) {
    return SharedTalk.run(
        RunScope.of(name, limits, listener, cancellation, null, List.of()),
        conversation,
        this::work);
  }

  /** Runs on one more message of the user's in a session. */
  public RunResult run(
      Session session, String input, AgentListener listener, Cancellation cancellation) {
    return SharedTalk.run(
        RunScope.of(name, limits, listener, cancellation, session, List.of()),
        session,
        UserMessage.from(input),
        this::work);
  }

  /** Goes on where a session's last run stopped, be it suspended, cancelled or killed. */
  public RunResult resume(
      Session session, List<Answer> answers, AgentListener listener, Cancellation cancellation) {
    return SharedTalk.resume(
        RunScope.of(name, limits, listener, cancellation, session, answers), session, this::work);
  }

  private RunResult work(SharedTalk talk, RunScope scope) {
    RunResult picking = scope.run(chooser, "1-router", talk.messages());
    Optional<StopReason> over = scope.over();
    if (over.isPresent()) {
      return talk.ended(over.get(), "", false);
    }
    if (picking.stopReason() == StopReason.ERROR) {
      return talk.endedAs(chooser.name(), picking);
    }
    Optional<Choice> choice = ChoiceTool.in(picking, Map.of(TOOL, chooser));
    Agent chosen = agents.get(choice.map(c -> c.text("agent")).orElse(picking.text().strip()));
    String reason = choice.map(c -> c.text("reason")).orElse("");
    if (chosen == null) {
      chosen = otherwise;
      reason = "nobody was picked";
      scope.tell(
          new AgentEvent.Notice(
              scope.path(), "The model picked none of the agents; " + chosen.name() + " answers."));
    }
    scope.tell(new AgentEvent.Handoff(scope.path(), chosen.name(), reason, ""));
    return talk.endedAs(chosen.name(), scope.run(chosen, "2-" + chosen.name(), talk.messages()));
  }

  /** Describes a router. The model and the agents are required. */
  public static final class Builder {
    private String name = "router";
    private @Nullable StreamingChatModel model;
    private Limits limits = Limits.DEFAULT;
    private @Nullable Agent otherwise;
    private final Members members = new Members();

    private Builder() {}

    /** How events name the whole: {@code router} unless told otherwise. */
    public Builder name(String name) {
      this.name = Objects.requireNonNull(name, "name");
      return this;
    }

    /** The model that picks. */
    public Builder model(StreamingChatModel model) {
      this.model = Objects.requireNonNull(model, "model");
      return this;
    }

    /** Those to pick from, by their names and descriptions. */
    public Builder agents(Agent... agents) {
      members.addAll(agents);
      return this;
    }

    /** Who answers when nobody is picked: the first of the agents unless told otherwise. */
    public Builder otherwise(Agent agent) {
      this.otherwise = Objects.requireNonNull(agent, "agent");
      return this;
    }

    /** For picking and answering together. */
    public Builder limits(Limits limits) {
      this.limits = Objects.requireNonNull(limits, "limits");
      return this;
    }

    /**
     * Checks the description and freezes it.
     *
     * @throws IllegalArgumentException if there is no model or no agent
     */
    public Router build() {
      StreamingChatModel chosen = model;
      if (chosen == null || members.asMap().isEmpty()) {
        throw new IllegalArgumentException(
            "A router needs a model and agents: call .model(…) and .agents(…).");
      }
      return new Router(this, chosen);
    }
  }
}
