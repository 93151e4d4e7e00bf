package dev.qwen4j.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Rewrites the chunks of one streamed answer into the one spelling that LangChain4j's OpenAI client
 * reads without loss, and notes whether the answer is whole. What it evens out:
 *
 * <ul>
 *   <li>Thinking in {@code reasoning} (vLLM), {@code reasoning_content} (DashScope, SGLang) or
 *       both, where one may be null: it becomes {@code reasoning_content}.
 *   <li>Tool calls are numbered anew from 0 in order of appearance: servers leave {@code index}
 *       out, start at 1, or give one index to two calls.
 *   <li>Every call gets an id, once, in its first piece: servers send none, an empty one, the same
 *       one with every piece (the client would join them), or one for two calls.
 *   <li>Calls that come mixed come one after the other: the pieces of a call wait until the one
 *       before it is whole, or the answer ends.
 *   <li>The name comes once, and first (the client would join repetitions); arguments sent as an
 *       object become text; a whole call that is sent again is dropped.
 *   <li>Text in a list of parts is put together; {@code function_call} is a tool call; a whole
 *       {@code message} is a {@code delta}; second answers that nobody asked for are dropped.
 *   <li>Pieces that each say everything so far (text, thinking, arguments) are cut to what is new.
 *   <li>Cached tokens are counted in {@code prompt_tokens_details}.
 *   <li>{@code finish_reason} "" means none yet; "stop" after tool calls means {@code tool_calls}.
 * </ul>
 *
 * <p>An error event, or JSON that cannot be read, is a {@link Failure}.
 */
final class StreamQuirks {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What the last event of a stream says; it is no chunk. */
  static final String DONE = "[DONE]";

  private final EndpointFailures failures;
  private final List<CallState> calls = new ArrayList<>();
  private final Map<Integer, CallState> callAtServerIndex = new HashMap<>();
  private final Set<String> ids = new HashSet<>();
  private final Growth text = new Growth();
  private final Growth thinking = new Growth();
  private final Map<Integer, ObjectNode> waiting = new TreeMap<>(); // Calls whose turn is to come.
  private int live; // The call whose pieces are passed on as they come.
  private int answer = -1; // The number of the answer that is read; none yet.
  private boolean finished;
  private boolean counted;
  private boolean done;

  StreamQuirks(EndpointFailures failures) {
    this.failures = failures;
  }

  /** One tool call as far as it has come. */
  private static final class CallState {
    final int index;
    final String serverId;
    final String id;
    final StringBuilder arguments = new StringBuilder();
    boolean named;

    CallState(int index, String serverId, String id) {
      this.index = index;
      this.serverId = serverId;
      this.id = id;
    }

    boolean isWhole() {
      String text = arguments.toString().strip();
      if (!text.endsWith("}")) {
        return false;
      }
      try {
        return JSON.readTree(text).isObject();
      } catch (JsonProcessingException e) {
        return false; // the brace closed something inside
      }
    }
  }

  /**
   * Finds out whether a server sends in each piece everything so far: the second piece then begins
   * with the whole first one and goes on, as no two pieces of a sentence do.
   */
  private static final class Growth {
    private final StringBuilder whole = new StringBuilder();
    private int pieces;
    private boolean cumulative;

    /** What is new in a piece. */
    String newIn(String piece) {
      if (piece.isEmpty()) {
        return piece;
      }
      pieces++;
      String before = whole.toString();
      boolean grows = piece.length() > before.length() && piece.startsWith(before);
      if (pieces == 2 && grows && !before.isBlank()) {
        cumulative = true;
      }
      if (cumulative && (grows || piece.contentEquals(before))) {
        whole.setLength(0);
        whole.append(piece);
        return piece.substring(before.length());
      }
      if (cumulative || pieces == 1) { // Later ones of an ordinary stream are not looked at.
        whole.append(piece);
      }
      return piece;
    }
  }

  /** Whether the server said that the answer is complete. */
  boolean finished() {
    return finished || done;
  }

  /**
   * Whether it looks complete though the server did not say so: what all of it has cost comes last.
   */
  boolean looksFinished() {
    return finished() || counted;
  }

  /** Returns the chunk as the client should see it. */
  String normalise(@Nullable String event, String data) throws Failure.Thrown {
    if (data.strip().equals(DONE)) {
      done = true;
      return waiting.isEmpty() ? DONE : lastCalls();
    }
    ObjectNode chunk = parse(event, data);
    ErrorBody error = ErrorBody.read(chunk, data);
    if ("error".equals(event) || error.isError()) {
      throw new Failure.Thrown(failures.inStream(error, data));
    }
    keepOneAnswer(chunk);
    if (chunk.path("choices").path(0) instanceof ObjectNode choice) {
      if (choice.remove("message") instanceof ObjectNode whole && !choice.hasNonNull("delta")) {
        choice.set("delta", whole);
      }
      if (choice.get("delta") instanceof ObjectNode delta) {
        normaliseText(delta);
        normaliseOldCall(delta);
        normaliseThinking(delta);
        cutToNew(delta, "content", text);
        cutToNew(delta, "reasoning_content", thinking);
        normaliseCalls(delta);
      }
      normaliseFinish(choice, data);
      if (finished && !waiting.isEmpty()) {
        if (!(choice.get("delta") instanceof ObjectNode)) {
          choice.putObject("delta");
        }
        addWaiting(choice.withObject("/delta").withArrayProperty("tool_calls"));
      }
    }
    normaliseUsage(chunk);
    counted =
        chunk.path("choices").isEmpty() && chunk.path("usage").isObject() && waiting.isEmpty();
    return chunk.toString();
  }

  /** One answer was asked for; whatever else a server thought of is not a part of it. */
  private void keepOneAnswer(ObjectNode chunk) {
    if (!(chunk.get("choices") instanceof ArrayNode choices)) {
      return;
    }
    for (var each = choices.iterator(); each.hasNext(); ) {
      int index = each.next().path("index").asInt(0);
      if (answer < 0) {
        answer = index;
      }
      if (index != answer) {
        each.remove();
      }
    }
  }

  private ObjectNode parse(@Nullable String event, String data) throws Failure.Thrown {
    try {
      if (JSON.readTree(data) instanceof ObjectNode object) {
        return object;
      }
    } catch (JsonProcessingException e) {
      if ("error".equals(event)) {
        throw new Failure.Thrown(failures.inStream(ErrorBody.read(data), data));
      }
      throw new Failure.Thrown(
          failures.unreadableChunk("broken JSON (" + e.getOriginalMessage() + ")", data));
    }
    throw new Failure.Thrown(failures.unreadableChunk("no JSON object", data));
  }

  /** Text in a list of parts. */
  private static void normaliseText(ObjectNode delta) {
    if (delta.get("content") instanceof ArrayNode parts) {
      var text = new StringBuilder();
      parts.forEach(part -> text.append(part.path("text").asText("")));
      delta.put("content", text.toString());
    }
  }

  /** The one call of the protocol before there were several. */
  private static void normaliseOldCall(ObjectNode delta) {
    if (delta.remove("function_call") instanceof ObjectNode function && !delta.has("tool_calls")) {
      delta.putArray("tool_calls").addObject().put("index", 0).set("function", function);
    }
  }

  private static void normaliseThinking(ObjectNode delta) {
    JsonNode thinking = delta.remove("reasoning");
    JsonNode standard = delta.get("reasoning_content");
    boolean hasStandard = standard != null && !standard.asText("").isEmpty();
    if (!hasStandard && thinking != null && thinking.isTextual()) {
      delta.set("reasoning_content", thinking);
    }
  }

  /** Tokens from the cache, which some servers count beside the others instead of among them. */
  private static void normaliseUsage(ObjectNode chunk) {
    if (chunk.get("usage") instanceof ObjectNode usage
        && usage.path("cached_tokens").isInt()
        && !usage.path("prompt_tokens_details").has("cached_tokens")) {
      usage
          .putObject("prompt_tokens_details")
          .put("cached_tokens", usage.path("cached_tokens").intValue());
    }
  }

  private static void cutToNew(ObjectNode delta, String field, Growth growth) {
    JsonNode piece = delta.get(field);
    if (piece != null && piece.isTextual()) {
      delta.put(field, growth.newIn(piece.textValue()));
    }
  }

  private void normaliseCalls(ObjectNode delta) {
    if (!(delta.get("tool_calls") instanceof ArrayNode pieces)) {
      return;
    }
    ArrayNode normalised = JSON.createArrayNode();
    for (JsonNode piece : pieces) {
      if (piece instanceof ObjectNode object) {
        ObjectNode kept = normaliseCall(object);
        if (kept != null) {
          addInTurn(kept, normalised);
        }
      }
    }
    delta.set("tool_calls", normalised);
  }

  /** The client takes a call for complete as soon as another one begins. */
  private void addInTurn(ObjectNode piece, ArrayNode out) {
    int index = piece.path("index").intValue();
    ObjectNode before = waiting.get(index);
    if (index == live) {
      out.add(piece);
    } else if (before == null) {
      waiting.put(index, piece);
    } else {
      ObjectNode function = (ObjectNode) before.path("function");
      if (piece.path("function").has("name")) {
        function.set("name", piece.path("function").get("name"));
      }
      String more = piece.path("function").path("arguments").asText("");
      function.put("arguments", function.path("arguments").asText("") + more);
    }
    while (live + 1 < calls.size() && calls.get(live).isWhole()) {
      live++;
      ObjectNode next = waiting.remove(live);
      if (next != null) {
        out.add(next);
      }
    }
  }

  /** The calls that still wait when the answer ends, as a chunk in place of the end mark. */
  private String lastCalls() {
    ObjectNode chunk = JSON.createObjectNode();
    ObjectNode choice = chunk.putArray("choices").addObject().put("index", 0);
    addWaiting(choice.putObject("delta").putArray("tool_calls"));
    return chunk.toString();
  }

  private void addWaiting(ArrayNode out) {
    waiting.values().forEach(out::add);
    waiting.clear();
    live = Math.max(0, calls.size() - 1);
  }

  private @Nullable ObjectNode normaliseCall(ObjectNode piece) {
    String id = piece.path("id").asText("").strip();
    JsonNode function = piece.path("function");
    String name = function.path("name").asText("");
    JsonNode given = function.path("arguments");
    String arguments =
        given.isTextual() ? given.textValue() : given.isObject() ? given.toString() : "";
    if (id.isEmpty() && name.isBlank() && arguments.isEmpty()) {
      return null;
    }

    CallState current =
        piece.path("index").isInt()
            ? callAtServerIndex.get(piece.path("index").intValue())
            : calls.isEmpty() ? null : calls.getLast();
    boolean first = current == null || startsAnother(current, id, name, arguments);
    CallState call =
        current == null || first ? new CallState(calls.size(), id, ownId(id)) : current;
    if (first) {
      calls.add(call);
      if (piece.path("index").isInt()) {
        callAtServerIndex.put(piece.path("index").intValue(), call);
      }
    } else if (call.isWhole() && call.named) {
      return null; // sent once more
    }
    String before = call.arguments.toString();
    boolean grows = before.length() > 1 && arguments.startsWith(before);
    String more = grows ? arguments.substring(before.length()) : arguments;
    call.arguments.append(more);
    if (!call.named && name.isBlank()) {
      return null; // kept until its name comes
    }
    ObjectNode result = JSON.createObjectNode().put("index", call.index);
    ObjectNode out = result.putObject("function");
    if (!call.named) {
      call.named = true;
      result.put("id", call.id).put("type", "function");
      out.put("name", name);
      more = call.arguments.toString();
    }
    out.put("arguments", more);
    return result;
  }

  private static boolean startsAnother(
      CallState current, String id, String name, String arguments) {
    if (!id.isEmpty() && !current.serverId.isEmpty()) {
      return !id.equals(current.serverId);
    }
    return id.isEmpty()
        && !name.isBlank()
        && current.isWhole()
        && !arguments.contentEquals(current.arguments);
  }

  /** The server's id, if it has one and for no other call. */
  private String ownId(String serverId) {
    if (!serverId.isEmpty() && ids.add(serverId)) {
      return serverId;
    }
    String id = "call_" + UUID.randomUUID().toString().replace("-", "");
    ids.add(id);
    return id;
  }

  private void normaliseFinish(ObjectNode choice, String data) throws Failure.Thrown {
    String reason =
        choice.path("finish_reason").isTextual() ? choice.path("finish_reason").asText() : "";
    if (!reason.isEmpty()
        && !reason.startsWith("error")
        && calls.stream().anyMatch(c -> !c.named)) {
      throw new Failure.Thrown(failures.unreadableChunk("a tool call without a name", data));
    }
    switch (reason) {
      case "" -> choice.remove("finish_reason");
      case "error_finish", "error" -> {
        // DashScope puts the reason into the text of the last chunk.
        String text = choice.path("delta").path("content").asText(reason);
        throw new Failure.Thrown(failures.inStream(new ErrorBody(text, text, true), data));
      }
      case "stop" -> {
        finished = true;
        if (!calls.isEmpty()) {
          choice.put("finish_reason", "tool_calls");
        }
      }
      default -> finished = true;
    }
  }
}
