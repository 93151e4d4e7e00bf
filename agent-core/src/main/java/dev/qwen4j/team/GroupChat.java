package dev.qwen4j.team;

import dev.langchain4j.data.message.AiMessage;
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
import dev.qwen4j.session.Question;
import dev.qwen4j.session.Session;
import dev.qwen4j.team.ChoiceTool.Choice;
import dev.qwen4j.tool.Cancellation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Agents and people who talk with each other. After each utterance the next speaker is chosen: in
 * turn, by who was mentioned as {@code @name}, or by a model. The chat ends when a member says that
 * everything is said, when a person leaves, or at a limit; the result's text is what was said last.
 *
 * <p>A member sees its own words as its own and those of the others as {@code name: words}, and
 * nothing of how anybody came to say them.
 *
 * <p>A person who is there is asked on a thread of its own. One who is not makes the chat wait: the
 * run is suspended, and goes on with {@code run(…)} on {@link RunResult#messages()} and {@code
 * UserMessage.from(name, words)}, or the same in a session.
 *
 * <p>Immutable, and safe for any number of threads if its people are.
 */
public final class GroupChat {
  /** A person who takes part. */
  @FunctionalInterface
  public interface Human {
    /**
     * What the person says next. May wait for as long as the chat has time; is interrupted, and
     * left behind, when it is cancelled or its time is up.
     *
     * @param soFar what was said
     * @return nothing to leave, which ends the chat
     */
    Optional<String> say(List<ChatMessage> soFar) throws InterruptedException;
  }

  private static final String END = "end_conversation";

  private final String name;
  private final Limits limits;
  private final int maxUtterances;
  private final Map<String, Agent> agents = new LinkedHashMap<>();
  private final Map<String, Optional<Human>> people;
  private final Speakers speakers;

  private GroupChat(Builder builder) {
    this.name = builder.name;
    this.limits = builder.limits;
    this.maxUtterances = builder.maxUtterances;
    this.people = Map.copyOf(builder.people);
    var names = List.copyOf(builder.order);
    this.speakers = builder.speakers(names);
    builder
        .members
        .asMap()
        .forEach((each, agent) -> agents.put(each, asMember(agent, builder.described())));
  }

  private static Agent asMember(Agent agent, String members) {
    return agent.toBuilder()
        .instructions(
            (agent.instructions()
                    + "\n\nYou are "
                    + agent.name()
                    + " in a conversation of several:\n"
                    + members
                    + "\nSay only your own next words, without your name before them. When nothing"
                    + " is left to say, call "
                    + END
                    + ".")
                .strip())
        .tool(
            new ChoiceTool(
                END,
                "Ends the conversation for everybody, when its purpose is reached.",
                JsonObjectSchema.builder()
                    .addStringProperty("last_words", "What you say to end with")
                    .build()))
        .build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Runs on what somebody says to begin with. */
  public RunResult run(String opening, AgentListener listener) {
    return run(List.of(UserMessage.from(opening)), listener, new Cancellation());
  }

  /** Runs on a conversation, such as that of a chat that waited and what the person then said. */
  public RunResult run(
      List<ChatMessage> conversation, AgentListener listener, Cancellation cancellation) {
    return SharedTalk.run(
        RunScope.of(name, limits, listener, cancellation, null, List.of()),
        conversation,
        this::talk);
  }

  /** Runs on one more message in a session; that of a person in the chat bears the name. */
  public RunResult run(
      Session session, UserMessage message, AgentListener listener, Cancellation cancellation) {
    return SharedTalk.run(
        RunScope.of(name, limits, listener, cancellation, session, List.of()),
        session,
        message,
        this::talk);
  }

  /** Goes on where a session's last run stopped, be it suspended, cancelled or killed. */
  public RunResult resume(
      Session session, List<Answer> answers, AgentListener listener, Cancellation cancellation) {
    return SharedTalk.resume(
        RunScope.of(name, limits, listener, cancellation, session, answers), session, this::talk);
  }

  private RunResult talk(SharedTalk talk, RunScope scope) {
    while (true) {
      String last = SharedTalk.text(talk.messages().getLast());
      Optional<StopReason> over = scope.over();
      if (over.isPresent()) {
        return talk.ended(over.get(), last, false);
      }
      if (utterances(talk.messages()) >= maxUtterances) {
        return talk.ended(StopReason.MAX_TURNS, last, true);
      }
      Speakers.Next next = speakers.next(talk.messages(), scope);
      if (next.name().isEmpty()) {
        return talk.ended(StopReason.ANSWER, last, true);
      }
      scope.tell(new AgentEvent.Handoff(scope.path(), next.name(), next.reason(), ""));
      Agent agent = agents.get(next.name());
      Optional<RunResult> end =
          agent == null ? askPerson(next.name(), talk, scope) : ask(agent, talk, scope);
      if (end.isPresent()) {
        return end.get();
      }
    }
  }

  /** How much the members have said since somebody from outside spoke. */
  private int utterances(List<ChatMessage> said) {
    int count = 0;
    for (ChatMessage message : said) {
      count = SharedTalk.speaker(message).isPresent() ? count + 1 : 0;
    }
    return count;
  }

  /** The result, if the chat ends with this. */
  private Optional<RunResult> ask(Agent agent, SharedTalk talk, RunScope scope) {
    String part = talk.messages().size() + "-" + agent.name();
    RunResult result = scope.run(agent, part, seenBy(agent.name(), talk.messages()));
    Optional<Choice> end = ChoiceTool.in(result, Map.of(END, agent));
    if (end.isPresent()) {
      String before = ChoiceTool.wordsBefore(result);
      String words = before.isEmpty() ? end.get().text("last_words") : before;
      if (!words.isEmpty()) {
        talk.sayLast(agent.name(), words);
      }
      String last = SharedTalk.text(talk.messages().getLast());
      return Optional.of(talk.ended(StopReason.ANSWER, last, true));
    }
    return switch (result.stopReason()) {
      case SUSPENDED, BLOCKED, CANCELLED, ERROR -> Optional.of(talk.endedAs(agent.name(), result));
      case ANSWER, MAX_TURNS, MAX_TOOL_CALLS, MAX_TOKENS, MAX_COST, MAX_TIME, NO_PROGRESS -> {
        talk.say(agent.name(), withoutName(agent.name(), result.text()));
        yield Optional.empty();
      }
    };
  }

  private static String withoutName(String name, String words) {
    return words.replaceFirst("^\\s*\\**" + Pattern.quote(name) + "\\**\\s*:\\**\\s*", "");
  }

  private Optional<RunResult> askPerson(String name, SharedTalk talk, RunScope scope) {
    Optional<Human> person = people.getOrDefault(name, Optional.empty());
    if (person.isEmpty()) {
      var question = new Question(name, "say", "{}", name + ", it is your turn.");
      scope.tell(new AgentEvent.QuestionAsked(scope.path(), question));
      return Optional.of(talk.waiting(question));
    }
    Optional<Optional<String>> said;
    try {
      said = scope.await(() -> person.get().say(talk.messages()));
    } catch (Exception e) {
      return Optional.of(talk.failed(e));
    }
    String last = SharedTalk.text(talk.messages().getLast());
    if (said.isEmpty()) {
      return scope.over().map(why -> talk.ended(why, last, false));
    }
    Optional<String> words = said.get();
    if (words.isEmpty()) {
      return Optional.of(talk.ended(StopReason.ANSWER, last, true));
    }
    talk.add(UserMessage.from(name, words.get()));
    return Optional.empty();
  }

  /** Own words as the assistant's; those of the others, one after another, as the user's. */
  private static List<ChatMessage> seenBy(String name, List<ChatMessage> said) {
    var seen = new ArrayList<ChatMessage>();
    var others = new ArrayList<String>();
    for (ChatMessage message : said) {
      String speaker = SharedTalk.speaker(message).orElse("user");
      if (speaker.equals(name)) {
        addOthers(others, seen);
        seen.add(AiMessage.from(SharedTalk.text(message)));
      } else {
        others.add(speaker + ": " + SharedTalk.text(message));
      }
    }
    if (others.isEmpty()) {
      others.add("(It is your turn again.)");
    }
    addOthers(others, seen);
    return seen;
  }

  private static void addOthers(List<String> others, List<ChatMessage> seen) {
    if (!others.isEmpty()) {
      seen.add(UserMessage.from(String.join("\n", others)));
      others.clear();
    }
  }

  /** Describes a chat. It needs at least one agent. */
  public static final class Builder {
    private String name = "chat";
    private Limits limits = Limits.DEFAULT.withMaxTime(java.time.Duration.ofHours(1));
    private int maxUtterances = 12;
    private final Members members = new Members();
    private final Map<String, Optional<Human>> people = new LinkedHashMap<>();
    private final List<String> order = new ArrayList<>();
    private boolean byMention;
    private @Nullable StreamingChatModel chair;

    private Builder() {}

    /** How events name the chat: {@code chat} unless told otherwise. */
    public Builder name(String name) {
      this.name = Objects.requireNonNull(name, "name");
      return this;
    }

    /** Agents that take part. */
    public Builder agents(Agent... agents) {
      members.addAll(agents);
      for (Agent agent : agents) {
        order.add(agent.name());
      }
      return this;
    }

    /** A person who is there to be asked. */
    public Builder human(String name, Human human) {
      return person(name, Optional.of(human));
    }

    /** A person for whom the chat waits. */
    public Builder human(String name) {
      return person(name, Optional.empty());
    }

    private Builder person(String person, Optional<Human> human) {
      people.put(Objects.requireNonNull(person, "name"), human);
      order.add(person);
      return this;
    }

    /** Speaks next who was mentioned as {@code @name}; when nobody was, whose turn it is. */
    public Builder byMention() {
      this.byMention = true;
      return this;
    }

    /** A model says who speaks next, or that everything is said. */
    public Builder chosenBy(StreamingChatModel model) {
      this.chair = Objects.requireNonNull(model, "model");
      return this;
    }

    /** For everybody together, the people's time included: an hour unless told otherwise. */
    public Builder limits(Limits limits) {
      this.limits = Objects.requireNonNull(limits, "limits");
      return this;
    }

    /** How much the members say at most after a message from outside: 12 unless told otherwise. */
    public Builder maxUtterances(int utterances) {
      this.maxUtterances = utterances;
      return this;
    }

    private String described() {
      var all = new StringBuilder(Members.described(members.asMap().values()));
      people.keySet().forEach(person -> all.append("\n- ").append(person).append(": a person"));
      return all.toString();
    }

    private Speakers speakers(List<String> names) {
      StreamingChatModel model = chair;
      if (model != null) {
        return Speakers.chosenBy(model, names, described(), limits);
      }
      return byMention ? Speakers.byMention(names) : Speakers.inTurn(names);
    }

    /**
     * Checks the description and freezes it.
     *
     * @throws IllegalArgumentException if there is no agent, or two members share a name
     */
    public GroupChat build() {
      if (members.asMap().isEmpty()) {
        throw new IllegalArgumentException("A group chat needs an agent: call .agents(…).");
      }
      if (order.stream().distinct().count() < order.size()) {
        throw new IllegalArgumentException("Two members of the chat share a name: " + order);
      }
      return new GroupChat(this);
    }
  }
}
