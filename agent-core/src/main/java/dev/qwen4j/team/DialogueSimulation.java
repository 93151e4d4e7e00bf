package dev.qwen4j.team;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Tries an agent on a user that a model plays: a persona with a goal, who says one thing at a time,
 * reads the answer, and stops when the goal is met or given up. For tests of agents and for making
 * dialogues.
 *
 * <p>The result has answered if the goal was met; its text says why it ended, and its messages are
 * the dialogue. In a session, a dialogue that was killed or suspended goes on where it stopped; of
 * earlier turns the assistant then knows what was said, and no longer how it came to say it.
 * Immutable, and safe for any number of threads.
 */
public final class DialogueSimulation {
  private static final String END = "end_dialogue";
  private static final String USER = "user";
  private static final String NAME = "dialogue";

  private final Agent assistant;
  private final Agent user;
  private final Limits limits;
  private final int maxTurns;

  private DialogueSimulation(Builder builder, Agent assistant, StreamingChatModel model) {
    this.assistant = assistant;
    this.limits = builder.limits;
    this.maxTurns = builder.maxTurns;
    this.user =
        Agent.builder()
            .name(USER)
            .model(model)
            .instructions(
                """
                You play a person who talks to an assistant. You are not the assistant.
                Who you are: %s
                What you want: %s
                Write only what this person says next, in a sentence or two. When you have got what \
                you want, or see that you will not get it, call %s instead.\
                """
                    .formatted(builder.persona, builder.goal, END))
            .tool(
                new ChoiceTool(
                    END,
                    "Ends the dialogue, when the goal is met or given up.",
                    JsonObjectSchema.builder()
                        .addBooleanProperty("goal_met", "Whether the person got what they wanted")
                        .addStringProperty("reason", "Why it ends, in one sentence")
                        .required("goal_met", "reason")
                        .build()))
            .build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Plays one dialogue. */
  public RunResult run(AgentListener listener) {
    return run(listener, new Cancellation());
  }

  /** Plays one dialogue. */
  public RunResult run(AgentListener listener, Cancellation cancellation) {
    RunScope scope = RunScope.of(NAME, limits, listener, cancellation, null, List.of());
    return SharedTalk.begin(scope, this::play);
  }

  /** Plays one dialogue in a session that holds nothing yet. */
  public RunResult run(Session session, AgentListener listener, Cancellation cancellation) {
    return SharedTalk.begin(
        RunScope.of(NAME, limits, listener, cancellation, session, List.of()), session, this::play);
  }

  /** Goes on where a session's dialogue stopped, be it suspended, cancelled or killed. */
  public RunResult resume(
      Session session, List<Answer> answers, AgentListener listener, Cancellation cancellation) {
    return SharedTalk.resume(
        RunScope.of(NAME, limits, listener, cancellation, session, answers), session, this::play);
  }

  private RunResult play(SharedTalk talk, RunScope scope) {
    int before = talk.messages().size() / 2; // Turns that a session holds.
    // What the assistant knows, its own work included, but for those turns: of them, what was said.
    List<ChatMessage> known = talk.messages().subList(0, 2 * before);
    for (int turn = before + 1; turn <= maxTurns; turn++) {
      if (talk.messages().size() == 2 * turn - 2) {
        RunResult said = scope.run(user, turn + "-user", seenByUser(talk.messages()));
        Optional<Choice> end = ChoiceTool.in(said, Map.of(END, user));
        if (end.isPresent()) {
          boolean met = end.get().arguments().bool("goal_met", false);
          return talk.ended(StopReason.ANSWER, end.get().text("reason"), met);
        }
        if (!said.answered()) {
          return talk.endedAs(USER, said);
        }
        talk.add(UserMessage.from(said.text()));
      }
      scope.tell(new AgentEvent.Handoff(scope.path(), assistant.name(), "the user spoke", ""));
      var conversation = new ArrayList<>(known);
      conversation.add(talk.messages().getLast());
      RunResult answer = scope.run(assistant, turn + "-assistant", conversation);
      switch (answer.stopReason()) {
        case SUSPENDED, BLOCKED, CANCELLED, ERROR -> {
          return talk.endedAs(assistant.name(), answer);
        }
        case ANSWER, MAX_TURNS, MAX_TOOL_CALLS, MAX_TOKENS, MAX_COST, MAX_TIME, NO_PROGRESS ->
            talk.say(assistant.name(), answer.text());
      }
      known = answer.messages().stream().filter(each -> !(each instanceof SystemMessage)).toList();
      Optional<StopReason> over = scope.over();
      if (over.isPresent()) {
        return talk.ended(over.get(), "The dialogue reached a limit.", false);
      }
    }
    return talk.ended(
        StopReason.MAX_TURNS, "The user did not come to an end in " + maxTurns + " turns.", false);
  }

  /** With the roles swapped: the assistant is whom the user hears. */
  private static List<ChatMessage> seenByUser(List<ChatMessage> dialogue) {
    var seen = new ArrayList<ChatMessage>();
    seen.add(UserMessage.from("(You open the conversation. What do you say?)"));
    for (ChatMessage message : dialogue) {
      seen.add(
          message instanceof UserMessage
              ? AiMessage.from(SharedTalk.text(message))
              : UserMessage.from(SharedTalk.text(message)));
    }
    return seen;
  }

  /** Describes a simulation. The assistant and the user are required. */
  public static final class Builder {
    private @Nullable Agent assistant;
    private @Nullable StreamingChatModel model;
    private String persona = "";
    private String goal = "";
    private Limits limits = Limits.DEFAULT;
    private int maxTurns = 8;

    private Builder() {}

    /** Who is tried. */
    public Builder assistant(Agent agent) {
      this.assistant = Objects.requireNonNull(agent, "agent");
      return this;
    }

    /**
     * Who talks to it.
     *
     * @param model plays the person
     * @param persona who it is: "a hurried traveller who writes in fragments"
     * @param goal what the person wants, in words by which to tell whether it is met
     */
    public Builder user(StreamingChatModel model, String persona, String goal) {
      this.model = Objects.requireNonNull(model, "model");
      this.persona = Objects.requireNonNull(persona, "persona");
      this.goal = Objects.requireNonNull(goal, "goal");
      return this;
    }

    /** For both together. */
    public Builder limits(Limits limits) {
      this.limits = Objects.requireNonNull(limits, "limits");
      return this;
    }

    /** How often the user speaks at most: 8 times unless told otherwise. */
    public Builder maxTurns(int turns) {
      this.maxTurns = turns;
      return this;
    }

    /**
     * Checks the description and freezes it.
     *
     * @throws IllegalArgumentException if the assistant or the user is missing
     */
    public DialogueSimulation build() {
      Agent tried = assistant;
      StreamingChatModel player = model;
      if (tried == null || player == null) {
        throw new IllegalArgumentException(
            "A simulation needs both sides: call .assistant(…) and .user(…).");
      }
      return new DialogueSimulation(this, tried, player);
    }
  }
}
