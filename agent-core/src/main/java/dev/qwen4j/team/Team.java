package dev.qwen4j.team;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Agents that hand work over to each other. The first one hears the user; whoever has the word may
 * answer, or call {@code transfer_to_<name>} with a reason and a message for the receiver.
 *
 * <p>The receiver gets a clean context: its own instructions and tools, what the user and the team
 * have said aloud to each other, and after the user's last message who hands over, why, and with
 * which message. It gets no instructions, thoughts, tool calls or results of anybody else's. Each
 * message of the user's goes to the first agent again.
 *
 * <p>A team is immutable, and may serve any number of threads at once. In a session it keeps what
 * was said aloud as the conversation, and the work of each member as a part of it: a killed or
 * suspended run goes on with the member that was at work, in the middle of it.
 */
public final class Team {
  private final String name;
  private final Limits limits;
  private final int maxHandoffs;
  private final Map<String, Agent> agents;
  private final Map<String, Agent> handingOver = new LinkedHashMap<>();
  private final Map<String, Agent> receivers = new LinkedHashMap<>(); // By the name of the tool.

  private Team(Builder builder) {
    this.name = builder.name;
    this.limits = builder.limits;
    this.maxHandoffs = builder.maxHandoffs;
    this.agents = builder.members.asMap();
    agents.values().forEach(agent -> receivers.put("transfer_to_" + agent.name(), agent));
    for (Agent agent : agents.values()) {
      Agent.Builder withTools = agent.toBuilder();
      receivers.forEach(
          (tool, receiver) -> {
            if (receiver != agent) {
              withTools.tool(transfer(tool, receiver));
            }
          });
      handingOver.put(agent.name(), withTools.build());
    }
  }

  private static ChoiceTool transfer(String tool, Agent receiver) {
    String purpose = receiver.description().isBlank() ? "" : " " + receiver.description();
    return new ChoiceTool(
        tool,
        "Hands the user over to " + receiver.name() + ", who then answers in your place." + purpose,
        JsonObjectSchema.builder()
            .addStringProperty("reason", "Why, in one sentence")
            .addStringProperty("message", "What the receiver needs to know beyond what was said")
            .required("reason", "message")
            .build());
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Runs on one line of a user's. */
  public RunResult run(String input, AgentListener listener) {
    return run(List.of(UserMessage.from(input)), listener, new Cancellation());
  }

  /**
   * Runs on a conversation, such as {@link RunResult#messages()} with another message of the
   * user's.
   */
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
    Agent active = agents.values().iterator().next();
    @Nullable String note = null;
    for (int step = 1; ; step++) {
      Optional<StopReason> over = scope.over();
      if (over.isPresent()) {
        return talk.ended(over.get(), "", false);
      }
      boolean mayHandOver = step <= maxHandoffs;
      Agent member = mayHandOver ? handingOver.getOrDefault(active.name(), active) : active;
      RunResult result = scope.run(member, step + "-" + active.name(), told(talk.messages(), note));
      Optional<Choice> transfer = ChoiceTool.in(result, receivers);
      if (transfer.isEmpty()) {
        return talk.endedAs(active.name(), result);
      }
      Agent receiver = Objects.requireNonNull(receivers.get(transfer.get().tool()));
      String reason = transfer.get().text("reason");
      String message = transfer.get().text("message");
      scope.tell(new AgentEvent.Handoff(scope.path(), receiver.name(), reason, message));
      note =
          "[%s hands over to you. Reason: %s Message: %s]"
              .formatted(active.name(), reason, message);
      active = receiver;
    }
  }

  /** What was said aloud, with a note after the user's last message. */
  private static List<ChatMessage> told(List<ChatMessage> said, @Nullable String note) {
    if (note == null || !(said.getLast() instanceof UserMessage last)) {
      return said;
    }
    var all = new ArrayList<>(said.subList(0, said.size() - 1));
    if (last.hasSingleText()) {
      all.add(UserMessage.from(last.singleText() + "\n\n" + note));
    } else {
      var contents = new ArrayList<Content>(last.contents());
      contents.add(TextContent.from(note));
      all.add(UserMessage.from(contents));
    }
    return all;
  }

  /** Describes a team. */
  public static final class Builder {
    private String name = "team";
    private Limits limits = Limits.DEFAULT;
    private int maxHandoffs = 5;
    private final Members members = new Members();

    private Builder() {}

    /** How events name the team: {@code team} unless told otherwise. */
    public Builder name(String name) {
      this.name = Objects.requireNonNull(name, "name");
      return this;
    }

    /** The agents, the first of which hears the user; each needs a name and a description. */
    public Builder agents(Agent... agents) {
      members.addAll(agents);
      return this;
    }

    /** For all of them together; each one's own limits hold too. */
    public Builder limits(Limits limits) {
      this.limits = Objects.requireNonNull(limits, "limits");
      return this;
    }

    /** How often one message may be handed over; whoever has it then must answer. */
    public Builder maxHandoffs(int handoffs) {
      this.maxHandoffs = handoffs;
      return this;
    }

    /**
     * Checks the description and freezes it.
     *
     * @throws IllegalArgumentException if there are no agents, or a name cannot be a tool's
     */
    public Team build() {
      if (members.asMap().isEmpty()) {
        throw new IllegalArgumentException("A team needs agents: call .agents(…).");
      }
      for (String each : members.asMap().keySet()) {
        if (!each.matches("[A-Za-z0-9_-]{1,52}")) {
          throw new IllegalArgumentException(
              "An agent of a team needs a name of letters, digits, _ and -, but was '"
                  + each
                  + "'.");
        }
      }
      return new Team(this);
    }
  }
}
