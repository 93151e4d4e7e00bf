package dev.qwen4j.inference.internal.arch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.qwen4j.inference.internal.kernel.ScalarKernels;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RopeConfigTest {
  /** Computed by the formulas of transformers' {@code _compute_yarn_parameters} in float64. */
  @Test
  void yarnFrequenciesAreThoseOfTransformers() {
    double amplitude = 0.1 * Math.log(4) + 1;
    RopeConfig.Yarn yarn = new RopeConfig.Yarn(4, 32_768, 32, 1, 1, amplitude);
    RopeConfig config = new RopeConfig(128, 1e6, yarn);
    float[] frequencies = config.frequencies();
    Map.of(
            0, 1.0,
            20, 0.01333521432163324,
            23, 0.006978305848598663,
            24, 0.005375321490790102,
            30, 0.001064360981247002,
            39, 6.490394320837029e-05,
            40, 4.445698525097307e-05,
            63, 3.102344401879299e-07)
        .forEach(
            (pair, expected) ->
                assertThat((double) frequencies[pair])
                    .isEqualTo(expected, within(expected * 1e-6)));
    assertThat(config.amplitude()).isEqualTo(1.138629436111989, within(1e-12));
    assertThat(yarn.reach(32_768)).isEqualTo(131_072);
    assertThat(yarn.reach(262_144)).isEqualTo(262_144);
  }

  @Test
  void linearScalingDividesPositions() {
    float[] plain = new RopeConfig(64, 1e4, new RopeConfig.Unscaled()).frequencies();
    float[] scaled = new RopeConfig(64, 1e4, new RopeConfig.Linear(8)).frequencies();
    for (int i = 0; i < 32; i++) {
      assertThat(scaled[i]).isEqualTo(plain[i] / 8, within(1e-9f));
    }
  }

  @Test
  void onlyTheFirstDimensionsOfAHeadTurn() {
    Rope rope = new Rope(new RopeConfig(4, 100, new RopeConfig.Unscaled()));
    rope.at(3, 2);
    float[] x = new float[2 * 2 * 8];
    for (int i = 0; i < x.length; i++) {
      x[i] = i + 1;
    }
    float[] before = x.clone();
    new ScalarKernels("a test").rotate(x, 2, 2, 8, rope.turns());
    for (int head = 0; head < 4; head++) {
      int position = 3 + head / 2;
      for (int i = 0; i < 2; i++) {
        double angle = position * Math.pow(100, -2.0 * i / 4);
        int at = head * 8 + i;
        double turned = before[at] * Math.cos(angle) - before[at + 2] * Math.sin(angle);
        assertThat((double) x[at]).isEqualTo(turned, within(1e-4));
      }
      for (int i = 4; i < 8; i++) {
        assertThat(x[head * 8 + i]).isEqualTo(before[head * 8 + i]);
      }
    }
  }
}
