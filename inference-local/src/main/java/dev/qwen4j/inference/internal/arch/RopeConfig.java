package dev.qwen4j.inference.internal.arch;

/**
 * How a head's dimensions turn with the position.
 *
 * @param rotated how many of a head's dimensions turn, from the first on; even
 * @param base of the frequencies {@code base^(−2i/rotated)}
 */
record RopeConfig(int rotated, double base, Scaling scaling) {
  private static final double DEFAULT_BASE = 10_000;
  private static final double MOST_BASE = 1e12;
  private static final double MOST_FACTOR = 1e4;
  private static final int MOST_CONTEXT = 1 << 24;

  /** How a model reaches beyond the context that it was first trained for. */
  sealed interface Scaling {
    /** Positions that the model can tell apart, given how many it was trained for. */
    default int reach(int trained) {
      return trained;
    }
  }

  /** Not at all. */
  record Unscaled() implements Scaling {}

  /** Positions divided by a factor. (Chen et al. 2023.) */
  record Linear(double factor) implements Scaling {}

  /**
   * YaRN: fast dimensions turn as before, slow ones by position / factor, with a ramp in between.
   * (Peng et al. 2023.)
   *
   * @param originalContext positions that the model was first trained for
   * @param betaFast turns over the original context above which a dimension is fast
   * @param betaSlow turns below which it is slow
   * @param extrapolation how much of the ramp applies, 1 unless the file says otherwise
   * @param amplitude what cosines and sines are multiplied by
   */
  record Yarn(
      double factor,
      int originalContext,
      double betaFast,
      double betaSlow,
      double extrapolation,
      double amplitude)
      implements Scaling {
    @Override
    public int reach(int trained) {
      return (int) Math.clamp(Math.rint(originalContext * factor), trained, MOST_CONTEXT);
    }
  }

  static RopeConfig read(ConfigReader in, int headDim) {
    int rotated = in.count("rope.dimension_count", headDim);
    in.expect(
        rotated <= headDim && rotated % 2 == 0,
        "rope.dimension_count",
        rotated + " rotated of " + headDim + " dimensions");
    double base = in.number("rope.freq_base", 1, MOST_BASE, DEFAULT_BASE);
    return new RopeConfig(rotated, base, readScaling(in));
  }

  static Scaling readScaling(ConfigReader in) {
    String type = in.text("rope.scaling.type").orElse("linear");
    String field = in.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
    double factor = in.number(field, -1, MOST_FACTOR, 1);
    if (type.equals("none") || factor == 0) {
      return new Unscaled();
    }
    in.expect(factor >= 1, field, "a RoPE scaling by " + factor);
    return switch (type) {
      case "linear" -> factor == 1 ? new Unscaled() : new Linear(factor);
      case "yarn" -> readYarn(in, factor);
      default -> {
        in.expect(false, "rope.scaling.type", "RoPE scaling '" + type + "'");
        yield new Unscaled();
      }
    };
  }

  private static Yarn readYarn(ConfigReader in, double factor) {
    double natural = 0.1 * Math.log(factor) + 1;
    double amplitude =
        in.number("rope.scaling.yarn_attn_factor", 0, 100, natural)
            * in.number("rope.scaling.attn_factor", 0, 100, 1);
    return new Yarn(
        factor,
        in.count("rope.scaling.original_context_length", TrunkConfig.trainedContext(in)),
        in.number("rope.scaling.yarn_beta_fast", 0, MOST_BASE, 32),
        in.number("rope.scaling.yarn_beta_slow", 0, MOST_BASE, 1),
        in.number("rope.scaling.yarn_ext_factor", -1e-9, 1 + 1e-9, 1),
        amplitude);
  }

  /** Radians per position of each pair of dimensions: [rotated / 2]. */
  float[] frequencies() {
    float[] frequencies = new float[rotated / 2];
    for (int i = 0; i < frequencies.length; i++) {
      double plain = Math.pow(base, -2.0 * i / rotated);
      frequencies[i] =
          (float)
              switch (scaling) {
                case Unscaled unscaled -> plain;
                case Linear linear -> plain / linear.factor;
                case Yarn yarn -> {
                  double kept = yarn.extrapolation * (1 - ramp(yarn, i));
                  yield plain / yarn.factor * (1 - kept) + plain * kept;
                }
              };
    }
    return frequencies;
  }

  /** What cosines and sines are multiplied by. */
  double amplitude() {
    return scaling instanceof Yarn yarn ? yarn.amplitude : 1;
  }

  /** 0 for pairs of dimensions that turn fast, 1 for slow ones. */
  private double ramp(Yarn yarn, int pair) {
    double low = Math.max(0, Math.floor(pairThatTurns(yarn.betaFast, yarn.originalContext)));
    double high =
        Math.min(rotated - 1, Math.ceil(pairThatTurns(yarn.betaSlow, yarn.originalContext)));
    return Math.clamp((pair - low) / Math.max(0.001, high - low), 0.0, 1.0);
  }

  /** Which pair turns {@code turns} times over the original context. */
  private double pairThatTurns(double turns, int context) {
    return rotated * Math.log(context / (turns * 2 * Math.PI)) / (2 * Math.log(base));
  }
}
