package dev.qwen4j.inference.internal.arch;

/**
 * What every architecture states, whatever its layers are made of.
 *
 * @param layers of the decoder; prediction layers (MTP) that a file may add are not among them
 * @param predictionLayers behind those, which guess further tokens
 * @param width of a hidden state
 * @param epsilon of every RMSNorm
 * @param contextLength positions that the model can tell apart
 */
record TrunkConfig(int layers, int predictionLayers, int width, float epsilon, int contextLength) {
  private static final int DEFAULT_CONTEXT = 32_768;

  static TrunkConfig read(ConfigReader in) {
    int blocks = in.count("block_count");
    int predicting = in.countOrZero("nextn_predict_layers");
    in.expect(
        predicting < blocks,
        "nextn_predict_layers",
        predicting + " prediction layers among " + blocks);
    return new TrunkConfig(
        blocks - predicting,
        predicting,
        in.width("embedding_length"),
        (float) in.number("attention.layer_norm_rms_epsilon", 0, 1),
        RopeConfig.readScaling(in).reach(trainedContext(in)));
  }

  /** Positions that the model was trained for. */
  static int trainedContext(ConfigReader in) {
    return in.count("context_length", DEFAULT_CONTEXT);
  }

  /** Whether a tensor belongs to the layers that guess further tokens. */
  boolean predicts(String tensor) {
    String[] parts = tensor.split("\\.", 3);
    if (parts.length < 3 || !parts[0].equals("blk") || !parts[1].matches("\\d{1,9}")) {
      return false;
    }
    int block = Integer.parseInt(parts[1]);
    return block >= layers && block < layers + predictionLayers;
  }
}
