package dev.qwen4j.inference.internal.sampling;

/**
 * The tokens still in the running, with a key each, in fixed arrays.
 *
 * <p>Used twice as a binary heap: first with the weakest candidate on top, to keep the k largest
 * logits of one pass; then with the strongest on top, to pop the few that top-p and min-p keep.
 */
final class CandidateHeap {
  private final int[] ids;
  private final double[] keys;
  private int size;

  CandidateHeap(int capacity) {
    ids = new int[capacity];
    keys = new double[capacity];
  }

  int capacity() {
    return ids.length;
  }

  void clear() {
    size = 0;
  }

  /** Takes every token whose logit is at least {@code lowest}; the keys are the logits. */
  void keepAll(float[] logits, int count, double lowest) {
    for (int id = 0; id < count; id++) {
      if (logits[id] >= lowest) {
        ids[size] = id;
        keys[size++] = logits[id];
      }
    }
  }

  /** Takes as many of the largest logits as there is room for; among equals the lower ids. */
  void keepLargest(float[] logits, int count, double lowest) {
    float threshold = (float) lowest;
    for (int id = 0; id < count; id++) {
      float logit = logits[id];
      if (size < ids.length) {
        if (logit >= threshold) {
          ids[size] = id;
          keys[size++] = -logit; // the weakest on top
          if (size == ids.length) {
            heapify(false);
            threshold = (float) -keys[0];
          }
        }
      } else if (logit > threshold) {
        ids[0] = id;
        keys[0] = -logit;
        siftDown(0, size, false);
        threshold = (float) -keys[0];
      }
    }
    for (int i = 0; i < size; i++) {
      keys[i] = -keys[i];
    }
  }

  /** Turns logits into probabilities relative to the best token's, and returns their sum. */
  double toWeights(float max, double temperature) {
    double total = 0;
    for (int i = 0; i < size; i++) {
      keys[i] = Math.exp((keys[i] - max) / temperature);
      total += keys[i];
    }
    return total;
  }

  /**
   * Keeps the heaviest candidates until their sum reaches {@code enough}, and of them those of at
   * least {@code lightest}. Returns the sum of what stays, which is at least the heaviest one.
   */
  double cut(double enough, double lightest) {
    heapify(true);
    int left = size;
    double sum = 0;
    while (left > 0 && (left == size || (sum < enough && keys[0] >= lightest))) {
      sum += keys[0];
      left--;
      swap(0, left); // what stays gathers at the end, lightest first
      siftDown(0, left, true);
    }
    int kept = size - left;
    System.arraycopy(ids, left, ids, 0, kept);
    System.arraycopy(keys, left, keys, 0, kept);
    size = kept;
    return sum;
  }

  /** The token under {@code point} when the weights are laid end to end. */
  int at(double point) {
    double sum = 0;
    for (int i = 0; i < size; i++) {
      sum += keys[i];
      if (point < sum) {
        return ids[i];
      }
    }
    return ids[size - 1]; // rounding carried the point over the end
  }

  private void heapify(boolean lowIdFirst) {
    for (int i = size / 2 - 1; i >= 0; i--) {
      siftDown(i, size, lowIdFirst);
    }
  }

  private void siftDown(int start, int end, boolean lowIdFirst) {
    int i = start;
    while (true) {
      int top = i;
      for (int child = 2 * i + 1; child <= 2 * i + 2 && child < end; child++) {
        if (above(child, top, lowIdFirst)) {
          top = child;
        }
      }
      if (top == i) {
        return;
      }
      swap(i, top);
      i = top;
    }
  }

  private boolean above(int a, int b, boolean lowIdFirst) {
    return keys[a] > keys[b] || (keys[a] == keys[b] && (ids[a] < ids[b]) == lowIdFirst);
  }

  private void swap(int a, int b) {
    int id = ids[a];
    double key = keys[a];
    ids[a] = ids[b];
    keys[a] = keys[b];
    ids[b] = id;
    keys[b] = key;
  }
}
