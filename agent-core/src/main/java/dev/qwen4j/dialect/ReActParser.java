package dev.qwen4j.dialect;

import dev.langchain4j.agent.tool.ToolSpecification;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a reply in the manner of ReAct as it streams in. The beginning of each line is held until
 * it is certain whether a label stands there; what follows belongs to the last label. Thoughts are
 * thinking; the final answer, and what has no label, is text; the first action is a call.
 *
 * <p>What comes after the action's input is dropped: the model has gone on to make up the result. A
 * reply that is all thought is its own answer.
 */
final class ReActParser implements OutputParser {
  private static final Pattern LABEL =
      Pattern.compile(
          "\\s*\\**(?<label>Thought|Action Input|Action|Observation|Final Answer)\\**\\s*:\\**"
              + "[ \\t]*");
  private static final Pattern FENCED =
      Pattern.compile("```\\w*\\s*\\n(.*?)\\n?```", Pattern.DOTALL);
  private static final int LONGEST_LABEL = 40;

  private enum Part {
    TEXT,
    THOUGHT,
    ACTION,
    INPUT,
    OVER
  }

  private final Map<String, String> onlyArgument = new HashMap<>();
  private final StringBuilder line = new StringBuilder(); // The beginning of a line, undecided.
  private final StringBuilder space = new StringBuilder(); // White space that nothing follows yet.
  private final StringBuilder thought = new StringBuilder();
  private final StringBuilder action = new StringBuilder();
  private final StringBuilder input = new StringBuilder();
  private Part part = Part.TEXT;
  private boolean decided;
  private boolean begun; // Whether anything but white space has come since the label.
  private final StringBuilder text = new StringBuilder();

  ReActParser(List<ToolSpecification> tools) {
    for (ToolSpecification tool : tools) {
      ToolParameters.only(tool).ifPresent(only -> onlyArgument.put(tool.name(), only));
    }
  }

  @Override
  public void accept(String delta, Consumer<OutputEvent> out) {
    var ready = new StringBuilder();
    for (int i = 0; i < delta.length(); i++) {
      char c = delta.charAt(i);
      if (decided) {
        ready.append(c);
      } else {
        line.append(c);
        Matcher label = LABEL.matcher(line);
        boolean found = label.lookingAt();
        if (!mayGoOn(label, found) || c == '\n') {
          say(ready, out);
          decide(out);
        }
      }
      if (c == '\n') {
        say(ready, out);
        decided = inThinking();
      }
    }
    say(ready, out);
  }

  private static boolean mayGoOn(Matcher label, boolean found) {
    return label.hitEnd() && (found || label.regionEnd() < LONGEST_LABEL);
  }

  @Override
  public void finish(Consumer<OutputEvent> out) {
    decide(out);
    if (!action.isEmpty()) {
      String name = action.toString().strip().replaceAll("^[`'\"*\\[]+|[`'\"*\\].]+$", "");
      out.accept(new OutputEvent.Call(name, arguments(name)));
    } else if (text.isEmpty() && !thought.isEmpty()) {
      out.accept(new OutputEvent.Text(thought.toString().strip()));
    }
  }

  /** Whether the model, or its host, has left its thinking in the text, and not come to its end. */
  private boolean inThinking() {
    return text.lastIndexOf("<think>") > text.lastIndexOf("</think>");
  }

  /** The beginning of the line is a label, or it is not. */
  private void decide(Consumer<OutputEvent> out) {
    decided = true;
    Matcher label = LABEL.matcher(line);
    String rest = line.toString();
    if (!inThinking() && label.lookingAt()) {
      rest = line.substring(label.end());
      become(label.group("label"));
    }
    line.setLength(0);
    say(new StringBuilder(rest), out);
  }

  private void become(String label) {
    boolean called = part == Part.INPUT || (part == Part.ACTION && !label.equals("Action Input"));
    part =
        called || part == Part.OVER
            ? Part.OVER
            : switch (label) {
              case "Thought" -> Part.THOUGHT;
              case "Action" -> Part.ACTION;
              case "Action Input" -> action.isEmpty() ? Part.TEXT : Part.INPUT;
              case "Final Answer" -> Part.TEXT;
              default -> Part.OVER;
            };
    begun = false;
    space.setLength(0);
  }

  /** Adds to the current part; white space at its ends is dropped. */
  private void say(StringBuilder ready, Consumer<OutputEvent> out) {
    String all = space + ready.toString();
    space.setLength(0);
    ready.setLength(0);
    String ink = all.stripTrailing();
    if (!begun) {
      ink = ink.stripLeading();
    }
    if (ink.isEmpty()) {
      space.append(begun ? all : "");
      return;
    }
    space.append(all.substring(all.stripTrailing().length()));
    begun = true;
    switch (part) {
      case TEXT -> {
        text.append(ink);
        out.accept(new OutputEvent.Text(ink));
      }
      case THOUGHT -> {
        thought.append(ink);
        out.accept(new OutputEvent.Thinking(ink));
      }
      case ACTION -> action.append(ink);
      case INPUT -> input.append(ink);
      case OVER -> {}
    }
  }

  /** A JSON object if there is one; other text is the one argument of a tool that takes one. */
  private String arguments(String name) {
    String written = input.toString().strip();
    Matcher fenced = FENCED.matcher(written);
    if (fenced.lookingAt()) {
      written = fenced.group(1).strip();
    }
    if (written.isEmpty()) {
      return "{}";
    }
    if (written.startsWith("{")) {
      return upToEnd(written);
    }
    String only = onlyArgument.get(name);
    if (only == null) {
      return written;
    }
    boolean quoted = written.length() > 1 && written.startsWith("\"") && written.endsWith("\"");
    return ToolParameters.object(
        only, quoted ? written.substring(1, written.length() - 1) : written);
  }

  private static String upToEnd(String object) {
    var end = new JsonEnd();
    for (int i = 0; i < object.length(); i++) {
      if (end.closes(object.charAt(i))) {
        return object.substring(0, i + 1);
      }
    }
    return object;
  }
}
