package dev.qwen4j.agent;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.memory.Memory;
import dev.qwen4j.session.Session;
import dev.qwen4j.tool.AnnotatedTools;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.Toolbox;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A model with instructions and tools, under limits and approvals. An agent is a description: it is
 * immutable, keeps nothing of its runs, and may serve any number of threads at once.
 *
 * <p>A run blocks until it ends, and tells its listener everything that happens, on the thread that
 * called it. It ends with a {@link RunResult} whatever the model and the tools do; it throws only
 * what the listener throws, and {@link IllegalArgumentException} for input that cannot be run.
 * Interrupting the thread cancels the run, which then returns with the thread still interrupted.
 */
public final class Agent {
  private final String name;
  private final String description;
  private final String instructions;
  private final StreamingChatModel model;
  private final @Nullable Memory memory;
  private final List<Tool> tools;
  private final ToolSearch search;
  private final Toolset toolset;
  private final Limits limits;
  private final Prices prices;
  private final ContextPolicy context;
  private final LargeResults largeResults;
  private final Approval approval;
  private final Hooks hooks;

  private Agent(Builder builder, StreamingChatModel model) {
    this.name = builder.name;
    this.description = builder.description.strip();
    this.instructions = builder.instructions.strip();
    this.model = model;
    this.memory = builder.memory;
    this.tools = List.copyOf(builder.tools);
    this.context = builder.context;
    this.largeResults = new LargeResults(context);
    this.search = builder.search;
    this.toolset = new Toolset(tools, search.in(tools, namesOf(memory)), largeResults);
    this.limits = builder.limits;
    this.prices = builder.prices;
    this.approval = builder.approval;
    this.hooks = new Hooks(builder.hooks);
  }

  private static Set<String> namesOf(@Nullable Memory memory) {
    return memory == null
        ? Set.of()
        : memory.tools().stream().map(Tool::name).collect(Collectors.toSet());
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Another agent that begins as this one. */
  public Builder toBuilder() {
    Builder builder =
        new Builder()
            .name(name)
            .description(description)
            .model(model)
            .instructions(instructions)
            .tools(tools)
            .limits(limits)
            .prices(prices)
            .context(context)
            .approval(approval);
    hooks.all().forEach(builder::hook);
    builder.memory = memory; // Its tools are among the tools.
    builder.search = search;
    return builder;
  }

  /** Runs on one line of a user's, with nobody listening. */
  public RunResult run(String input) {
    return run(input, event -> {});
  }

  /** Runs on one line of a user's. */
  public RunResult run(String input, AgentListener listener) {
    return run(List.of(UserMessage.from(input)), listener, new Cancellation());
  }

  /**
   * Runs on a conversation, such as {@link RunResult#messages()} with another message of the
   * user's.
   *
   * @param conversation ends with the user's message; a leading system message is kept, after the
   *     agent's instructions
   * @param cancellation ends the run early when cancelled; the result then says so
   */
  public RunResult run(
      List<ChatMessage> conversation, AgentListener listener, Cancellation cancellation) {
    return run(conversation, alone(listener, cancellation));
  }

  /** Runs on one line of a user's, for a record: see {@link TypedResult}. */
  public <T> TypedResult<T> run(String input, Class<T> type) {
    return run(List.of(UserMessage.from(input)), type, event -> {}, new Cancellation());
  }

  /**
   * Runs on a conversation, for a record. The model is told its JSON schema with the user's
   * message, and held to it where the host can do that; it may call tools first. An answer that
   * does not fit is corrected a few times.
   *
   * @param type a record, whose components are described by LangChain4j's {@code @Description} and
   *     required unless annotated as {@code Nullable}
   * @throws IllegalArgumentException if {@code type} is no record, or holds what has no form in
   *     JSON
   */
  public <T> TypedResult<T> run(
      List<ChatMessage> conversation,
      Class<T> type,
      AgentListener listener,
      Cancellation cancellation) {
    var form = new AnswerForm<>(type);
    return TypedResult.of(
        new Beginning(this)
            .anew(new Input.Messages(conversation), form, alone(listener, cancellation)),
        type);
  }

  /**
   * Runs on one more message of the user's in a session, which keeps everything that is said and
   * done. Calls that an earlier run left behind are not made.
   *
   * @throws java.io.UncheckedIOException if the session cannot be written
   */
  public RunResult run(
      Session session, String input, AgentListener listener, Cancellation cancellation) {
    return new Beginning(this)
        .anew(
            new Input.InSession(session, input),
            null,
            RunScope.alone(listener, cancellation, session, List.of()));
  }

  /** The same for a record. */
  public <T> TypedResult<T> run(
      Session session,
      String input,
      Class<T> type,
      AgentListener listener,
      Cancellation cancellation) {
    var form = new AnswerForm<>(type);
    return TypedResult.of(
        new Beginning(this)
            .anew(
                new Input.InSession(session, input),
                form,
                RunScope.alone(listener, cancellation, session, List.of())),
        type);
  }

  /**
   * Goes on with a suspended run, with the calls of its last reply: the model is not asked again.
   * Questions that are still open suspend it again.
   *
   * @param conversation {@link RunResult#messages()} of the suspended run
   * @throws IllegalArgumentException if an answer is to no call that waits, or to one with other
   *     arguments, or if nothing waits
   */
  public RunResult resume(
      List<ChatMessage> conversation,
      List<Answer> answers,
      AgentListener listener,
      Cancellation cancellation) {
    return new Beginning(this).goOn(conversation, answers, alone(listener, cancellation));
  }

  /**
   * Goes on where a session's last run stopped, be it suspended, cancelled or killed. Calls that
   * had begun are not begun again: the model is told that they were interrupted. The others are
   * made now, without asking the model again.
   *
   * @throws IllegalArgumentException if an answer is to no call that waits, or to one with other
   *     arguments, or if there is nothing to go on with
   * @throws java.io.UncheckedIOException if the session cannot be written
   */
  public RunResult resume(
      Session session, List<Answer> answers, AgentListener listener, Cancellation cancellation) {
    return new Beginning(this)
        .goOn(session, RunScope.alone(listener, cancellation, session, answers));
  }

  /** Begins, goes on with, or only recalls the conversation that the scope is for. */
  RunResult run(List<ChatMessage> begin, RunScope scope) {
    return new Beginning(this).within(begin, scope);
  }

  /**
   * The agent as a tool of another one, under its own name: it is told a task, works on it with a
   * conversation of its own, and its answer is the result. Its events come in the stream of the run
   * that calls it, named {@code caller/name}; what it spends counts against the limits of both;
   * what the caller's approval does not allow, it may not do either; and several of them work at
   * the same time. A question of its own can wait if the run is kept in a session, where it goes on
   * after a crash, too.
   *
   * @throws IllegalArgumentException if its name cannot be a tool's
   */
  public Tool asTool() {
    return new AgentTool(this);
  }

  public String name() {
    return name;
  }

  /** What it is for, as other agents read it; empty unless told. */
  public String description() {
    return description;
  }

  public String instructions() {
    return instructions;
  }

  public List<Tool> tools() {
    return tools;
  }

  public Limits limits() {
    return limits;
  }

  private static RunScope alone(AgentListener listener, Cancellation cancellation) {
    return RunScope.alone(listener, cancellation, null, List.of());
  }

  StreamingChatModel model() {
    return model;
  }

  @Nullable Memory memory() {
    return memory;
  }

  Toolset toolset() {
    return toolset;
  }

  ContextPolicy context() {
    return context;
  }

  LargeResults largeResults() {
    return largeResults;
  }

  ToolArgumentsCheck argumentsCheck() {
    return toolset.check();
  }

  Prices prices() {
    return prices;
  }

  Approval approval() {
    return approval;
  }

  Hooks hooks() {
    return hooks;
  }

  /** Describes an agent. Only the model is required. */
  public static final class Builder {
    private String name = "main";
    private @Nullable StreamingChatModel model;
    private String description = "";
    private String instructions = "";
    private final List<Tool> tools = new ArrayList<>();
    private ToolSearch search = ToolSearch.NONE;
    private Limits limits = Limits.DEFAULT;
    private Prices prices = Prices.FREE;
    private ContextPolicy context = ContextPolicy.UNKNOWN;
    private Approval approval = Approval.allowAll();
    private final List<Hook> hooks = new ArrayList<>();
    private @Nullable Memory memory;

    private Builder() {}

    /** How events name the agent: {@code main} unless told otherwise. */
    public Builder name(String name) {
      this.name = Objects.requireNonNull(name, "name");
      return this;
    }

    /** What the agent is for, as other agents read it that may ask it or hand over to it. */
    public Builder description(String description) {
      this.description = Objects.requireNonNull(description, "description");
      return this;
    }

    public Builder model(StreamingChatModel model) {
      this.model = Objects.requireNonNull(model, "model");
      return this;
    }

    /** What the model is told before everything else. */
    public Builder instructions(String instructions) {
      this.instructions = Objects.requireNonNull(instructions, "instructions");
      return this;
    }

    public Builder tool(Tool tool) {
      tools.add(Objects.requireNonNull(tool, "tool"));
      return this;
    }

    public Builder tools(List<? extends Tool> tools) {
      tools.forEach(this::tool);
      return this;
    }

    public Builder tools(Toolbox... toolboxes) {
      for (Toolbox toolbox : toolboxes) {
        tools(toolbox.tools());
      }
      return this;
    }

    /** Adds the methods of {@code object} that bear LangChain4j's {@code @Tool}. */
    public Builder toolsFrom(Object object) {
      return tools(AnnotatedTools.of(object));
    }

    /** Puts something around each tool that has been added, or another one in its place. */
    public Builder eachTool(UnaryOperator<Tool> around) {
      tools.replaceAll(around);
      return this;
    }

    /**
     * Lets the model look for tools instead of being told of all of them, for agents with very
     * many, such as MCP servers bring. It is told of a few, and of {@code search_tools} and {@code
     * call_tool} by which it finds and calls the others; everybody else sees those called by their
     * own names. What it is told does not change as it finds some, so that caches keep hitting.
     *
     * @param mostDeclared with no more tools than this, it is told of all of them; some 20 is what
     *     models choose well from
     * @param declared the names of those that it is told of in any case, besides those that end a
     *     run and those of a {@link #memory}
     */
    public Builder toolSearch(int mostDeclared, String... declared) {
      this.search = new ToolSearch(mostDeclared, Set.of(declared));
      return this;
    }

    public Builder limits(Limits limits) {
      this.limits = Objects.requireNonNull(limits, "limits");
      return this;
    }

    /** What the model costs, for {@link Limits#maxCost} and {@link Spent#cost}. */
    public Builder prices(Prices prices) {
      this.prices = Objects.requireNonNull(prices, "prices");
      return this;
    }

    /** How the conversation is kept within the model's window. */
    public Builder context(ContextPolicy context) {
      this.context = Objects.requireNonNull(context, "context");
      return this;
    }

    /** Who decides whether a call may run: everything may, unless told otherwise. */
    public Builder approval(Approval approval) {
      this.approval = Objects.requireNonNull(approval, "approval");
      return this;
    }

    /**
     * Gives the agent facts that outlive conversations: the tools for them, and when a conversation
     * begins the newest ones, at the end of the instructions. What can then not be read is an
     * {@link UncheckedIOException} of the run.
     */
    public Builder memory(Memory memory) {
      this.memory = Objects.requireNonNull(memory, "memory");
      return tools(memory);
    }

    /** Adds something that looks at each run from its steps, after the hooks that there are. */
    public Builder hook(Hook hook) {
      hooks.add(Objects.requireNonNull(hook, "hook"));
      return this;
    }

    /**
     * Checks the description and freezes it.
     *
     * @throws IllegalArgumentException if there is no model, no name, two tools share a name, or
     *     {@link #toolSearch} names one that there is not
     */
    public Agent build() {
      StreamingChatModel chosen = model;
      if (chosen == null) {
        throw new IllegalArgumentException(
            "An agent needs a model: call .model(…) with any StreamingChatModel.");
      }
      if (name.isBlank() || name.indexOf('/') >= 0) {
        throw new IllegalArgumentException(
            "An agent's name must not be blank, nor hold a slash, but was '" + name + "'.");
      }
      if (Double.isFinite(limits.maxCost()) && prices.equals(Prices.FREE)) {
        throw new IllegalArgumentException(
            "A limit on cost needs to know what tokens cost: call .prices(…).");
      }
      Set<String> names = new HashSet<>();
      for (Tool tool : tools) {
        if (!names.add(tool.name())) {
          throw new IllegalArgumentException(
              "Two tools are named '"
                  + tool.name()
                  + "', and a model can tell tools apart only by name: leave one out or rename"
                  + " it.");
        }
      }
      return new Agent(this, chosen);
    }
  }
}
