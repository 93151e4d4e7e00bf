package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static dev.qwen4j.inference.internal.kernel.Tiles.STRIP;
import static dev.qwen4j.inference.internal.kernel.Tiles.WIDE;
import static jdk.incubator.vector.VectorOperators.GT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * Causal grouped-query attention over cached keys and values, without a buffer of tokens ×
 * positions. One token of a sequence, or a few, are left to {@link TokenAttention}.
 *
 * <p>Many tokens: a lane is a query row (a token and a head of the group), so that scores, maxima
 * and sums of a tile are plain vectors and nothing is ever reduced across lanes. Positions come in
 * blocks, converted to float32 once for several tiles, and the softmax is kept running (Milakov and
 * Gimelshein 2018; Dao et al. 2022). Both products are the register tiles of {@link Tiles}.
 */
final class VectorAttention {
  /** Positions per block. */
  private static final int BLOCK = 8 * Tiles.ROWS;

  /** Tiles that share a converted block. */
  private static final int TILES = 8;

  /** Below every score, and finite, so that no difference is NaN. */
  private static final float MASKED = -1e30f;

  /** So many tokens attend one by one: what a draft is checked with is, to the bit, one token's. */
  private static final int FEW = 4;

  private final WorkerPool pool;
  private final TokenAttention oneByOne;
  private final Buffers[] buffers;
  private final WorkerPool.Chunk manyTokens = this::attendTiles;

  // The call in progress.
  private float[] q = new float[0];
  private float[] out = new float[0];
  private KvLayer kv = new KvLayer(0, 0, 0);
  private int heads;
  private int group;
  private float scale;
  // Of the span of many tokens in progress.
  private int first; // row of q and out
  private int tokens;
  private int position;

  VectorAttention(WorkerPool pool) {
    this.pool = pool;
    this.oneByOne = new TokenAttention(pool);
    this.buffers = new Buffers[pool.size()];
    Arrays.setAll(buffers, w -> new Buffers());
  }

  /** What a tile writes: [rows and what the register tiles compute beyond them, lanes]. */
  private static int floatsOfTile(int rows) {
    return Math.ceilDiv(rows, Tiles.ROWS) * Tiles.ROWS * WIDE;
  }

  /** One worker's memory, grown to the shapes it met. */
  private static final class Buffers {
    float[] keys = new float[0];
    float[] values = new float[0];
    final NativeFloats keyRows = new NativeFloats();
    final NativeFloats valueStrips = new NativeFloats();
    final NativeFloats weights = new NativeFloats();
    final NativeFloats queries = new NativeFloats();
    final NativeFloats products = new NativeFloats();
    final NativeFloats sums = new NativeFloats();
    final float[] maxima = OwnLines.floats(TILES * WIDE);
    final float[] totals = OwnLines.floats(TILES * WIDE);
    final float[] shrinks = OwnLines.floats(WIDE);

    void fit(int headDim) {
      if (keys.length < BLOCK * headDim) {
        keys = OwnLines.floats(BLOCK * headDim);
        values = OwnLines.floats(BLOCK * headDim);
      }
    }
  }

  /** {@link Kernels#attention}. */
  void attend(float[] q, List<KvSpan> spans, int heads, float scale, float[] out) {
    this.q = q;
    this.out = out;
    this.heads = heads;
    this.scale = scale;
    first = 0;
    oneByOne.begin();
    for (KvSpan span : spans) {
      kv = span.kv();
      group = heads / kv.kvHeads();
      if (span.tokens() <= FEW || kv.headDim() > Tiles.COLUMNS) {
        for (int t = 0; t < span.tokens(); t++) {
          oneByOne.add(kv, span.position() + t, first + t);
        }
      } else {
        tokens = span.tokens();
        position = span.position();
        int tiles = Math.ceilDiv(tokens * group, WIDE);
        pool.run(kv.kvHeads() * Math.ceilDiv(tiles, TILES), manyTokens);
      }
      first += span.tokens();
    }
    oneByOne.attend(q, heads, scale, out);
  }

  private void attendTiles(int worker, int chunk) {
    int tiles = Math.ceilDiv(tokens * group, WIDE);
    int perHead = Math.ceilDiv(tiles, TILES);
    int kvHead = chunk / perHead;
    // Later tiles see more positions: start with those, so that the last chunks are short ones.
    int firstTile = (perHead - 1 - chunk % perHead) * TILES;
    int n = Math.min(TILES, tiles - firstTile);
    int headDim = kv.headDim();
    Buffers b = buffers[worker];
    b.fit(headDim);
    long keyRows = b.keyRows.address((long) BLOCK * Tiles.ROW / Float.BYTES);
    long strips = b.valueStrips.address((long) BLOCK * Math.ceilDiv(headDim, STRIP) * STRIP);
    long queries = b.queries.address((long) TILES * WIDE * headDim);
    long products = b.products.address(floatsOfTile(headDim));
    long sums = b.sums.zeros((long) TILES * floatsOfTile(headDim));
    for (int t = 0; t < n; t++) {
      packQueries(kvHead, (firstTile + t) * WIDE, queries + 4L * t * WIDE * headDim);
    }
    Arrays.fill(b.maxima, MASKED);
    Arrays.fill(b.totals, 0);
    int visible = position + lastToken(firstTile + n - 1) + 1;
    for (int p = 0; p < visible; p += BLOCK) {
      int positions = Math.min(BLOCK, visible - p);
      kv.readKeys(kvHead, p, positions, b.keys);
      kv.readValues(kvHead, p, positions, b.values);
      for (int i = 0; i < positions; i++) {
        Tiles.setRow(keyRows, i, b.keys, i * headDim, headDim);
      }
      toStrips(b.values, positions, headDim, strips);
      for (int t = 0; t < n; t++) {
        int tile = firstTile + t;
        int seen = Math.min(positions, position + lastToken(tile) + 1 - p);
        if (seen <= 0) {
          continue;
        }
        long weights = b.weights.address(floatsOfTile(seen));
        long query = queries + 4L * t * WIDE * headDim;
        Tiles.multiplyRows(keyRows, seen, query, WIDE, headDim, weights);
        maskFuture(weights, p, seen, tile);
        softmaxStep(b, weights, seen, t * WIDE);
        Tiles.multiplyStrips(strips, positions, headDim, weights, WIDE, seen, products);
        addTo(sums + 4L * t * floatsOfTile(headDim), b.shrinks, products, headDim);
      }
    }
    for (int t = 0; t < n; t++) {
      long sum = sums + 4L * t * floatsOfTile(headDim);
      writeOut(kvHead, (firstTile + t) * WIDE, sum, b.totals, t * WIDE);
    }
  }

  private static void toStrips(float[] values, int positions, int headDim, long strips) {
    for (int i = 0; i < headDim; i += STRIP) {
      int n = Math.min(STRIP, headDim - i);
      long at = strips + Tiles.inStrips(i, positions);
      for (int p = 0; p < positions; p++) {
        MemorySegment.copy(values, p * headDim + i, ALL, FLOAT, at + 4L * p * STRIP, n);
      }
    }
  }

  /** The last token of which a tile has a row. */
  private int lastToken(int tile) {
    return Math.min(tokens - 1, (tile * WIDE + WIDE - 1) / group);
  }

  private void packQueries(int kvHead, int firstRow, long packed) {
    int headDim = kv.headDim();
    for (int lane = 0; lane < WIDE; lane++) {
      int row = firstRow + lane;
      boolean real = row < tokens * group;
      int from = ((first + row / group) * heads + kvHead * group + row % group) * headDim;
      for (int i = 0; i < headDim; i++) {
        set(packed, i * WIDE + lane, real ? q[from + i] * scale : 0);
      }
    }
  }

  private void maskFuture(long scores, int firstPosition, int positions, int tile) {
    int firstRow = tile * WIDE;
    if (firstPosition + positions - 1 <= position + firstRow / group) {
      return;
    }
    for (int lane = 0; lane < WIDE; lane++) {
      int limit = position + (firstRow + lane) / group - firstPosition;
      for (int p = Math.max(0, limit + 1); p < positions; p++) {
        set(scores, p * WIDE + lane, MASKED);
      }
    }
  }

  /**
   * Turns a block's scores into weights under the new maxima. One vector at a time: two together
   * pass what C2 inlines in one method, and are boxed.
   *
   * @param scores address of [positions, lanes]
   * @param state where the tile's lanes begin in maxima and totals
   */
  private static void softmaxStep(Buffers b, long scores, int positions, int state) {
    for (int v = 0; v < WIDE; v += L) {
      raiseMaxima(b, scores + 4L * v, positions, state, v);
      weigh(b, scores + 4L * v, positions, state, v);
    }
  }

  /** The maxima with a block's scores, and what sums under the earlier ones shrink by. */
  private static void raiseMaxima(Buffers b, long scores, int positions, int state, int v) {
    FloatVector before = FloatVector.fromArray(F, b.maxima, state + v);
    FloatVector max = before;
    for (int p = 0; p < positions; p++) {
      long at = (scores + 4L * WIDE * p) & Memory.MASK;
      FloatVector score = FloatVector.fromMemorySegment(F, ALL, at, LE);
      // As max, but without minding the sign of zero, in a third of the instructions.
      max = max.blend(score, score.compare(GT, max));
    }
    Elementwise.exp(before.sub(max)).intoArray(b.shrinks, v);
    max.intoArray(b.maxima, state + v);
  }

  private static void weigh(Buffers b, long scores, int positions, int state, int v) {
    FloatVector max = FloatVector.fromArray(F, b.maxima, state + v);
    FloatVector total = FloatVector.fromArray(F, b.totals, state + v);
    total = total.mul(FloatVector.fromArray(F, b.shrinks, v));
    for (int p = 0; p < positions; p++) {
      long at = (scores + 4L * WIDE * p) & Memory.MASK;
      FloatVector score = FloatVector.fromMemorySegment(F, ALL, at, LE);
      FloatVector e = Elementwise.exp(score.sub(max));
      e.intoMemorySegment(ALL, at, LE);
      total = total.add(e);
    }
    total.intoArray(b.totals, state + v);
  }

  /** {@code sums = shrinks · sums + products}, each [headDim, lanes]. */
  private static void addTo(long sums, float[] shrinks, long products, int headDim) {
    for (int v = 0; v < WIDE; v += L) {
      FloatVector shrink = FloatVector.fromArray(F, shrinks, v);
      for (int i = 0; i < headDim; i++) {
        long at = 4L * (WIDE * i + v);
        FloatVector product =
            FloatVector.fromMemorySegment(F, ALL, (products + at) & Memory.MASK, LE);
        long to = (sums + at) & Memory.MASK;
        FloatVector sum = FloatVector.fromMemorySegment(F, ALL, to, LE);
        sum.fma(shrink, product).intoMemorySegment(ALL, to, LE);
      }
    }
  }

  private void writeOut(int kvHead, int firstRow, long sums, float[] totals, int state) {
    int headDim = kv.headDim();
    for (int lane = 0; lane < WIDE && firstRow + lane < tokens * group; lane++) {
      int row = firstRow + lane;
      int to = ((first + row / group) * heads + kvHead * group + row % group) * headDim;
      float inverse = 1 / totals[state + lane];
      for (int i = 0; i < headDim; i++) {
        out[to + i] = ALL.get(FLOAT, (sums + 4L * (i * WIDE + lane)) & Memory.MASK) * inverse;
      }
    }
  }

  private static void set(long floats, int at, float value) {
    ALL.set(FLOAT, (floats + 4L * at) & Memory.MASK, value);
  }
}
