package dev.qwen4j.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.dialect.LenientJson;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The tools of an agent that its model is not told of, because there are too many. It finds them
 * with {@value ToolFinder#NAME}, whose results hold the schemas, and calls them with {@value
 * #CALL}. Both are declared from the beginning and nothing is added later, so that whatever is
 * found, each request begins as the one before it, and the caches of hosts and of the local engine
 * keep hitting.
 *
 * <p>{@value #CALL} exists between the loop and the model only: {@link #meant} takes it out of a
 * reply before anybody sees that, and {@link #written} puts it into each request after everybody
 * has. Hooks, approvals, events, limits, sessions and traces know the tool that was meant and its
 * arguments, and a session goes on with an agent that hides other tools, or none.
 */
final class HiddenTools {
  static final String CALL = "call_tool";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String NAME = "name";
  private static final String ARGUMENTS = "arguments";

  private final Set<String> names;
  private final List<Tool> instead;

  private HiddenTools(List<Tool> hidden) {
    this.names = hidden.stream().map(Tool::name).collect(Collectors.toUnmodifiableSet());
    this.instead = hidden.isEmpty() ? List.of() : List.of(new ToolFinder(hidden), new CallTool());
  }

  /**
   * Those that are hidden of {@code tools}: none, if there are no more than {@code mostDeclared}.
   *
   * @throws IllegalArgumentException if some are, and another tool has a name that is needed then
   */
  static HiddenTools of(List<Tool> tools, int mostDeclared, Predicate<Tool> isDeclared) {
    boolean areFew = tools.size() <= mostDeclared;
    List<Tool> hidden = areFew ? List.of() : tools.stream().filter(isDeclared.negate()).toList();
    for (Tool tool : hidden.isEmpty() ? List.<Tool>of() : tools) {
      if (tool.name().equals(CALL) || tool.name().equals(ToolFinder.NAME)) {
        throw new IllegalArgumentException(
            "A tool is named '"
                + tool.name()
                + "', which a tool search needs for itself: rename it, or leave the search out.");
      }
    }
    return new HiddenTools(hidden);
  }

  boolean hides(String tool) {
    return names.contains(tool);
  }

  /** What is declared in their place. */
  List<Tool> instead() {
    return instead;
  }

  /**
   * A reply with the calls that are meant by it.
   *
   * @param cutOff whether it ended at the model's output limit; then nothing is read into it
   */
  AiMessage meant(AiMessage reply, boolean cutOff) {
    if (names.isEmpty() || !reply.hasToolExecutionRequests()) {
      return reply;
    }
    List<ToolExecutionRequest> calls =
        reply.toolExecutionRequests().stream().map(call -> meant(call, cutOff)).toList();
    return reply.toBuilder().toolExecutionRequests(calls).build();
  }

  /** What is none of this is left to the check of its arguments, which says what is wrong. */
  private static ToolExecutionRequest meant(ToolExecutionRequest call, boolean cutOff) {
    ObjectNode written = CALL.equals(call.name()) ? object(call.arguments(), cutOff) : null;
    if (written == null || !(written.remove(NAME) instanceof TextNode name)) {
      return call;
    }
    JsonNode inner = written.has(ARGUMENTS) ? written.get(ARGUMENTS) : written;
    String arguments =
        inner.isTextual() ? inner.textValue() : inner.isNull() ? "{}" : inner.toString();
    var meant = call.toBuilder().name(name.textValue()).arguments(arguments).build();
    return meant(meant, cutOff); // Small models have call_tool call call_tool.
  }

  private static @Nullable ObjectNode object(@Nullable String json, boolean cutOff) {
    if (json == null || (cutOff && !LenientJson.isObject(json))) {
      return null;
    }
    try {
      String proper = LenientJson.isObject(json) ? json : LenientJson.object(json).orElse("null");
      return JSON.readTree(proper) instanceof ObjectNode object ? object : null;
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("what was read as JSON is none", e);
    }
  }

  /** A request in which hidden tools are called as the model is to call them. */
  ChatRequest written(ChatRequest request) {
    if (names.isEmpty()) {
      return request;
    }
    Set<String> calls = new HashSet<>();
    var messages = new ArrayList<ChatMessage>();
    for (ChatMessage message : request.messages()) {
      messages.add(
          switch (message) {
            case AiMessage reply when reply.hasToolExecutionRequests() -> written(reply, calls);
            case ToolExecutionResultMessage result when calls.contains(result.id()) ->
                result.toBuilder().toolName(CALL).build();
            default -> message;
          });
    }
    return calls.isEmpty() ? request : request.toBuilder().messages(messages).build();
  }

  /**
   * @param calls takes the ids of those that call a hidden tool
   */
  private AiMessage written(AiMessage reply, Set<String> calls) {
    var written = new ArrayList<ToolExecutionRequest>();
    for (ToolExecutionRequest call : reply.toolExecutionRequests()) {
      if (!hides(call.name())) {
        written.add(call);
        continue;
      }
      calls.add(call.id());
      String arguments =
          "{\"%s\":%s,\"%s\":%s}"
              .formatted(NAME, TextNode.valueOf(call.name()), ARGUMENTS, call.arguments());
      written.add(call.toBuilder().name(CALL).arguments(arguments).build());
    }
    return reply.toBuilder().toolExecutionRequests(written).build();
  }

  /** Stands for the tool that it is to call; nothing but a call of no tool ever comes to it. */
  private static final class CallTool implements Tool {
    @Override
    public ToolSpecification specification() {
      return ToolSpecification.builder()
          .name(CALL)
          .description("Calls a tool that " + ToolFinder.NAME + " has found.")
          .parameters(
              JsonObjectSchema.builder()
                  .addStringProperty(NAME, "The name of the tool")
                  .addProperty(
                      ARGUMENTS,
                      JsonObjectSchema.builder()
                          .description("What the tool takes, as its schema says")
                          .additionalProperties(true)
                          .build())
                  .required(NAME, ARGUMENTS)
                  .build())
          .build();
    }

    @Override
    public boolean changesState() {
      return false;
    }

    @Override
    public ToolResult call(ToolCall call, ToolContext context) {
      return ToolResult.error("Which tool? Look for it with " + ToolFinder.NAME + ".");
    }
  }
}
