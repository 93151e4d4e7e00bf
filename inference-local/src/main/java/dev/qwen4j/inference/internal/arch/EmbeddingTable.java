package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.weights.RowSource;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Token embeddings, [vocabulary, width]: looked up row by row in the mapped file, or converted row
 * by row from it.
 */
record EmbeddingTable(RowSource source, int rows, int width) {
  /**
   * Writes the embeddings of {@code ids[from … from + count)}.
   *
   * @param out [rows, width], written from row {@code row} on
   */
  void lookUp(int[] ids, int from, int count, float[] out, int row) {
    long rowBytes = source.rowBytes();
    Optional<MemorySegment> inPlace = source.inPlace();
    MemorySegment raw = inPlace.orElseGet(() -> MemorySegment.ofArray(new byte[(int) rowBytes]));
    for (int t = 0; t < count; t++) {
      int id = ids[from + t];
      if (id < 0 || id >= rows) {
        throw new IllegalArgumentException("token id %d, expected 0 to %d".formatted(id, rows - 1));
      }
      long offset = 0;
      if (inPlace.isPresent()) {
        offset = id * rowBytes;
      } else {
        source.write(id, 1, raw, 0);
      }
      Dequantizer.dequantize(source.type(), raw, offset, width, out, (row + t) * width);
    }
  }
}
