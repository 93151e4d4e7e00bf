package dev.qwen4j.tracing;

import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.Hook;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.LongHistogram;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Tracer;
import java.util.List;
import java.util.Optional;

/**
 * Traces the runs of an agent by OpenTelemetry's semantic conventions for generative AI: a span
 * {@code invoke_agent} for each run, in it {@code chat} for each model call and {@code
 * execute_tool} for each tool call, and the histograms {@code gen_ai.client.token.usage} and {@code
 * gen_ai.client.operation.duration}. What is said is not recorded, only what it cost and how it
 * ended.
 *
 * <pre>{@code
 * Agent.builder().model(…).hook(new GenAiTracing(openTelemetry, "alibaba_cloud", "qwen-plus"))
 * }</pre>
 *
 * <p>The parent of a run's span is the current one of the thread that calls {@code run}. Agents
 * inside of agents tell their events to the outermost one's listener, so the hook belongs there;
 * their spans are children by their path. A team is traced by the {@link #listener()} of a tracing,
 * as its run's listener. Everything is traced once: an agent within that has a tracing of its own
 * only says by it who serves its model.
 *
 * <p>Only the API is used: which spans go where, if anywhere, is the application's to decide.
 */
public final class GenAiTracing implements Hook {
  private static final String SCOPE = "dev.qwen4j";

  /** The bounds that the conventions advise. */
  private static final List<Long> TOKEN_BOUNDS =
      List.of(
          1L, 4L, 16L, 64L, 256L, 1024L, 4096L, 16384L, 65536L, 262144L, 1048576L, 4194304L,
          16777216L, 67108864L);

  private static final List<Double> SECOND_BOUNDS =
      List.of(
          0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92);

  /**
   * Where spans and measurements go.
   *
   * @param telemetry whose tracer and histograms these are
   * @param provider who serves the model, as {@code gen_ai.provider.name}
   * @param model its name, as {@code gen_ai.request.model}
   */
  record Instruments(
      OpenTelemetry telemetry,
      Tracer tracer,
      LongHistogram tokens,
      DoubleHistogram seconds,
      String provider,
      String model) {}

  private final Instruments instruments;

  /**
   * Traces to {@code openTelemetry}.
   *
   * @param provider who serves the model, such as {@code alibaba_cloud} or {@code vllm}
   * @param model its name
   */
  public GenAiTracing(OpenTelemetry openTelemetry, String provider, String model) {
    Meter meter = openTelemetry.getMeter(SCOPE);
    this.instruments =
        new Instruments(
            openTelemetry,
            openTelemetry.getTracer(SCOPE),
            meter
                .histogramBuilder("gen_ai.client.token.usage")
                .ofLongs()
                .setUnit("{token}")
                .setDescription("Number of input and output tokens used.")
                .setExplicitBucketBoundariesAdvice(TOKEN_BOUNDS)
                .build(),
            meter
                .histogramBuilder("gen_ai.client.operation.duration")
                .setUnit("s")
                .setDescription("Duration of model calls, tool calls and runs.")
                .setExplicitBucketBoundariesAdvice(SECOND_BOUNDS)
                .build(),
            provider,
            model);
  }

  @Override
  public Optional<AgentListener> listener() {
    return Optional.of(new TracedRun(instruments));
  }

  @Override
  public Optional<AgentListener> listener(List<AgentListener> around) {
    for (AgentListener each : around) {
      if (each instanceof TracedRun traced && traced.goesTo(instruments.telemetry())) {
        return Optional.of(traced.whoServes(instruments));
      }
    }
    return listener();
  }
}
