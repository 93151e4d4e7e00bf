package dev.qwen4j.inference.internal.weights;

import java.util.List;

/**
 * A tensor on its way into memory or into a file.
 *
 * @param shape GGUF order: the first is the width of a row
 */
public record TensorSource(String name, List<Long> shape, RowSource rows) {
  /** A matrix as its rows say. */
  public static TensorSource matrix(String name, RowSource rows) {
    return new TensorSource(name, List.of((long) rows.cols(), rows.rows()), rows);
  }

  public long bytes() {
    return rows.rows() * rows.rowBytes();
  }
}
