package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.weights.RowSource;
import java.util.Arrays;

/**
 * The order of the heads in a recurrent layer's tensors: by key head in HuggingFace's, and in
 * GGUF's too for Qwen3-Next; for Qwen3.5, GGUF's value head h belongs to key head h mod keyHeads.
 *
 * @param keyWidth of all keys together
 * @param count of value heads
 * @param dim of a value head
 * @param order which of the stored value heads goes first, second, …
 */
// Nobody compares these, and boxes would only cost.
@SuppressWarnings("ArrayRecordComponent")
record ValueHeads(int keyHeads, int keyWidth, int count, int dim, int[] order) {
  static ValueHeads of(FolderConfig config) {
    int keys = config.keyHeads();
    int values = config.valueHeads();
    int each = values / keys;
    boolean tiled = !config.architecture().equals("qwen3next");
    int[] order = new int[values];
    Arrays.setAll(order, h -> tiled ? (h % keys) * each + h / keys : h);
    return new ValueHeads(keys, keys * config.keyDim(), values, config.valueDim(), order);
  }

  /** All values together. */
  int width() {
    return count * dim;
  }

  /** Queries, keys and values. */
  int channels() {
    return 2 * keyWidth + width();
  }

  /** Queries, keys, values and gates. */
  int allRows() {
    return channels() + width();
  }

  private boolean inOrder() {
    for (int h = 0; h < count; h++) {
      if (order[h] != h) {
        return false;
      }
    }
    return true;
  }

  /** Reorders rows of which each value head has {@code dim}. */
  RowSource rows(RowSource source) {
    return reordered(source, 0, dim);
  }

  /** Reorders rows of which each value head has one. */
  RowSource one(RowSource source) {
    return reordered(source, 0, 1);
  }

  /** Reorders the rows of values that follow those of queries and keys. */
  RowSource afterKeys(RowSource source) {
    return reordered(source, 2 * keyWidth, dim);
  }

  private RowSource reordered(RowSource source, int before, int each) {
    if (inOrder()) {
      return source;
    }
    long[] starts = new long[count + 1];
    int[] lengths = new int[count + 1];
    lengths[0] = before;
    for (int h = 0; h < count; h++) {
      starts[h + 1] = before + (long) order[h] * each;
      lengths[h + 1] = each;
    }
    return ArrangedRows.gathered(source, starts, lengths);
  }

  /** Reorders columns of which each value head has {@code dim}. */
  RowSource columns(RowSource source) {
    return inOrder() ? source : ArrangedRows.columns(source, dim, order);
  }

  /** Reorders one value for each value head. */
  float[] each(float[] values) {
    float[] out = values.clone();
    for (int h = 0; h < Math.min(count, values.length); h++) {
      out[h] = order[h] < values.length ? values[order[h]] : Float.NaN;
    }
    return out;
  }

  /** Out of Qwen3-Next's rows of all: per key head its query, key, values and their gates. */
  RowSource queriesKeysValues(RowSource all) {
    int keyDim = keyWidth / keyHeads;
    int values = width() / keyHeads;
    int stride = 2 * keyDim + 2 * values;
    long[] starts = new long[3 * keyHeads];
    int[] lengths = new int[3 * keyHeads];
    for (int h = 0; h < keyHeads; h++) {
      long at = (long) h * stride;
      starts[h] = at;
      starts[keyHeads + h] = at + keyDim;
      starts[2 * keyHeads + h] = at + 2L * keyDim;
      lengths[h] = keyDim;
      lengths[keyHeads + h] = keyDim;
      lengths[2 * keyHeads + h] = values;
    }
    return ArrangedRows.gathered(all, starts, lengths);
  }

  /** The gates out of the same rows. */
  RowSource gates(RowSource all) {
    int keyDim = keyWidth / keyHeads;
    int values = width() / keyHeads;
    int stride = 2 * keyDim + 2 * values;
    long[] starts = new long[keyHeads];
    int[] lengths = new int[keyHeads];
    for (int h = 0; h < keyHeads; h++) {
      starts[h] = (long) h * stride + 2L * keyDim + values;
      lengths[h] = values;
    }
    return ArrangedRows.gathered(all, starts, lengths);
  }
}
