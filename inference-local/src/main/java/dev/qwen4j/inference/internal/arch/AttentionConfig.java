package dev.qwen4j.inference.internal.arch;

/**
 * The shape of grouped-query attention.
 *
 * @param heads of the queries
 * @param kvHeads of keys and values; each serves {@code heads / kvHeads} query heads in a row
 * @param headDim width of a head, which need not be the model's width / heads
 */
record AttentionConfig(int heads, int kvHeads, int headDim, RopeConfig rope, Kind kind) {
  /** What the families of Qwen add to the projections. */
  enum Kind {
    /** Biases on q, k and v, whose projections are one matrix (Qwen). */
    FUSED,
    /** Biases on q, k and v (Qwen1.5 to Qwen2.5). */
    BIASED,
    /** RMSNorm over each head of q and k (Qwen3). */
    NORMED,
    /** As Qwen3, and a gate on what was attended, which q's projection yields (Qwen3-Next, 3.5). */
    GATED
  }

  static AttentionConfig read(ConfigReader in, int width, Kind kind) {
    int heads = in.count("attention.head_count");
    int kvHeads = in.count("attention.head_count_kv", heads);
    in.expect(
        heads % kvHeads == 0,
        "attention.head_count_kv",
        heads + " heads over " + kvHeads + " KV heads");
    int headDim = in.count("attention.key_length", Math.max(1, width / heads));
    in.expect(
        headDim >= 2 && headDim % 2 == 0, "attention.key_length", "heads of width " + headDim);
    int valueDim = in.count("attention.value_length", headDim);
    in.expect(
        valueDim == headDim,
        "attention.value_length",
        "values of " + valueDim + " beside keys of " + headDim);
    in.expect(
        (long) heads * headDim <= 1 << 20, "attention.head_count", heads + " heads of " + headDim);
    return new AttentionConfig(heads, kvHeads, headDim, RopeConfig.read(in, headDim), kind);
  }

  int queryWidth() {
    return heads * headDim;
  }

  int keyWidth() {
    return kvHeads * headDim;
  }

  /** Rows of q's projection, with the gate where there is one. */
  int queryRows() {
    return kind == Kind.GATED ? 2 * queryWidth() : queryWidth();
  }
}
