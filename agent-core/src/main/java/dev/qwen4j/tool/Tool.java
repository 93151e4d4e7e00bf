package dev.qwen4j.tool;

import dev.langchain4j.agent.tool.ToolSpecification;
import java.time.Duration;
import java.util.Optional;

/** Something an agent can do. Implementations are safe to call from several threads at once. */
public interface Tool {
  /** Name, description and JSON schema of the arguments, as the model reads them. */
  ToolSpecification specification();

  /**
   * Does it. The arguments have already been checked against the schema.
   *
   * <p>What went wrong is best returned as {@link ToolResult#error}, written for the model: what
   * was expected, what was found, what to do next. A thrown exception becomes such a result from
   * its message alone. The call should end soon after {@link ToolContext#cancellation()} is
   * cancelled or its thread is interrupted.
   */
  ToolResult call(ToolCall call, ToolContext context) throws Exception;

  /** Whether a call may change anything outside the conversation; approval policies ask this. */
  default boolean changesState() {
    return true;
  }

  /**
   * Whether a call may run at the same time as its neighbours in one reply of the model; calls that
   * may not run one by one, in the order in which the model wrote them.
   */
  default boolean runsInParallel() {
    return !changesState();
  }

  /**
   * Whether a call that succeeds ends the run, which its result then is the answer of: such as one
   * that hands the work to somebody else.
   */
  default boolean endsRun() {
    return false;
  }

  /** How long a call may take; without one, what the limits of the run say. */
  default Optional<Duration> timeout() {
    return Optional.empty();
  }

  default String name() {
    return specification().name();
  }
}
