package dev.qwen4j.agent;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What a call has to pass before it runs: the approval of its own agent, then that of the run which
 * the agent works for, and so on outwards. One call passes at a time, however many agents work.
 *
 * @param around the gate of the run that this one is a part of
 * @param canAsk whether a question can wait for its answer
 */
record Gate(Approval own, @Nullable Gate around, boolean canAsk, ReentrantLock lock) {
  private static final String NOBODY =
      "nobody is here to be asked, and only a run that is kept in a session can wait. ";

  /** The gate of a run within another one's, or of one by itself. */
  static Gate of(Approval own, @Nullable Gate around, boolean canAsk) {
    return new Gate(own, around, canAsk, around == null ? new ReentrantLock() : around.lock);
  }

  /** Whether nobody has to be waited for. */
  boolean allowsAll() {
    return own == AllowAll.INSTANCE && (around == null || around.allowsAll());
  }

  Decision decide(ToolCall call, Tool tool) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      Decision decision = throughAll(call, tool);
      return decision instanceof Decision.Ask(String question) && !canAsk
          ? new Decision.Deny(NOBODY + question)
          : decision;
    } finally {
      lock.unlock();
    }
  }

  private Decision throughAll(ToolCall call, Tool tool) {
    Decision decision = own.decide(call, tool);
    if (around == null) {
      return decision;
    }
    return switch (decision) {
      case Decision.Deny deny -> deny;
      case Decision.Ask ask -> ask;
      case Decision.Allow allow -> around.throughAll(call, tool);
      case Decision.AllowChanged(var changed) -> {
        Decision outer = around.throughAll(new ToolCall(call.id(), call.name(), changed), tool);
        yield switch (outer) {
          case Decision.Allow allow -> decision;
          case Decision.Ask(String question) -> // An answer would be to the unchanged call.
              new Decision.Deny(
                  "its arguments were changed, and then have to be asked for. " + question);
          case Decision.AllowChanged other -> other;
          case Decision.Deny deny -> deny;
        };
      }
    };
  }
}
