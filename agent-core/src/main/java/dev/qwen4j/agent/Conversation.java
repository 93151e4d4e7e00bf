package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.dialect.LenientJson;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.Session;
import dev.qwen4j.session.SessionEntry;
import dev.qwen4j.tool.ToolResult;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The messages of one run, kept in a form that every host accepts: one system message at the front,
 * call ids that are unique, call arguments that are JSON objects, and one result after each call.
 * What is added to it is written to the session's journal first, if there is a session.
 */
final class Conversation {
  private final List<ChatMessage> messages = new ArrayList<>();
  private final Set<String> ids = new HashSet<>();
  private final List<ToolExecutionRequest> open = new ArrayList<>();
  private final @Nullable Session session;
  private String input = "";
  private boolean hasCutResults;

  private Conversation(String instructions, List<ChatMessage> given, @Nullable Session session) {
    this.session = session;
    boolean ownSystem = !given.isEmpty() && given.getFirst() instanceof SystemMessage;
    String system = ownSystem ? ((SystemMessage) given.getFirst()).text() : "";
    if (!system.startsWith(instructions)) {
      system = system.isBlank() ? instructions : instructions + "\n\n" + system;
    }
    if (!system.isBlank()) {
      messages.add(SystemMessage.from(system));
    }
    for (ChatMessage message : given.subList(ownSystem ? 1 : 0, given.size())) {
      if (message instanceof ToolExecutionResultMessage result) {
        open.removeIf(call -> call.id().equals(result.id()));
      } else {
        answerOpenCalls("Interrupted: this call has no result.");
      }
      if (message instanceof AiMessage ai && ai.hasToolExecutionRequests()) {
        ai.toolExecutionRequests().forEach(call -> ids.add(call.id()));
        open.addAll(ai.toolExecutionRequests());
      }
      if (message instanceof UserMessage user) {
        input = text(user);
      }
      hasCutResults |= LargeResults.isCut(message);
      messages.add(message);
    }
  }

  /**
   * To be answered.
   *
   * @param given ends with the user's message; calls left open in it are answered as interrupted
   * @throws IllegalArgumentException if it does not
   */
  static Conversation of(String instructions, List<ChatMessage> given) {
    requireQuestion(given);
    return new Conversation(instructions, given, null);
  }

  /**
   * The same, kept in a session that is empty so far.
   *
   * @param given has no system message
   */
  static Conversation begun(String instructions, Session session, List<ChatMessage> given) {
    requireQuestion(given);
    session.record(new SessionEntry.Compacted(given)); // As one entry: all of it or nothing.
    var conversation = new Conversation(instructions, given, session);
    conversation.recordInstructions(session);
    return conversation;
  }

  private static void requireQuestion(List<ChatMessage> given) {
    if (given.isEmpty() || !(given.getLast() instanceof UserMessage)) {
      throw new IllegalArgumentException(
          "The last message of a conversation to run must be a UserMessage, but "
              + (given.isEmpty()
                  ? "there are no messages."
                  : "it is a " + given.getLast().getClass().getSimpleName() + "."));
    }
  }

  /**
   * To be gone on with where it stopped: at calls without results, or before a reply.
   *
   * @throws IllegalArgumentException if it has come to its end
   */
  static Conversation stopped(String instructions, List<ChatMessage> given) {
    var conversation = new Conversation(instructions, given, null);
    conversation.requireUnfinished();
    return conversation;
  }

  /** That of a session, with one more message of the user's. */
  static Conversation of(String instructions, Session session, UserMessage message) {
    var conversation = new Conversation(instructions, session.messages(), session);
    conversation.recordInstructions(session);
    conversation.answerStarted(session.startedCalls());
    conversation.answerOpenCalls("Not run: the user went on with something else.");
    conversation.add(message, null);
    conversation.input = text(message);
    return conversation;
  }

  /** That of a session, where it stopped. Calls that had begun are not begun again. */
  static Conversation stopped(String instructions, Session session) {
    var conversation = new Conversation(instructions, session.messages(), session);
    conversation.requireUnfinished();
    conversation.recordInstructions(session);
    conversation.answerStarted(session.startedCalls());
    return conversation;
  }

  private void requireUnfinished() {
    if (messages.isEmpty()
        || messages.getLast() instanceof SystemMessage
        || (messages.getLast() instanceof AiMessage && open.isEmpty())) {
      throw new IllegalArgumentException(
          "There is nothing to resume: the conversation "
              + (input.isEmpty() ? "is empty" : "has been answered")
              + ". Run it with another message of the user's.");
    }
  }

  private void recordInstructions(Session session) {
    boolean isTold = !messages.isEmpty() && messages.getFirst() instanceof SystemMessage;
    String told = isTold ? ((SystemMessage) messages.getFirst()).text() : "";
    if (!told.equals(session.instructions())) {
      record(new SessionEntry.Instructions(told));
    }
  }

  private void answerStarted(Set<String> started) {
    for (ToolExecutionRequest call : List.copyOf(open)) {
      if (started.contains(call.id())) {
        append(
            call,
            ToolResult.error(
                "Interrupted: the program ended while this call ran. It may have taken effect, in"
                    + " part or wholly: look before you repeat it."));
      }
    }
  }

  /** What the user said last. */
  String input() {
    return input;
  }

  static String text(UserMessage message) {
    return message.contents().stream()
        .filter(TextContent.class::isInstance)
        .map(content -> ((TextContent) content).text())
        .collect(Collectors.joining("\n"));
  }

  /** The calls that have no result yet. */
  List<ToolExecutionRequest> openCalls() {
    return List.copyOf(open);
  }

  /** What the session's question about this call is, if one waits for its answer. */
  Optional<String> askedAbout(String call) {
    return session == null
        ? Optional.empty()
        : session.questions().stream()
            .filter(question -> question.call().equals(call))
            .map(Question::text)
            .findFirst();
  }

  List<ChatMessage> messages() {
    return List.copyOf(messages);
  }

  /** Whether there is a result in it that can be read on. */
  boolean hasCutResults() {
    return hasCutResults;
  }

  int size() {
    return messages.size();
  }

  /** The first messages with a line from the user after them, which is not kept. */
  List<ChatMessage> upTo(int size, @Nullable String line) {
    var all = new ArrayList<ChatMessage>(messages.subList(0, size));
    if (line != null) {
      all.add(UserMessage.from(line));
    }
    return all;
  }

  /** The instructions, and a line from the user after them, which is not kept. */
  List<ChatMessage> onlyInstructions(String line) {
    return upTo(messages.getFirst() instanceof SystemMessage ? 1 : 0, line);
  }

  /**
   * Appends a reply unless it is empty.
   *
   * @param usage what it cost, or null when nobody knows
   * @return its calls, with the ids that their results must bear and the arguments as written
   */
  List<ToolExecutionRequest> append(AiMessage reply, @Nullable TokenUsage usage) {
    var calls = new ArrayList<ToolExecutionRequest>();
    for (ToolExecutionRequest call : reply.toolExecutionRequests()) {
      calls.add(call.toBuilder().id(uniqueId(call.id())).build());
    }
    if (calls.isEmpty() && isBlank(reply.text())) {
      return calls;
    }
    var kept = new ArrayList<ToolExecutionRequest>(calls.size());
    for (ToolExecutionRequest call : calls) {
      kept.add(acceptableEverywhere(call));
    }
    add(reply.toBuilder().toolExecutionRequests(kept).build(), usage);
    open.addAll(kept);
    return calls;
  }

  /** Appends something that the model is told as if the user had said it, and keeps it. */
  void say(String line) {
    add(UserMessage.from(line), null);
  }

  void append(ToolExecutionRequest call, ToolResult result) {
    open.removeIf(each -> each.id().equals(call.id()));
    add(
        ToolExecutionResultMessage.builder()
            .id(call.id())
            .toolName(nameOf(call))
            .text(result.text())
            .isError(result.isError())
            .build(),
        null);
  }

  boolean hasOpenCalls() {
    return !open.isEmpty();
  }

  /** Goes on with other messages, which mean the same in fewer words. */
  void replace(List<ChatMessage> smaller) {
    boolean instructed = !smaller.isEmpty() && smaller.getFirst() instanceof SystemMessage;
    record(new SessionEntry.Compacted(smaller.subList(instructed ? 1 : 0, smaller.size())));
    messages.clear();
    messages.addAll(smaller);
    hasCutResults = smaller.stream().anyMatch(LargeResults::isCut);
  }

  /** Writes down, before anything else is done with it, what is not a message. */
  void record(SessionEntry entry) {
    if (session != null) {
      session.record(entry);
    }
  }

  private void add(ChatMessage message, @Nullable TokenUsage usage) {
    record(new SessionEntry.Message(message, usage));
    hasCutResults |= LargeResults.isCut(message);
    messages.add(message);
  }

  /** Gives every call that has no result yet this one. */
  void answerOpenCalls(String reason) {
    for (ToolExecutionRequest call : List.copyOf(open)) {
      append(call, ToolResult.error(reason));
    }
  }

  private String uniqueId(@Nullable String id) {
    if (id != null && !id.isBlank() && ids.add(id)) {
      return id;
    }
    int n = ids.size() + 1;
    while (!ids.add("call_" + n)) {
      n++;
    }
    return "call_" + n;
  }

  /** Hosts refuse a history whose calls lack a name or whose arguments are not a JSON object. */
  private static ToolExecutionRequest acceptableEverywhere(ToolExecutionRequest call) {
    String arguments = call.arguments();
    if (isBlank(arguments)) {
      arguments = "{}";
    } else if (!LenientJson.isObject(arguments)) {
      // Without a reading, the result that follows quotes what was written.
      arguments = LenientJson.object(arguments).orElse("{}");
    }
    return arguments.equals(call.arguments()) && !isBlank(call.name())
        ? call
        : call.toBuilder().name(nameOf(call)).arguments(arguments).build();
  }

  private static String nameOf(ToolExecutionRequest call) {
    return isBlank(call.name()) ? "unnamed" : call.name();
  }

  private static boolean isBlank(@Nullable String text) {
    return text == null || text.isBlank();
  }
}
