package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * Grouped-query attention of single tokens, those of several sequences in one go: every key and
 * value head is read once for all query heads of its group, in stretches of positions that workers
 * share; the stretches' softmaxes are merged at the end.
 *
 * <p>A token's result is the same, to the bit, whatever other tokens there are.
 */
final class TokenAttention {
  private static final int POSITIONS_PER_STRETCH = 128;

  /** Positions that are converted at once: they stay in the first-level cache. */
  private static final int STEP = 16;

  private final WorkerPool pool;
  private final Buffers[] buffers;
  private final WorkerPool.Chunk oneStretch = this::attendStretch;

  // The tokens to come; tasks are kept for the next call.
  private final List<Task> tasks = new ArrayList<>();
  private int count;

  // The call in progress.
  private float[] q = new float[0];
  private float[] out = new float[0];
  private int heads;
  private int kvHeads;
  private int headDim;
  private int group;
  private float scale;
  // Per task, head and stretch: maximum, sum, and the values' sum [headDim].
  private float[] partial = new float[0];

  /** What one token attends to. */
  private static final class Task {
    static final KvLayer NONE = new KvLayer(0, 0, 0);

    KvLayer kv = NONE;
    int visible; // positions
    int row; // of q and out
    int stretches;
    int partialAt;
  }

  /** One worker's memory, grown to the shapes it met. */
  private static final class Buffers {
    float[] rows = {}; // [STEP, headDim]: of keys or values
    float[] queries = {}; // [heads of a group, headDim]
    float[] sums = {}; // the same, of values
    float[] scores = {}; // [heads of a group, positions of a stretch]
    final float[] lanes = OwnLines.floats(HalfAttention.LANES);

    void fit(int headDim, int heads, int positions) {
      if (rows.length < STEP * headDim) {
        rows = OwnLines.floats(STEP * headDim);
      }
      if (queries.length < heads * headDim) {
        queries = OwnLines.floats(heads * headDim);
        sums = OwnLines.floats(heads * headDim);
      }
      if (scores.length < heads * positions) {
        scores = OwnLines.floats(heads * positions + heads * positions / 2);
      }
    }
  }

  TokenAttention(WorkerPool pool) {
    this.pool = pool;
    this.buffers = new Buffers[pool.size()];
    Arrays.setAll(buffers, w -> new Buffers());
  }

  /** Begins without a token, also if the last call has failed. */
  void begin() {
    count = 0;
  }

  /**
   * Lets a token attend with the next call of {@link #attend}.
   *
   * @param position its own, the last one it attends to
   * @param row of the queries that is its
   */
  void add(KvLayer kv, int position, int row) {
    if (count == tasks.size()) {
      tasks.add(new Task());
    }
    Task task = tasks.get(count++);
    task.kv = kv;
    task.visible = position + 1;
    task.row = row;
  }

  /** {@link Kernels#attention} of the tokens that have been added, all of layers alike. */
  void attend(float[] q, int heads, float scale, float[] out) {
    if (count == 0) {
      return;
    }
    this.q = q;
    this.out = out;
    this.heads = heads;
    this.scale = scale;
    kvHeads = tasks.getFirst().kv.kvHeads();
    headDim = tasks.getFirst().kv.headDim();
    group = heads / kvHeads;
    int most = pool.size() == 1 ? 1 : Math.ceilDiv(4 * pool.size(), kvHeads);
    int chunks = 0;
    int records = 0;
    for (int i = 0; i < count; i++) {
      Task task = tasks.get(i);
      task.stretches = Math.clamp(task.visible / POSITIONS_PER_STRETCH, 1, most);
      task.partialAt = records * (headDim + 2);
      records += heads * task.stretches;
      chunks += kvHeads * task.stretches;
    }
    if (partial.length < records * (headDim + 2)) {
      partial = OwnLines.floats(records * (headDim + 2));
    }
    pool.run(chunks, oneStretch);
    for (int i = 0; i < count; i++) {
      Task task = tasks.get(i);
      if (task.stretches > 1) {
        mergeHeads(task, 0, heads);
      }
      task.kv = Task.NONE; // It may be large, and nobody else's.
    }
  }

  private void mergeHeads(Task task, int first, int count) {
    int record = headDim + 2;
    for (int h = first; h < first + count; h++) {
      int at = task.partialAt + h * task.stretches * record;
      merge(at, task.stretches, (task.row * heads + h) * headDim);
    }
  }

  /** Joins the stretches of one head: each softmax rescaled to the common maximum. */
  private void merge(int at, int stretches, int outAt) {
    int record = headDim + 2;
    float max = partial[at];
    for (int s = 1; s < stretches; s++) {
      max = Math.max(max, partial[at + s * record]);
    }
    float total = 0;
    Arrays.fill(out, outAt, outAt + headDim, 0);
    for (int s = 0; s < stretches; s++) {
      int from = at + s * record;
      float weight = (float) Math.exp(partial[from] - max);
      total += weight * partial[from + 1];
      Elementwise.addScaled(weight, partial, from + 2, out, outAt, headDim);
    }
    float inverse = 1 / total;
    for (int i = 0; i < headDim; i++) {
      out[outAt + i] *= inverse;
    }
  }

  private void attendStretch(int worker, int chunk) {
    int c = chunk;
    int i = 0;
    for (; c >= kvHeads * tasks.get(i).stretches; i++) {
      c -= kvHeads * tasks.get(i).stretches;
    }
    Task task = tasks.get(i);
    int stretches = task.stretches;
    int kvHead = c / stretches;
    int stretch = c % stretches;
    int from = (int) ((long) task.visible * stretch / stretches);
    int to = (int) ((long) task.visible * (stretch + 1) / stretches);
    int span = to - from;
    int firstHead = kvHead * group;
    int query = (task.row * heads + firstHead) * headDim;
    int record = headDim + 2;
    int records = task.partialAt + (firstHead * stretches + stretch) * record;
    boolean halves = HalfAttention.takes(task.kv);
    int several = halves ? HalfAttention.heads(group) : group;
    Buffers b = buffers[worker];
    b.fit(headDim, several, span);
    if (halves) {
      int used = group * headDim;
      HalfAttention.prepare(q, query, used, several * headDim, b.queries);
      KvHead keys = task.kv.keys(kvHead);
      HalfAttention.scores(keys, from, to, several, b.queries, scale, b.lanes, b.scores);
    } else {
      score(task.kv, kvHead, from, to, query, b);
    }
    for (int g = 0; g < group; g++) {
      int at = records + g * stretches * record;
      float max = Elementwise.max(b.scores, g * span, span);
      partial[at] = max;
      partial[at + 1] = Elementwise.expAndSum(b.scores, g * span, span, max);
    }
    Arrays.fill(b.sums, 0, several * headDim, 0);
    if (halves) {
      HalfAttention.add(task.kv.values(kvHead), from, to, several, b.scores, b.sums);
    } else {
      addValues(task.kv, kvHead, from, to, b);
    }
    for (int g = 0; g < group; g++) {
      int at = records + g * stretches * record + 2;
      System.arraycopy(b.sums, g * headDim, partial, at, headDim);
    }
    if (stretches == 1) {
      mergeHeads(task, firstHead, group);
    }
  }

  private void score(KvLayer kv, int kvHead, int from, int to, int query, Buffers b) {
    for (int p = from; p < to; p += STEP) {
      int n = Math.min(STEP, to - p);
      kv.readKeys(kvHead, p, n, b.rows);
      for (int g = 0; g < group; g++) {
        int at = g * (to - from) + p - from;
        scoreBlock(q, query + g * headDim, b.rows, n, headDim, scale, b.scores, at);
      }
    }
  }

  private void addValues(KvLayer kv, int kvHead, int from, int to, Buffers b) {
    for (int p = from; p < to; p += STEP) {
      int n = Math.min(STEP, to - p);
      kv.readValues(kvHead, p, n, b.rows);
      for (int g = 0; g < group; g++) {
        int at = g * (to - from) + p - from;
        addValues(b.scores, at, b.rows, n, headDim, b.sums, g * headDim);
      }
    }
  }

  /** Four keys at a time: their sums across lanes, which take long one by one, go side by side. */
  private static void scoreBlock(
      float[] q, int qAt, float[] keys, int n, int headDim, float scale, float[] scores, int at) {
    int p = 0;
    for (; p + 4 <= n && headDim % L == 0; p += 4) {
      int k = p * headDim;
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      FloatVector s2 = FloatVector.zero(F);
      FloatVector s3 = FloatVector.zero(F);
      for (int i = 0; i < headDim; i += L) {
        FloatVector x = FloatVector.fromArray(F, q, qAt + i);
        s0 = FloatVector.fromArray(F, keys, k + i).fma(x, s0);
        s1 = FloatVector.fromArray(F, keys, k + headDim + i).fma(x, s1);
        s2 = FloatVector.fromArray(F, keys, k + 2 * headDim + i).fma(x, s2);
        s3 = FloatVector.fromArray(F, keys, k + 3 * headDim + i).fma(x, s3);
      }
      LaneSums.ofFour(s0, s1, s2, s3, scale, scores, at + p);
    }
    for (; p < n; p++) {
      scores[at + p] = RowDots.dot(q, qAt, keys, p * headDim, headDim) * scale;
    }
  }

  /** Values of even and of odd positions have sums of their own: an addition waits for the last. */
  private static void addValues(
      float[] scores, int at, float[] values, int n, int headDim, float[] sums, int sumsAt) {
    int i = 0;
    for (; i + 4 * L <= headDim; i += 4 * L) {
      FloatVector s0 = FloatVector.fromArray(F, sums, sumsAt + i);
      FloatVector s1 = FloatVector.fromArray(F, sums, sumsAt + i + L);
      FloatVector s2 = FloatVector.fromArray(F, sums, sumsAt + i + 2 * L);
      FloatVector s3 = FloatVector.fromArray(F, sums, sumsAt + i + 3 * L);
      FloatVector t0 = FloatVector.zero(F);
      FloatVector t1 = FloatVector.zero(F);
      FloatVector t2 = FloatVector.zero(F);
      FloatVector t3 = FloatVector.zero(F);
      int p = 0;
      for (; p + 2 <= n; p += 2) {
        FloatVector even = FloatVector.broadcast(F, scores[at + p]);
        FloatVector odd = FloatVector.broadcast(F, scores[at + p + 1]);
        int v = p * headDim + i;
        s0 = FloatVector.fromArray(F, values, v).fma(even, s0);
        s1 = FloatVector.fromArray(F, values, v + L).fma(even, s1);
        s2 = FloatVector.fromArray(F, values, v + 2 * L).fma(even, s2);
        s3 = FloatVector.fromArray(F, values, v + 3 * L).fma(even, s3);
        v += headDim;
        t0 = FloatVector.fromArray(F, values, v).fma(odd, t0);
        t1 = FloatVector.fromArray(F, values, v + L).fma(odd, t1);
        t2 = FloatVector.fromArray(F, values, v + 2 * L).fma(odd, t2);
        t3 = FloatVector.fromArray(F, values, v + 3 * L).fma(odd, t3);
      }
      if (p < n) {
        FloatVector last = FloatVector.broadcast(F, scores[at + p]);
        int v = p * headDim + i;
        t0 = FloatVector.fromArray(F, values, v).fma(last, t0);
        t1 = FloatVector.fromArray(F, values, v + L).fma(last, t1);
        t2 = FloatVector.fromArray(F, values, v + 2 * L).fma(last, t2);
        t3 = FloatVector.fromArray(F, values, v + 3 * L).fma(last, t3);
      }
      s0.add(t0).intoArray(sums, sumsAt + i);
      s1.add(t1).intoArray(sums, sumsAt + i + L);
      s2.add(t2).intoArray(sums, sumsAt + i + 2 * L);
      s3.add(t3).intoArray(sums, sumsAt + i + 3 * L);
    }
    for (; i < headDim; i++) {
      for (int p = 0; p < n; p++) {
        sums[sumsAt + i] += scores[at + p] * values[p * headDim + i];
      }
    }
  }
}
