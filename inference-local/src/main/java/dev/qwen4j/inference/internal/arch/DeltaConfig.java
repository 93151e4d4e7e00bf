package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.DeltaShape;

/**
 * The shape of a gated DeltaNet layer.
 *
 * @param taps inputs that the convolution sees, the present one among them
 */
record DeltaConfig(DeltaShape heads, int taps) {
  private static final int MOST_MEMORY = 1 << 28;

  static DeltaConfig read(ConfigReader in) {
    int keyHeads = in.count("ssm.group_count");
    int valueHeads = in.count("ssm.time_step_rank");
    int keyDim = in.count("ssm.state_size");
    int inner = in.width("ssm.inner_size");
    in.expect(
        valueHeads % keyHeads == 0,
        "ssm.group_count",
        valueHeads + " value heads over " + keyHeads + " key heads");
    in.expect(
        inner % valueHeads == 0,
        "ssm.inner_size",
        "values of " + inner + " over " + valueHeads + " heads");
    in.expect(
        (long) keyHeads * keyDim <= 1 << 20 && (long) inner * keyDim <= MOST_MEMORY,
        "ssm.state_size",
        "a memory of " + inner + " x " + keyDim);
    // The converter of Qwen3.5 puts the value heads of a key head apart, that of Qwen3-Next not.
    boolean tiled = !in.architecture().equals("qwen3next");
    DeltaShape heads = new DeltaShape(keyHeads, valueHeads, keyDim, inner / valueHeads, tiled);
    int taps = in.count("ssm.conv_kernel");
    in.expect(taps <= 1024, "ssm.conv_kernel", "a convolution of " + taps);
    return new DeltaConfig(heads, taps);
  }

  /** Channels that pass the convolution: queries, keys and values. */
  int channels() {
    return 2 * heads.keyWidth() + heads.valueWidth();
  }
}
