package dev.qwen4j.inference.internal.kernel;

/** A matrix as the file has it, multiplied where it is mapped. */
record MappedMatrix(RawMatrix raw) implements Matrix {
  @Override
  public int rows() {
    return raw.rows();
  }

  @Override
  public int cols() {
    return raw.cols();
  }

  @Override
  public long extraBytes() {
    return 0;
  }

  @Override
  public void dequantizeRow(int row, float[] out, int offset) {
    RowFloats.dequantize(raw, row, 0, raw.cols(), out, offset);
  }

  long rowBytes() {
    return raw.type().bytes(raw.cols());
  }
}
