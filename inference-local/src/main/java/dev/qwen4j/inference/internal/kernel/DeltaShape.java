package dev.qwen4j.inference.internal.kernel;

/**
 * The heads of a gated DeltaNet layer.
 *
 * @param keyHeads of queries and keys
 * @param valueHeads of values and of the memory, a multiple of {@code keyHeads}
 * @param tiled whether value head h belongs to key head {@code h % keyHeads}; otherwise to {@code h
 *     / (valueHeads / keyHeads)}
 */
public record DeltaShape(int keyHeads, int valueHeads, int keyDim, int valueDim, boolean tiled) {
  int keyHead(int valueHead) {
    return tiled ? valueHead % keyHeads : valueHead / (valueHeads / keyHeads);
  }

  public int keyWidth() {
    return keyHeads * keyDim;
  }

  public int valueWidth() {
    return valueHeads * valueDim;
  }
}
