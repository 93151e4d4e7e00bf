package dev.qwen4j.tracing;

import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.tracing.GenAiTracing.Instruments;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The spans of one run and of the runs inside it, opened and ended as its events come. */
final class TracedRun implements AgentListener {
  private static final AttributeKey<String> OPERATION =
      AttributeKey.stringKey("gen_ai.operation.name");
  private static final AttributeKey<String> PROVIDER =
      AttributeKey.stringKey("gen_ai.provider.name");
  private static final AttributeKey<String> MODEL = AttributeKey.stringKey("gen_ai.request.model");
  private static final AttributeKey<String> AGENT = AttributeKey.stringKey("gen_ai.agent.name");
  private static final AttributeKey<String> TOOL = AttributeKey.stringKey("gen_ai.tool.name");
  private static final AttributeKey<String> CALL = AttributeKey.stringKey("gen_ai.tool.call.id");
  private static final AttributeKey<String> TOOL_TYPE = AttributeKey.stringKey("gen_ai.tool.type");
  private static final AttributeKey<Long> INPUT = AttributeKey.longKey("gen_ai.usage.input_tokens");
  private static final AttributeKey<Long> OUTPUT =
      AttributeKey.longKey("gen_ai.usage.output_tokens");
  private static final AttributeKey<String> TOKEN_TYPE =
      AttributeKey.stringKey("gen_ai.token.type");
  private static final AttributeKey<String> ERROR = AttributeKey.stringKey("error.type");

  /** Not of the conventions: why a run ended, as in journals. */
  private static final AttributeKey<String> STOP_REASON =
      AttributeKey.stringKey("qwen4j.stop_reason");

  private record Open(Span span, Context context, long started) {}

  private final Instruments own;
  private final Map<String, Instruments> within = new HashMap<>(); // By the path of an agent.
  private final Context outside = Context.current();
  private final Map<String, Open> open = new HashMap<>();

  TracedRun(Instruments own) {
    this.own = own;
  }

  boolean goesTo(OpenTelemetry telemetry) {
    return own.telemetry() == telemetry;
  }

  /** Hears a run inside of this one before this does, and says who serves its model. */
  AgentListener whoServes(Instruments instruments) {
    return event -> {
      if (event instanceof AgentEvent.RunStarted run) {
        synchronized (this) {
          within.putIfAbsent(run.agent(), instruments);
        }
      }
    };
  }

  /** Those of the nearest agent around that has some. */
  private Instruments instruments(String agent) {
    for (String path = agent; ; path = path.substring(0, path.lastIndexOf('/'))) {
      Instruments its = within.get(path);
      if (its != null) {
        return its;
      }
      if (path.indexOf('/') < 0) {
        return own;
      }
    }
  }

  @Override
  public synchronized void onEvent(AgentEvent event) {
    String agent = event.agent();
    String model = instruments(agent).model();
    switch (event) {
      case AgentEvent.RunStarted started ->
          open(
              agent,
              run(agent),
              parentOf(agent),
              "invoke_agent",
              agent,
              SpanKind.INTERNAL,
              Attributes.of(AGENT, agent, MODEL, model));
      case AgentEvent.TurnStarted turn ->
          open(
              agent,
              turn(agent),
              contextOf(agent),
              "chat",
              model,
              SpanKind.CLIENT,
              Attributes.of(MODEL, model));
      case AgentEvent.TurnFinished turn -> turnFinished(turn);
      case AgentEvent.ToolCallStarted call ->
          open(
              agent,
              tool(agent, call.id()),
              contextOf(agent),
              "execute_tool",
              call.name(),
              SpanKind.INTERNAL,
              Attributes.of(TOOL, call.name(), CALL, call.id(), TOOL_TYPE, "function"));
      case AgentEvent.ToolCallFinished call ->
          end(
              agent,
              tool(agent, call.id()),
              "execute_tool",
              Attributes.of(TOOL, call.name()),
              call.isError() ? "tool_error" : null);
      case AgentEvent.RunFinished finished -> runFinished(agent, finished.result());
      case AgentEvent.TextDelta text -> {}
      case AgentEvent.ThinkingDelta thinking -> {}
      case AgentEvent.QuestionAsked question -> {}
      case AgentEvent.Handoff handoff -> {}
      case AgentEvent.Notice notice -> {
        Open run = open.get(run(agent));
        if (run != null) {
          run.span().addEvent(notice.text());
        }
      }
    }
  }

  private void turnFinished(AgentEvent.TurnFinished turn) {
    String agent = turn.agent();
    Open chat = open.get(turn(agent));
    if (chat != null) {
      count(chat.span(), turn.usage());
    }
    end(agent, turn(agent), "chat", Attributes.of(MODEL, instruments(agent).model()), null);
    TokenUsage usage = turn.usage();
    if (usage != null) {
      measure(agent, usage.inputTokenCount(), "input");
      measure(agent, usage.outputTokenCount(), "output");
    }
  }

  private void runFinished(String agent, RunResult result) {
    String failure =
        switch (result.stopReason()) {
          case ERROR -> result.failure() == null ? "error" : result.failure().getClass().getName();
          case CANCELLED -> StopReason.CANCELLED.id();
          case ANSWER, MAX_TURNS, MAX_TOOL_CALLS, MAX_TOKENS, MAX_COST, MAX_TIME -> null;
          case NO_PROGRESS, SUSPENDED, BLOCKED -> null;
        };
    Open run = open.get(run(agent));
    if (run != null) {
      count(run.span(), result.usage());
      run.span().setAttribute(STOP_REASON, result.stopReason().id());
    }
    // What a run that ended early left open: a reply that failed, the calls of a suspended one.
    for (String key : open.keySet().toArray(String[]::new)) {
      if (!key.equals(run(agent)) && key.startsWith(run(agent) + " ")) {
        end(agent, key, null, Attributes.empty(), failure);
      }
    }
    end(agent, run(agent), "invoke_agent", Attributes.of(AGENT, agent), failure);
    within.remove(agent);
  }

  private static void count(Span span, @Nullable TokenUsage usage) {
    if (usage == null) {
      return;
    }
    if (usage.inputTokenCount() != null) {
      span.setAttribute(INPUT, usage.inputTokenCount().longValue());
    }
    if (usage.outputTokenCount() != null) {
      span.setAttribute(OUTPUT, usage.outputTokenCount().longValue());
    }
  }

  private void measure(String agent, @Nullable Integer tokens, String type) {
    if (tokens != null) {
      Instruments its = instruments(agent);
      its.tokens()
          .record(
              tokens, common(its, "chat").put(MODEL, its.model()).put(TOKEN_TYPE, type).build());
    }
  }

  private static AttributesBuilder common(Instruments its, String operation) {
    return Attributes.builder().put(OPERATION, operation).put(PROVIDER, its.provider());
  }

  private void open(
      String agent,
      String key,
      Context parent,
      String operation,
      String what,
      SpanKind kind,
      Attributes attributes) {
    Instruments its = instruments(agent);
    Span span =
        its.tracer()
            .spanBuilder(operation + " " + what)
            .setParent(parent)
            .setSpanKind(kind)
            .setAllAttributes(common(its, operation).putAll(attributes).build())
            .startSpan();
    open.put(key, new Open(span, parent.with(span), System.nanoTime()));
  }

  /**
   * Ends a span, if it is open.
   *
   * @param operation to measure, or null
   * @param failure the type of what went wrong, or null
   */
  private void end(
      String agent,
      String key,
      @Nullable String operation,
      Attributes measured,
      @Nullable String failure) {
    Open ended = open.remove(key);
    if (ended == null) {
      return;
    }
    AttributesBuilder attributes =
        operation == null ? null : common(instruments(agent), operation).putAll(measured);
    if (failure != null) {
      ended.span().setAttribute(ERROR, failure).setStatus(StatusCode.ERROR);
      if (attributes != null) {
        attributes.put(ERROR, failure);
      }
    }
    ended.span().end();
    if (attributes != null) {
      double seconds = (System.nanoTime() - ended.started()) / 1e9;
      instruments(agent).seconds().record(seconds, attributes.build(), ended.context());
    }
  }

  private Context contextOf(String agent) {
    Open run = open.get(run(agent));
    return run == null ? outside : run.context();
  }

  /** The nearest agent around this one that runs: its path is the beginning of this one's. */
  private Context parentOf(String agent) {
    for (int slash = agent.lastIndexOf('/'); slash > 0; slash = agent.lastIndexOf('/', slash - 1)) {
      Open outer = open.get(run(agent.substring(0, slash)));
      if (outer != null) {
        return outer.context();
      }
    }
    return outside;
  }

  private static String run(String agent) {
    return "run " + agent;
  }

  private static String turn(String agent) {
    return run(agent) + " turn";
  }

  private static String tool(String agent, String call) {
    return run(agent) + " tool " + call;
  }
}
