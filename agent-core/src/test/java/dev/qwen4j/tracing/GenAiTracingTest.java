package dev.qwen4j.tracing;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.Spent;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.team.Team;
import dev.qwen4j.testing.ScriptedModel;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.metrics.data.HistogramPointData;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.testing.junit5.OpenTelemetryExtension;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class GenAiTracingTest {
  @RegisterExtension
  static final OpenTelemetryExtension TELEMETRY = OpenTelemetryExtension.create();

  /** A tool that works or does not. */
  public static final class Lamp {
    @Tool("Switches a lamp")
    String lamp(@P("which") String which) {
      if (which.equals("none")) {
        throw new IllegalArgumentException("There is no such lamp.");
      }
      return "on";
    }
  }

  private static GenAiTracing tracing() {
    return new GenAiTracing(TELEMETRY.getOpenTelemetry(), "alibaba_cloud", "qwen-plus");
  }

  private static SpanData span(String name) {
    return TELEMETRY.getSpans().stream()
        .filter(span -> span.getName().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError(name + " is not in " + TELEMETRY.getSpans()));
  }

  private static String attribute(SpanData span, String name) {
    return String.valueOf(span.getAttributes().get(AttributeKey.stringKey(name)));
  }

  private static MetricData metric(String name) {
    return TELEMETRY.getMetrics().stream()
        .filter(metric -> metric.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void aRunIsASpanWithItsModelAndToolCallsInIt() {
    var model =
        new ScriptedModel()
            .enqueue(
                reply()
                    .call("lamp", "{\"which\":\"desk\"}")
                    .call("lamp", "{\"which\":\"none\"}")
                    .usage(new TokenUsage(100, 20)))
            .enqueue(reply().text("Lit.").usage(new TokenUsage(130, 5)));
    Agent agent =
        Agent.builder().name("home").model(model).toolsFrom(new Lamp()).hook(tracing()).build();
    Span request =
        TELEMETRY.getOpenTelemetry().getTracer("test").spanBuilder("request").startSpan();
    try (var scope = request.makeCurrent()) {
      assertThat(scope).isNotNull();
      agent.run("Light!");
    }
    request.end();

    SpanData run = span("invoke_agent home");
    assertThat(run.getParentSpanId()).isEqualTo(request.getSpanContext().getSpanId());
    assertThat(run.getKind()).isEqualTo(SpanKind.INTERNAL);
    assertThat(attribute(run, "gen_ai.operation.name")).isEqualTo("invoke_agent");
    assertThat(attribute(run, "gen_ai.agent.name")).isEqualTo("home");
    assertThat(attribute(run, "gen_ai.provider.name")).isEqualTo("alibaba_cloud");
    assertThat(attribute(run, "qwen4j.stop_reason")).isEqualTo("answer");
    assertThat(run.getAttributes().get(AttributeKey.longKey("gen_ai.usage.input_tokens")))
        .isEqualTo(230);

    List<SpanData> inside =
        TELEMETRY.getSpans().stream()
            .filter(span -> span.getParentSpanId().equals(run.getSpanId()))
            .toList();
    assertThat(inside)
        .extracting(SpanData::getName)
        .containsExactly(
            "chat qwen-plus", "execute_tool lamp", "execute_tool lamp", "chat qwen-plus");
    assertThat(inside.getFirst().getKind()).isEqualTo(SpanKind.CLIENT);
    assertThat(attribute(inside.getFirst(), "gen_ai.request.model")).isEqualTo("qwen-plus");
    assertThat(
            inside
                .getFirst()
                .getAttributes()
                .get(AttributeKey.longKey("gen_ai.usage.output_tokens")))
        .isEqualTo(20);
    assertThat(attribute(inside.get(1), "gen_ai.tool.call.id")).isEqualTo("scripted_1");
    assertThat(inside.get(1).getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
    assertThat(inside.get(2).getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
    assertThat(attribute(inside.get(2), "error.type")).isEqualTo("tool_error");
    assertThat(TELEMETRY.getSpans().toString()).doesNotContain("Light!").doesNotContain("desk");
  }

  @Test
  void tokensAndTimesAreMeasured() {
    var model = new ScriptedModel().enqueue(reply().text("Hi.").usage(new TokenUsage(100, 20)));
    Agent.builder().model(model).hook(tracing()).build().run("Hello");
    List<HistogramPointData> tokens =
        List.copyOf(metric("gen_ai.client.token.usage").getHistogramData().getPoints());
    assertThat(tokens)
        .extracting(HistogramPointData::getSum)
        .containsExactlyInAnyOrder(100.0, 20.0);
    assertThat(metric("gen_ai.client.token.usage").getUnit()).isEqualTo("{token}");
    assertThat(metric("gen_ai.client.operation.duration").getHistogramData().getPoints())
        .extracting(
            point -> point.getAttributes().get(AttributeKey.stringKey("gen_ai.operation.name")))
        .containsExactlyInAnyOrder("chat", "invoke_agent");
  }

  @Test
  void aFailureIsSaidByItsType() {
    var model = new ScriptedModel().enqueue(reply().fail(new IllegalStateException("gone")));
    Agent.builder().model(model).hook(tracing()).build().run("Hello");
    SpanData run = span("invoke_agent main");
    assertThat(run.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
    assertThat(attribute(run, "error.type")).isEqualTo("java.lang.IllegalStateException");
    assertThat(TELEMETRY.getSpans()).allSatisfy(span -> assertThat(span.hasEnded()).isTrue());
  }

  @Test
  void twoRunsOfOneHelperAtTheSameTimeAreTwoSpansAndTheSameHookIsToldOnce() {
    GenAiTracing hook = tracing();
    var both = new CyclicBarrier(2);
    var model =
        new ScriptedModel().otherwise(request -> reply().then(() -> meet(both)).text("Found."));
    Agent helper = Agent.builder().name("helper").model(model).hook(hook).build();
    var main =
        new ScriptedModel()
            .enqueue(reply().call("helper", "{\"task\":\"x\"}").call("helper", "{\"task\":\"y\"}"))
            .enqueueText("Done.");
    Agent.builder().model(main).tool(helper.asTool()).hook(hook).build().run("Hello");
    assertThat(TELEMETRY.getSpans())
        .extracting(SpanData::getName)
        .containsExactlyInAnyOrder(
            "invoke_agent main",
            "chat qwen-plus",
            "execute_tool helper",
            "execute_tool helper",
            "invoke_agent main/helper",
            "chat qwen-plus",
            "invoke_agent main/helper#2",
            "chat qwen-plus",
            "chat qwen-plus");
    assertThat(TELEMETRY.getSpans()).allSatisfy(span -> assertThat(span.hasEnded()).isTrue());
  }

  private static GenAiTracing tracing(String model) {
    return new GenAiTracing(TELEMETRY.getOpenTelemetry(), "alibaba_cloud", model);
  }

  @Test
  void aHelperWithATracingOfItsOwnIsTracedOnceUnderItsOwnModel() {
    var small =
        new ScriptedModel()
            .otherwise(request -> reply().text("Found.").usage(new TokenUsage(10, 1)));
    Agent helper = Agent.builder().name("helper").model(small).hook(tracing("qwen-turbo")).build();
    var large =
        new ScriptedModel()
            .enqueue(reply().call("helper", "{\"task\":\"x\"}").usage(new TokenUsage(100, 1)))
            .enqueue(reply().text("Done.").usage(new TokenUsage(200, 1)));
    Agent.builder()
        .model(large)
        .tool(helper.asTool())
        .hook(tracing("qwen-max"))
        .build()
        .run("Hello");

    assertThat(TELEMETRY.getSpans())
        .extracting(SpanData::getName)
        .containsExactlyInAnyOrder(
            "invoke_agent main",
            "chat qwen-max",
            "execute_tool helper",
            "invoke_agent main/helper",
            "chat qwen-turbo",
            "chat qwen-max");
    SpanData inner = span("invoke_agent main/helper");
    assertThat(inner.getParentSpanId()).isEqualTo(span("invoke_agent main").getSpanId());
    assertThat(span("chat qwen-turbo").getParentSpanId()).isEqualTo(inner.getSpanId());
    assertThat(metric("gen_ai.client.token.usage").getHistogramData().getPoints())
        .extracting(
            point ->
                point.getAttributes().get(AttributeKey.stringKey("gen_ai.request.model"))
                    + " "
                    + point.getAttributes().get(AttributeKey.stringKey("gen_ai.token.type"))
                    + " "
                    + (long) point.getSum())
        .containsExactlyInAnyOrder(
            "qwen-max input 300",
            "qwen-max output 2",
            "qwen-turbo input 10",
            "qwen-turbo output 1");
    assertThat(TELEMETRY.getSpans()).allSatisfy(span -> assertThat(span.hasEnded()).isTrue());
  }

  @Test
  void aTracedTeamTracesItsMembersOnceThoughTheyAreTracedToo() {
    var model = new ScriptedModel().enqueueText("Hello.");
    Agent member = Agent.builder().name("member").model(model).hook(tracing("qwen-turbo")).build();
    AgentListener traced = tracing("qwen-max").listener().orElseThrow();
    Team.builder().agents(member).build().run("Hello", traced);

    assertThat(TELEMETRY.getSpans())
        .extracting(SpanData::getName)
        .containsExactlyInAnyOrder(
            "invoke_agent team", "invoke_agent team/member", "chat qwen-turbo");
  }

  private static void meet(CyclicBarrier both) {
    try {
      both.await(60, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void agentsInsideAgentsAreChildrenByTheirPath() {
    AgentListener traced = tracing().listener().orElseThrow();
    var result =
        new RunResult("", true, StopReason.ANSWER, null, Spent.NOTHING, List.of(), List.of());
    traced.onEvent(new AgentEvent.RunStarted("main", "go"));
    traced.onEvent(new AgentEvent.RunStarted("main/helper", "help"));
    traced.onEvent(new AgentEvent.TurnStarted("main/helper", 1));
    traced.onEvent(new AgentEvent.TurnFinished("main/helper", 1, null, Duration.ZERO));
    traced.onEvent(new AgentEvent.RunFinished("main/helper", result));
    traced.onEvent(new AgentEvent.RunFinished("main", result));
    SpanData helper = span("invoke_agent main/helper");
    assertThat(helper.getParentSpanId()).isEqualTo(span("invoke_agent main").getSpanId());
    assertThat(span("chat qwen-plus").getParentSpanId()).isEqualTo(helper.getSpanId());
  }
}
