package dev.qwen4j.inference.internal.kernel;

/** A weight matrix in the layout its {@link Kernels} multiplies. */
public interface Matrix {
  int rows();

  int cols();

  /** Bytes of memory it holds beyond the checkpoint's own mapping. */
  long extraBytes();

  /** Writes row {@code row} as float32 to {@code out[offset …]}: the embedding look-up. */
  void dequantizeRow(int row, float[] out, int offset);
}
