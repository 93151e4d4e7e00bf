package dev.qwen4j.inference.internal.kernel;

/**
 * What the gated delta rule reads.
 *
 * @param q [tokens, keyHeads, keyDim], scaled
 * @param k [tokens, keyHeads, keyDim], of length 1
 * @param v [tokens, valueHeads, valueDim]
 * @param decay [tokens, valueHeads]: the logarithm of what the memory is multiplied by
 * @param beta [tokens, valueHeads]: how far the memory is corrected, 0 to 1
 */
// Buffers, which nobody compares.
@SuppressWarnings("ArrayRecordComponent")
public record DeltaInputs(
    DeltaShape shape, float[] q, float[] k, float[] v, float[] decay, float[] beta) {

  /** Buffers for {@code tokens}. */
  public static DeltaInputs of(DeltaShape shape, int tokens) {
    return new DeltaInputs(
        shape,
        new float[tokens * shape.keyWidth()],
        new float[tokens * shape.keyWidth()],
        new float[tokens * shape.valueWidth()],
        new float[tokens * shape.valueHeads()],
        new float[tokens * shape.valueHeads()]);
  }
}
