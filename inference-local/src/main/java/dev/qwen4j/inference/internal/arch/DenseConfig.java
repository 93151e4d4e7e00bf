package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.weights.GgufFile;
import dev.qwen4j.inference.internal.weights.Metadata;

/**
 * The shape of a dense Qwen transformer, as its file states it.
 *
 * @param architecture {@code qwen2} or {@code qwen3}
 * @param epsilon of every RMSNorm
 */
record DenseConfig(
    String architecture, int contextLength, Size size, Attention attention, float epsilon) {
  /**
   * @param width of a hidden state
   * @param feedForward width between the gated projections
   */
  record Size(int layers, int width, int feedForward) {}

  /**
   * @param biases whether q, k and v have biases (qwen2)
   * @param headNorms whether q and k are normalised per head (qwen3)
   */
  record Attention(
      int heads, int kvHeads, int headDim, double ropeBase, boolean biases, boolean headNorms) {
    int queryWidth() {
      return heads * headDim;
    }

    int keyWidth() {
      return kvHeads * headDim;
    }
  }

  private static final int MOST = 1 << 24;

  static DenseConfig read(GgufFile file, String architecture) {
    Metadata metadata = file.metadata();
    String prefix = architecture + ".";
    int width = positive(file, prefix + "embedding_length");
    int heads = positive(file, prefix + "attention.head_count");
    int kvHeads = positive(file, prefix + "attention.head_count_kv");
    String keyLength = prefix + "attention.key_length";
    int headDim = metadata.has(keyLength) ? positive(file, keyLength) : width / heads;
    int valueDim = metadata.optionalInteger(prefix + "attention.value_length").orElse(headDim);
    int rotated = metadata.optionalInteger(prefix + "rope.dimension_count").orElse(headDim);
    expect(file, heads % kvHeads == 0, heads + " heads over " + kvHeads + " KV heads");
    expect(file, headDim >= 2 && headDim % 2 == 0, "heads of width " + headDim);
    expect(file, valueDim == headDim, "values of " + valueDim + " beside keys of " + headDim);
    expect(file, rotated == headDim, rotated + " rotated of " + headDim + " dimensions");
    refuseRopeScaling(file, prefix);
    double base = metadata.optionalNumber(prefix + "rope.freq_base").orElse(10_000);
    double epsilon = metadata.number(prefix + "attention.layer_norm_rms_epsilon");
    expect(file, base > 1 && base < 1e12, "a RoPE base of " + base);
    expect(file, epsilon > 0 && epsilon < 1, "a norm epsilon of " + epsilon);
    boolean qwen3 = architecture.equals("qwen3");
    return new DenseConfig(
        architecture,
        metadata.has(prefix + "context_length")
            ? positive(file, prefix + "context_length")
            : 32_768,
        new Size(
            positive(file, prefix + "block_count"),
            width,
            positive(file, prefix + "feed_forward_length")),
        new Attention(heads, kvHeads, headDim, base, !qwen3, qwen3),
        (float) epsilon);
  }

  private static void refuseRopeScaling(GgufFile file, String prefix) {
    String scaling = file.metadata().optionalString(prefix + "rope.scaling.type").orElse("none");
    expect(
        file,
        scaling.equals("none"),
        "RoPE scaling '" + scaling + "' (this engine runs models at their trained context)");
  }

  private static int positive(GgufFile file, String key) {
    int value = file.metadata().integer(key);
    if (value < 1 || value > MOST) {
      throw new BadCheckpointException(
          "%s: metadata %s is %d, expected 1 to %d; the file is damaged"
              .formatted(file.path(), key, value, MOST));
    }
    return value;
  }

  private static void expect(GgufFile file, boolean holds, String found) {
    if (!holds) {
      throw new BadCheckpointException(
          "%s: %s, which this engine does not run; take another conversion of the model"
              .formatted(file.path(), found));
    }
  }
}
