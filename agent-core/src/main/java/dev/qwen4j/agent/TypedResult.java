package dev.qwen4j.agent;

/**
 * How a run ended that was asked for a record: with one, or without.
 *
 * <pre>{@code
 * switch (agent.run("How is the weather in Rome?", Weather.class)) {
 *   case TypedResult.Value<Weather>(Weather weather, RunResult run) -> show(weather);
 *   case TypedResult.Nothing<Weather>(String why, RunResult run) -> complain(why, run.text());
 * }
 * }</pre>
 */
public sealed interface TypedResult<T> {
  /** The run itself; its text is the answer as the model wrote it last. */
  RunResult run();

  /**
   * The record.
   *
   * @throws IllegalStateException if there is none, with why and what the model wrote last
   */
  T value();

  /** The answer had the form, perhaps after corrections. */
  record Value<T>(T value, RunResult run) implements TypedResult<T> {}

  /**
   * There is no record.
   *
   * @param why what is wrong with the last answer, or what kept the run from having one
   */
  record Nothing<T>(String why, RunResult run) implements TypedResult<T> {
    @Override
    public T value() {
      throw new IllegalStateException(
          "No typed answer: " + why + " The last text is: " + run.text());
    }
  }

  /**
   * Reads the answer of a run that has ended, such as one that was suspended and resumed.
   *
   * @throws IllegalArgumentException if {@code type} is no record, or has no form in JSON
   */
  static <T> TypedResult<T> of(RunResult run, Class<T> type) {
    return of(run, new AnswerForm<>(type));
  }

  private static <T> TypedResult<T> of(RunResult run, AnswerForm<T> form) {
    return switch (form.read(run.text())) {
      case AnswerForm.Read.Value<T>(T value) -> new Value<>(value, run);
      case AnswerForm.Read.Nothing<T>(String why) ->
          new Nothing<>(
              run.answered()
                  ? why
                  : "the run ended as "
                      + run.stopReason().id()
                      + run.error().map(error -> ": " + error).orElse("")
                      + ".",
              run);
    };
  }
}
