package dev.qwen4j.examples;

import dev.qwen4j.examples.BenchResult.FirstToken;
import dev.qwen4j.examples.BenchResult.SecondTurn;
import dev.qwen4j.examples.BenchResult.Speed;
import dev.qwen4j.inference.EngineProbe;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/** Measures one open model, as a {@link BenchPlan} says. */
final class BenchRun {
  private final EngineProbe probe;
  private final BenchPlan plan;
  private final int threads;
  private final Pace pace;

  BenchRun(EngineProbe probe, BenchPlan plan, int threads, Pace pace) {
    this.probe = probe;
    this.plan = plan;
    this.threads = threads;
    this.pace = pace;
  }

  /**
   * Measures everything but the memory's speed, for which the model had better be closed.
   *
   * @param first whether this process has run no model before, so that nothing is compiled yet
   * @param peaks whether the peak of the memory is this model's
   */
  BenchResult measure(String model, boolean first, boolean peaks) throws IOException {
    double untilFirst = probe.prefillSeconds(BenchPlan.SHORT_PROMPT, 0);
    EngineProbe.KernelsInUse kernels = probe.kernels();
    pace.done("loaded in %.2f s; %s".formatted(probe.loadSeconds(), kernels.description()));
    List<Speed> speeds = speeds();
    @Nullable Double peak = peaks ? ProcessMemory.peakMegabytes() : null;
    @Nullable SecondTurn secondTurn = plan.history() == 0 ? null : secondTurn();
    pace.await(); // This turn's line is the result.
    double[] warm = new double[plan.repeats()];
    for (int i = 0; i < warm.length; i++) {
      warm[i] = probe.prefillSeconds(BenchPlan.SHORT_PROMPT, 0);
    }
    return new BenchResult(
        model,
        kernels,
        threads,
        probe.loadSeconds(),
        new FirstToken(first ? untilFirst : null, Rates.of(warm)),
        speeds,
        secondTurn,
        null,
        peak);
  }

  private List<Speed> speeds() throws IOException {
    List<Speed> speeds = new ArrayList<>();
    speeds.add(prefill(0));
    for (int depth : plan.depths()) {
      if (depth > 0 && plan.prompt() > 0) {
        speeds.add(prefill(depth));
      }
      speeds.add(decode(depth));
    }
    if (plan.replies() > 1 && plan.generated() > 0) {
      speeds.add(replies());
    }
    return speeds;
  }

  private Speed replies() throws IOException {
    int tokens = plan.generated();
    int replies = plan.replies();
    String name = "tg%dx%d".formatted(tokens, replies);
    DoubleSupplier rate = () -> replies * tokens / probe.repliesSeconds(tokens, replies);
    return new Speed(
        name, series(name, "tokens/s", () -> probe.repliesSeconds(tokens, replies), rate), 0);
  }

  private Speed prefill(int depth) throws IOException {
    int tokens = plan.prompt();
    String name = "pp" + tokens + (depth == 0 ? "" : "@" + depth);
    if (tokens == 0) {
      return new Speed(name, null, 0);
    }
    DoubleSupplier rate = () -> tokens / probe.prefillSeconds(tokens, depth);
    // To read the context is warm-up enough.
    Runnable warmUp =
        depth == 0 ? () -> probe.prefillSeconds(tokens, 0) : () -> probe.readTo(depth);
    return new Speed(name, series(name, "tokens/s", warmUp, rate), 0);
  }

  private Speed decode(int depth) throws IOException {
    int tokens = plan.generated();
    String name = "tg" + tokens + "@" + depth;
    if (tokens == 0) {
      return new Speed(name, null, 0);
    }
    DoubleSupplier rate = () -> tokens / probe.decodeSeconds(tokens, depth);
    return new Speed(
        name,
        series(name, "tokens/s", () -> probe.decodeSeconds(tokens, depth), rate),
        probe.bytesPerToken(depth + 1 + tokens / 2));
  }

  private SecondTurn secondTurn() throws IOException {
    int[] reused = new int[1];
    DoubleSupplier seconds =
        () -> {
          EngineProbe.SecondTurn turn = secondTurnOnce();
          reused[0] = turn.reused();
          return turn.seconds();
        };
    Rates rates = series("second turn", "s", this::secondTurnOnce, seconds);
    return new SecondTurn(plan.history(), reused[0], rates);
  }

  private EngineProbe.SecondTurn secondTurnOnce() {
    return probe.secondTurn(plan.history(), BenchPlan.NEW_IN_SECOND_TURN);
  }

  private Rates series(String name, String unit, Runnable warmUp, DoubleSupplier figure)
      throws IOException {
    pace.await();
    warmUp.run();
    pace.done(name + ": warm");
    double[] figures = new double[plan.repeats()];
    for (int i = 0; i < figures.length; i++) {
      pace.await();
      figures[i] = figure.getAsDouble();
      pace.done("%s %d/%d: %.2f %s".formatted(name, i + 1, figures.length, figures[i], unit));
    }
    return Rates.of(figures);
  }
}
