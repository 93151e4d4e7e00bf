package dev.qwen4j.agent;

import dev.qwen4j.agent.ToolCalls.Finished;
import dev.qwen4j.tool.ToolArguments;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Notices a model that goes round in circles. A turn brings something new when at least one of its
 * calls does: a result that this tool has not given before, or a change made with arguments not
 * used before. After a nudge that is not enough: every call must. The score rises by two with a
 * turn that brings nothing, and falls by one with a turn that does, so that a short detour is
 * forgiven and a loop with a little variation is not.
 *
 * <p>A model that hands a tool its own result, and gets the same back, has what it looked for and
 * does not know how to stop. A turn of nothing else is the last one; in a turn that begins like
 * that, what comes behind it is made up, and counts for nothing.
 *
 * <p>Calls that fail each in a new way say something new each time; a long row of turns with
 * nothing but failures counts as circling too.
 */
final class ProgressCheck {
  enum Verdict {
    /** Go on. */
    FINE,
    /** Tell the model that it repeats itself. */
    NUDGE,
    /** It was told and does not listen: take its answer now. */
    STOP
  }

  private static final int STALE_TURN = 2;
  private static final int NUDGE_AT = 2;
  private static final int STOP_AT = 4;
  private static final int FAILURES_NUDGE_AT = 4;
  private static final int FAILURES_STOP_AT = 8;

  private final Set<List<Object>> seen = new HashSet<>();
  private int score;
  private int failedTurns;
  private boolean nudged;
  private boolean helped;
  private boolean madeUp;

  /**
   * Looks at one turn.
   *
   * @param repeating whether the reply was stopped because it wrote one call over and over: such a
   *     turn counts as one that brings nothing, though its results may help
   */
  Verdict after(List<Finished> turn, boolean repeating) {
    madeUp = handsResultBack(turn.getFirst());
    boolean nothingElse = madeUp && turn.stream().skip(1).allMatch(this::handsResultBack);
    int newOnes = 0;
    for (Finished call : turn) {
      newOnes += bringsNews(call) ? 1 : 0;
    }
    helped = !madeUp && (nudged ? newOnes == turn.size() : newOnes > 0);
    Verdict verdict = nothingElse ? Verdict.STOP : verdict(turn, helped && !repeating);
    nudged = verdict == Verdict.NUDGE;
    return verdict;
  }

  /** Whether there is something in the last turn's results that was not known before. */
  boolean lastTurnHelped() {
    return helped;
  }

  /** Whether it began with a result handed back: then all its results are beside the point. */
  boolean lastTurnWasMadeUp() {
    return madeUp;
  }

  private Verdict verdict(List<Finished> turn, boolean news) {
    failedTurns = isFailure(turn) ? failedTurns + 1 : 0;
    if (news) {
      score = Math.max(0, score - 1);
      if (failedTurns == FAILURES_STOP_AT) {
        return Verdict.STOP;
      }
      return failedTurns == FAILURES_NUDGE_AT ? Verdict.NUDGE : Verdict.FINE;
    }
    score += STALE_TURN;
    return score >= STOP_AT ? Verdict.STOP : score >= NUDGE_AT ? Verdict.NUDGE : Verdict.FINE;
  }

  private static boolean isFailure(List<Finished> turn) {
    for (Finished call : turn) {
      if (!call.result().isError()) {
        return false;
      }
    }
    return true;
  }

  private boolean handsResultBack(Finished call) {
    String result = call.result().text();
    return !call.changesState()
        && !call.result().isError()
        && seen.contains(List.of("result", call.name(), result))
        && ToolArguments.parse(call.arguments()).toMap().values().stream()
            .anyMatch(value -> result.equals(String.valueOf(value)));
  }

  private boolean bringsNews(Finished call) {
    if (call.repeated()) {
      return false;
    }
    boolean newResult = seen.add(List.of("result", call.name(), call.result().text()));
    boolean newChange =
        call.changesState()
            && !call.result().isError()
            && seen.add(List.of("call", call.name(), call.arguments()));
    if (newChange) {
      // After a change, looking again at what was seen before is no repetition.
      seen.removeIf(each -> each.getFirst().equals("result"));
      seen.add(List.of("result", call.name(), call.result().text()));
    }
    return newResult || newChange;
  }
}
