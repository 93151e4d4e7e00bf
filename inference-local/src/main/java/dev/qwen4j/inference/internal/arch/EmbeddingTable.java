package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.kernel.RawMatrix;

/** Token embeddings, looked up row by row in the mapped file: [vocabulary, width]. */
record EmbeddingTable(RawMatrix raw) {
  int rows() {
    return raw.rows();
  }

  /**
   * Writes the embeddings of {@code ids[from … from + count)}.
   *
   * @param out [rows, width], written from row {@code row} on
   */
  void lookUp(int[] ids, int from, int count, float[] out, int row) {
    int width = raw.cols();
    long rowBytes = raw.type().bytes(width);
    for (int t = 0; t < count; t++) {
      int id = ids[from + t];
      if (id < 0 || id >= raw.rows()) {
        throw new IllegalArgumentException(
            "token id %d, expected 0 to %d".formatted(id, raw.rows() - 1));
      }
      Dequantizer.dequantize(raw.type(), raw.data(), id * rowBytes, width, out, (row + t) * width);
    }
  }
}
