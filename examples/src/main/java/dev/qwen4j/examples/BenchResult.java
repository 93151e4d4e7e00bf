package dev.qwen4j.examples;

import static dev.qwen4j.examples.Rates.rounded;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.inference.EngineProbe;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was measured of a model, for people and as JSON.
 *
 * @param speeds in tokens per second, in the order in which they were measured
 * @param secondTurn null if nobody asked for it
 * @param memory gigabytes per second of a plain read; null where there are no vectors to read with
 * @param peakMegabytes of resident memory, mapped files included; null if unknown
 */
record BenchResult(
    String model,
    EngineProbe.KernelsInUse kernels,
    int threads,
    double loadSeconds,
    FirstToken firstToken,
    List<Speed> speeds,
    @Nullable SecondTurn secondTurn,
    @Nullable Rates memory,
    @Nullable Double peakMegabytes) {
  /**
   * Seconds from a short prompt to its first token.
   *
   * @param cold before anything else ran in this process; null if something had
   */
  record FirstToken(@Nullable Double cold, Rates warm) {}

  /**
   * Tokens per second.
   *
   * @param rates null for what was not asked for
   * @param bytesPerToken that generating reads; 0 where the memory is not the limit
   */
  record Speed(String name, @Nullable Rates rates, long bytesPerToken) {
    @Nullable Double gigabytes() {
      return rates == null || bytesPerToken == 0 ? null : rates.median() * bytesPerToken / 1e9;
    }
  }

  /**
   * Seconds from a prompt that goes on with a conversation to its first token.
   *
   * @param history tokens of the conversation
   * @param reused tokens that did not have to be read again
   */
  record SecondTurn(int history, int reused, Rates seconds) {}

  BenchResult {
    speeds = List.copyOf(speeds);
  }

  /** The same beside bytes of memory read in a second, if there are such measurements. */
  BenchResult withMemory(double[] bytesPerSecond) {
    return new BenchResult(
        model,
        kernels,
        threads,
        loadSeconds,
        firstToken,
        speeds,
        secondTurn,
        bytesPerSecond.length == 0 ? null : Rates.of(bytesPerSecond).per(1e9),
        peakMegabytes);
  }

  /** One object, whose fields the help of {@code bench} describes. */
  ObjectNode json() {
    ObjectNode all = JsonLines.JSON.createObjectNode().put("model", model);
    all.set("kernels", kernelsJson());
    all.put("load_s", rounded(loadSeconds));
    ObjectNode first = all.putObject("first_token").put("prompt", BenchPlan.SHORT_PROMPT);
    first.put("cold_s", firstToken.cold() == null ? null : (Double) rounded(firstToken.cold()));
    first.set("warm_s", firstToken.warm().json());
    @Nullable Double gigabytes = null;
    for (Speed speed : speeds) {
      all.set(speed.name(), speed.rates() == null ? null : speedJson(speed, speed.rates()));
      gigabytes = gigabytes == null ? speed.gigabytes() : gigabytes;
    }
    if (secondTurn != null) {
      all.putObject("second_turn")
          .put("history", secondTurn.history())
          .put("new", BenchPlan.NEW_IN_SECOND_TURN)
          .put("reused", secondTurn.reused())
          .set("seconds", secondTurn.seconds().json());
    }
    all.set("memory_gb_s", memory == null ? null : memory.json());
    all.put("peak_rss_mb", peakMegabytes);
    all.put("read_gb_s", gigabytes == null ? null : (Double) rounded(gigabytes));
    return all;
  }

  private ObjectNode kernelsJson() {
    ObjectNode used = JsonLines.JSON.createObjectNode();
    used.put("description", kernels.description()).put("vector_bits", kernels.vectorBits());
    used.put("threads", threads).put("why", kernels.reason());
    used.put("unread_mb", rounded(kernels.unreadBytes() / 1e6));
    ObjectNode weights = used.putObject("weights");
    for (EngineProbe.WeightsInUse of : kernels.weights()) {
      weights
          .putObject(of.type())
          .put("matrices", of.matrices())
          .put("mb", rounded(of.bytes() / 1e6))
          .put("way", of.way());
    }
    return used;
  }

  private ObjectNode speedJson(Speed speed, Rates rates) {
    ObjectNode json = rates.json();
    @Nullable Double gigabytes = speed.gigabytes();
    if (gigabytes != null) {
      json.put("read_gb_s", rounded(gigabytes));
      json.put("of_memory", memory == null ? null : (Double) rounded(gigabytes / memory.median()));
    }
    return json;
  }

  /** A table with a line for each figure. */
  String text() {
    StringBuilder out = new StringBuilder("%s%n".formatted(model));
    row(out, "kernels", kernels.description());
    if (!kernels.description().contains(kernels.reason())) {
      row(out, "", kernels.reason());
    }
    for (EngineProbe.WeightsInUse of : kernels.weights()) {
      row(
          out,
          of.type(),
          "%s (%d matrices, %.1f MB)".formatted(of.way(), of.matrices(), of.bytes() / 1e6));
    }
    if (kernels.unreadBytes() > 0) {
      String unread = "%.1f MB of the output matrix, where the most likely token is wanted";
      row(out, "unread", unread.formatted(kernels.unreadBytes() / 1e6));
    }
    row(out, "load", "%.2f s".formatted(loadSeconds));
    String cold = firstToken.cold() == null ? "" : "%.2f s cold, ".formatted(firstToken.cold());
    row(out, "first token", cold + firstToken.warm().text("s", 3) + " warm");
    for (Speed speed : speeds) {
      if (speed.rates() != null) {
        row(out, speed.name(), speed.rates().text("tokens/s", 1) + share(speed));
      }
    }
    if (secondTurn != null) {
      row(
          out,
          "second turn",
          "%s to the first token: %d tokens known, %d read"
              .formatted(
                  secondTurn.seconds().text("s", 3),
                  secondTurn.reused(),
                  secondTurn.history() + BenchPlan.NEW_IN_SECOND_TURN - secondTurn.reused()));
    }
    row(out, "memory read", memory == null ? "not measured: no vectors" : memory.text("GB/s", 1));
    row(out, "peak memory", peakMegabytes == null ? "unknown" : "%.0f MB".formatted(peakMegabytes));
    return out.toString();
  }

  private String share(Speed speed) {
    @Nullable Double gigabytes = speed.gigabytes();
    if (gigabytes == null) {
      return "";
    }
    String share =
        memory == null
            ? ""
            : ", %.0f %% of the memory's speed".formatted(100 * gigabytes / memory.median());
    return "; reads %.1f GB/s".formatted(gigabytes) + share;
  }

  private static void row(StringBuilder out, String name, String value) {
    out.append("  %-14s%s%n".formatted(name, value));
  }
}
