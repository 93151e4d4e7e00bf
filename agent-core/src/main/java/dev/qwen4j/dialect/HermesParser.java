package dev.qwen4j.dialect;

import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads replies of the Hermes dialect, which Qwen2.5, QwQ and Qwen3 speak: {@code <think>…</think>}
 * at the start, then text, and calls as {@code <tool_call>{"name": …, "arguments": {…}}
 * </tool_call>}. Small models leave the markers out, so a call of a declared tool that stands alone
 * on its lines, bare or in a {@code ```json} fence, is read as well. Qwen3-Coder and Qwen3.5 write
 * {@link CoderXml} where the others write JSON, with or without the markers around it.
 *
 * <p>The reply is a sequence of stretches (thinking, text, a call, what follows a call), and each
 * state reads as much of its stretch as is certain: what it cannot decide stays in {@link #held}
 * until more comes. Whatever was held for a call and turns out to be none is text again, so nothing
 * is lost; only the white space around markers is.
 *
 * <p>What is not obvious:
 *
 * <ul>
 *   <li>{@code </tool_call>} inside a JSON string does not end the call, unless the object never
 *       ends: then a quote was lost, and the marker is the better witness.
 *   <li>Calls inside thinking are thoughts of calls, not calls.
 *   <li>With no tools declared, only thinking is separated.
 * </ul>
 */
public final class HermesParser implements OutputParser {
  private static final String THINK = "<think>";
  private static final String END_THINK = "</think>";
  private static final String CALL = CallOpening.CALL;
  private static final String END_CALL = "</tool_call>";
  private static final String FENCE = CallOpening.FENCE;

  /** A longer name than any tool's: whatever it is, it is none. */
  private static final int LONGEST_NAME = 200;

  private enum State {
    THINKING,
    TEXT,
    /** After {@code <tool_call>}. */
    MARKED_CALL,
    /** From {@code <function=}. */
    XML_CALL,
    /** From the brace (or fence) of something that may be a call. */
    BARE_CALL,
    AFTER_CALL
  }

  private final Set<String> declared;
  private final @Nullable Pattern bareStart;
  private final StringBuilder held = new StringBuilder();
  private final Markers at = new Markers(held);
  private final CallOpening opening = new CallOpening(held, at);
  private State state;

  private final SpokenText spoken = new SpokenText();
  private boolean lineBlank = true;
  private boolean inCodeBlock;

  private JsonEnd json = new JsonEnd();
  private int jsonStart = -1;
  private int scanned;
  private int markerInString = -1;
  private boolean callInFence;
  private boolean markedCall;
  private boolean listBegins;
  private boolean callInList;

  private HermesParser(Set<String> declared, @Nullable Pattern bareStart, State state) {
    this.declared = declared;
    this.bareStart = bareStart;
    this.state = state;
  }

  /** A parser for one reply to a request that offered the tools of these names. */
  public static HermesParser forTools(Set<String> declared) {
    Pattern bareStart = declared.isEmpty() ? null : CallJson.bareStart(declared);
    return new HermesParser(Set.copyOf(declared), bareStart, State.TEXT);
  }

  /** The same parser for another reply. */
  public HermesParser again() {
    return new HermesParser(declared, bareStart, State.TEXT);
  }

  /** The same parser for a reply whose prompt has already opened {@code <think>}. */
  public HermesParser startingInThinking() {
    return new HermesParser(declared, bareStart, State.THINKING);
  }

  @Override
  public void accept(String delta, Consumer<OutputEvent> out) {
    held.append(delta);
    read(out);
  }

  @Override
  public void finish(Consumer<OutputEvent> out) {
    at.end();
    read(out);
  }

  /** Lets the states read on until none of them can go further. */
  private void read(Consumer<OutputEvent> out) {
    boolean more = true;
    while (more) {
      more =
          switch (state) {
            case THINKING -> readThinking(out);
            case TEXT -> readText(out);
            case MARKED_CALL -> readMarkedCall(out);
            case XML_CALL -> readXmlCall(out);
            case BARE_CALL -> readBareCall(out);
            case AFTER_CALL -> readAfterCall();
          };
    }
  }

  private boolean readThinking(Consumer<OutputEvent> out) {
    int end = held.indexOf(END_THINK);
    int certain = end >= 0 ? end : at.ended() ? held.length() : at.certainBefore(END_THINK);
    int said = spoken.think(held, certain, out);
    if (end < 0) {
      held.delete(0, at.ended() ? held.length() : said);
      return false;
    }
    held.delete(0, end + END_THINK.length());
    become(State.TEXT);
    spoken.followThinking();
    return true;
  }

  private boolean readText(Consumer<OutputEvent> out) {
    for (int i = 0; i < held.length(); i++) {
      char c = held.charAt(i);
      boolean mayThink = c == '<' && !spoken.hasBegun() && at.isBlank(i);
      if (mayThink && at.startsWith(THINK, i)) {
        held.delete(0, i + THINK.length());
        spoken.dropSpace();
        become(State.THINKING);
        return true;
      }
      if (mayThink
          && at.startsWith(END_THINK, i)) { // Of thoughts that came in a field of their own.
        held.delete(0, i + END_THINK.length());
        spoken.dropSpace();
        become(State.TEXT);
        spoken.followThinking();
        return true;
      }
      boolean mayCall = bareStart != null;
      if (c == '<' && mayCall && at.startsWith(CALL, i)) {
        text(i, out);
        held.delete(0, CALL.length());
        become(State.MARKED_CALL);
        return true;
      }
      if (c == '<' && mayCall && at.startsWith(CoderXml.START, i)) {
        int close = held.indexOf(">", i);
        if (close < 0 && !at.ended() && held.length() - i < LONGEST_NAME) {
          text(i, out);
          return false;
        }
        if (close > 0
            && declared.contains(held.substring(i + CoderXml.START.length(), close).strip())) {
          text(i, out);
          become(State.XML_CALL);
          return true;
        }
      }
      if (c == '<' && mayCall && at.isCut(CoderXml.START, i)) {
        text(i, out);
        return false;
      }
      if ((mayThink && (at.isCut(THINK, i) || at.isCut(END_THINK, i)))
          || (c == '<' && mayCall && at.isCut(CALL, i))) {
        text(i, out);
        return false;
      }
      if (lineBlank && bareStart != null && !inCodeBlock && "{[`".indexOf(c) >= 0) {
        Matcher start = bareStart.matcher(held).region(i, held.length());
        if (start.lookingAt()) {
          int brace = start.start("brace") - i;
          listBegins = start.start("list") >= 0;
          text(i, out);
          become(State.BARE_CALL);
          jsonStart = brace;
          scanned = brace;
          return true;
        }
        if (!at.ended() && start.hitEnd()) {
          text(i, out);
          return false;
        }
      }
      if (lineBlank && c == '`') {
        if (at.isCut(FENCE, i)) {
          text(i, out);
          return false;
        }
        if (at.startsWith(FENCE, i)) {
          inCodeBlock = !inCodeBlock && !callInFence;
          callInFence = false;
        }
      }
      lineBlank = c == '\n' || (lineBlank && Character.isWhitespace(c));
    }
    text(held.length(), out);
    return false;
  }

  private boolean readMarkedCall(Consumer<OutputEvent> out) {
    if (jsonStart < 0) {
      switch (opening.find()) {
        case UNDECIDED -> {
          return false;
        }
        case XML -> {
          become(State.XML_CALL);
          markedCall = true;
          return true;
        }
        case NOTHING -> {
          held.insert(0, CALL);
          return asText(CALL.length(), out);
        }
        case JSON -> {
          callInFence |= opening.isFenced();
          jsonStart = 0;
          scanned = 0;
        }
      }
    }
    while (scanned < held.length()) {
      char c = held.charAt(scanned);
      if (c == '<') {
        if (at.isCut(END_CALL, scanned) || at.isCut(CALL, scanned)) {
          return false;
        }
        boolean end = at.startsWith(END_CALL, scanned);
        if (end && json.inString() && markerInString < 0) {
          markerInString = scanned;
        } else if (!json.inString() && (end || at.startsWith(CALL, scanned))) {
          return call(scanned, out);
        }
      }
      scanned++;
      if (held.charAt(jsonStart) == '{' && json.closes(c)) {
        if (CallJson.read(held.substring(jsonStart, scanned)).isPresent()) {
          return call(scanned, out);
        }
        rereadBrace(); // A quote is missing or stray: read on to the marker.
        if (markerInString >= 0) {
          return call(markerInString, out);
        }
      }
    }
    if (!at.ended()) {
      return false;
    }
    return call(markerInString >= 0 ? markerInString : held.length(), out);
  }

  /** Emits the marked call that ends before {@code end}. */
  private boolean call(int end, Consumer<OutputEvent> out) {
    String written = held.substring(jsonStart, end);
    emit(CallJson.read(written).orElseGet(() -> CallJson.broken(written)), end, out);
    markedCall = true;
    return true;
  }

  private boolean readXmlCall(Consumer<OutputEvent> out) {
    // Only what is new can complete an end marker that was not there before.
    boolean mayEnd =
        held.indexOf(END_CALL, Math.max(0, scanned - END_CALL.length())) >= 0
            || held.indexOf(CoderXml.END, Math.max(0, scanned - CoderXml.END.length())) >= 0;
    scanned = held.length();
    int end = mayEnd || at.ended() ? CoderXml.end(held, 0) : -1;
    if (end < 0 && (mayEnd || at.ended())) { // The inner end marker is missing.
      int outer = held.indexOf(END_CALL);
      end = outer >= 0 ? outer : at.ended() ? held.length() : -1;
    }
    if (end < 0) {
      return false;
    }
    emit(CoderXml.read(held.substring(0, end)), end, out);
    return true;
  }

  private boolean readBareCall(Consumer<OutputEvent> out) {
    boolean closed = false;
    int end = scanned;
    while (end < held.length() && !closed) {
      closed = json.closes(held.charAt(end));
      end++;
    }
    scanned = closed ? end - 1 : end;
    if (!closed && !at.ended()) {
      return false;
    }
    String written = held.substring(jsonStart, end);
    Optional<OutputEvent.Call> call = CallJson.bare(written, declared);
    if (call.isEmpty()) {
      return asText(end, out);
    }
    int next = end;
    while (next < held.length() && " \t,;".indexOf(held.charAt(next)) >= 0) {
      next++;
    }
    if (at.isCut(END_CALL, next) || at.isCut(CALL, next) || at.isCut(FENCE, next)) {
      rereadBrace();
      return false;
    }
    boolean inList = listBegins || callInList;
    boolean alone =
        next == held.length()
            || (inList ? "\r\n{]" : "\r\n{").indexOf(held.charAt(next)) >= 0
            || at.startsWith(END_CALL, next)
            || at.startsWith(CALL, next)
            || at.startsWith(FENCE, next);
    if (!alone) {
      return asText(end, out);
    }
    boolean fenced = held.charAt(0) == '`' || callInFence;
    emit(call.get(), next, out);
    callInFence = fenced;
    callInList = inList;
    listBegins = false;
    return true;
  }

  /** Looks at the closing brace of a bare call again when more has come. */
  private void rereadBrace() {
    json = new JsonEnd();
    json.closes('{');
  }

  private void emit(OutputEvent.Call call, int end, Consumer<OutputEvent> out) {
    out.accept(call);
    held.delete(0, end);
    spoken.followCall();
    become(State.AFTER_CALL);
  }

  /** Drops what closes a call: its end marker, its fence, its list, a brace too many. */
  private boolean readAfterCall() {
    int i = at.firstInk(0);
    while (markedCall && i < held.length() && "},]".indexOf(held.charAt(i)) >= 0) {
      i = at.firstInk(i + 1);
    }
    if (callInList) {
      if (i == held.length() && !at.ended()) {
        return false;
      }
      callInList = i < held.length() && "{,".indexOf(held.charAt(i)) >= 0;
      if (i < held.length() && ",]".indexOf(held.charAt(i)) >= 0) {
        held.delete(0, i + 1);
        return true;
      }
    }
    if (at.isCut(END_CALL, i) || (callInFence && at.isCut(FENCE, i))) {
      return false;
    }
    if (at.mayStart(END_CALL, i)) { // Whole, or cut off by the end of the reply.
      held.delete(0, Math.min(held.length(), i + END_CALL.length()));
      markedCall = false;
    } else if (callInFence && at.startsWith(FENCE, i)) {
      held.delete(0, i + FENCE.length());
      callInFence = false;
      return markedCall || leaveCall();
    } else if (markedCall && i < held.length() && held.charAt(i) == '{') {
      held.delete(0, i);
      become(State.MARKED_CALL);
      return true;
    }
    return leaveCall();
  }

  private boolean leaveCall() {
    become(State.TEXT);
    return true;
  }

  /** What was held for a call is none: its first {@code length} characters are text. */
  private boolean asText(int length, Consumer<OutputEvent> out) {
    listBegins = false;
    callInList = false;
    inCodeBlock |= held.charAt(0) == '`';
    text(length, out);
    become(State.TEXT);
    spoken.releaseSpace();
    lineBlank = false;
    return true;
  }

  private void become(State next) {
    state = next;
    spoken.holdSpace();
    lineBlank = true;
    json = new JsonEnd();
    jsonStart = -1;
    scanned = 0;
    markerInString = -1;
  }

  /** The first {@code length} characters held are text. */
  private void text(int length, Consumer<OutputEvent> out) {
    spoken.say(held, length, out);
    held.delete(0, length);
  }
}
