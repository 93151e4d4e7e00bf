package dev.qwen4j.examples;

import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.RunResult;
import java.io.PrintStream;
import java.util.regex.Pattern;

/**
 * A run for people: thinking dimmed, calls as {@code → name {…}}, their results shortened as {@code
 * ← …}, and the answer as it is written. Colour only where the output is a terminal; elsewhere the
 * same words without it.
 */
final class TerminalView implements RunView {
  private static final String DIM = "\u001b[2m";
  private static final String CYAN = "\u001b[36m";
  private static final String RED = "\u001b[31m";
  private static final String PLAIN = "\u001b[0m";
  private static final Pattern CONTROL = Pattern.compile("[\\p{Cntrl}\\x80-\\x9f&&[^\\t\\n]]");
  private static final int RESULT_WIDTH = 160;

  private final PrintStream out;
  private final boolean colour;
  private final Runnable onClosed;
  private Writing writing = Writing.NOTHING;
  private boolean midLine;
  private boolean turnHasText;
  private boolean finished;
  private volatile boolean outputClosed;

  private enum Writing {
    NOTHING,
    THINKING,
    TEXT
  }

  /**
   * @param onClosed run once when nobody reads the output any more
   */
  TerminalView(PrintStream out, boolean colour, Runnable onClosed) {
    this.out = out;
    this.colour = colour;
    this.onClosed = onClosed;
  }

  @Override
  public boolean outputClosed() {
    return outputClosed;
  }

  @Override
  public synchronized void onEvent(AgentEvent event) {
    if (finished || outputClosed) {
      return;
    }
    switch (event) {
      case AgentEvent.RunStarted run when run.isNested() -> line(DIM, "▸ " + run.agent());
      case AgentEvent.RunStarted run -> {}
      case AgentEvent.TurnStarted turn -> turnHasText = false;
      case AgentEvent.ThinkingDelta thinking -> stream(Writing.THINKING, thinking.delta());
      case AgentEvent.TextDelta text -> stream(Writing.TEXT, text.delta());
      case AgentEvent.TurnFinished turn -> endLine();
      case AgentEvent.ToolCallStarted call ->
          line(CYAN, "→ " + call.name() + " " + OneLine.of(call.arguments()));
      case AgentEvent.ToolCallFinished call ->
          line(call.isError() ? RED : DIM, "← " + shortened(call.content()));
      case AgentEvent.QuestionAsked asked -> line(CYAN, "? " + OneLine.of(asked.question().text()));
      case AgentEvent.Notice notice -> line(DIM, "· " + OneLine.of(notice.text()));
      case AgentEvent.Handoff handoff ->
          line(CYAN, "⇒ " + handoff.to() + " (" + OneLine.of(handoff.reason()) + ")");
      case AgentEvent.RunFinished run when run.isNested() -> line(DIM, "◂ " + run.agent());
      case AgentEvent.RunFinished run -> finish(run.result());
    }
    if (out.checkError()) {
      outputClosed = true;
      onClosed.run();
    }
  }

  private void finish(RunResult result) {
    endLine();
    finished = true;
    if (!turnHasText && !result.text().isBlank()) {
      // Not the model's words, but what the run has to say in their place.
      out.print(printable(result.text()) + "\n");
    }
    if (result.stopReason().isLimit()) {
      out.print(styled(DIM, "· stopped: " + result.stopReason().id()) + "\n");
    }
  }

  private void stream(Writing kind, String delta) {
    if (delta.isEmpty()) {
      return;
    }
    if (writing != kind) {
      endLine();
      writing = kind;
      if (kind == Writing.THINKING) {
        out.print(colour ? DIM : "(thinking) ");
      }
    }
    turnHasText |= kind == Writing.TEXT;
    out.print(printable(delta));
    midLine = !delta.endsWith("\n");
  }

  private void line(String style, String text) {
    endLine();
    out.print(styled(style, printable(text)) + "\n");
  }

  /**
   * Models and web pages must not steer the terminal: control characters other than tab and newline
   * go.
   */
  private static String printable(String text) {
    return CONTROL.matcher(text).replaceAll("");
  }

  /** Closes what is being streamed, so that the next thing begins on a line of its own. */
  private void endLine() {
    if (writing == Writing.THINKING && colour) {
      out.print(PLAIN);
    }
    if (midLine) {
      out.print("\n");
    }
    writing = Writing.NOTHING;
    midLine = false;
  }

  private String styled(String style, String text) {
    return colour ? style + text + PLAIN : text;
  }

  private static String shortened(String content) {
    long lines = content.lines().count();
    String first = content.lines().filter(line -> !line.isBlank()).findFirst().orElse("(nothing)");
    String shown = OneLine.cut(first.strip(), RESULT_WIDTH);
    return lines > 1 ? shown + " … (" + lines + " lines)" : shown;
  }
}
