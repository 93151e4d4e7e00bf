package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.FLOAT;
import static dev.qwen4j.inference.internal.kernel.Lanes.I;
import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.LE;
import static dev.qwen4j.inference.internal.kernel.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.Set;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Products of many tokens with {@link Packing#NIBBLES}, as prefill needs them, in integers: weights
 * of 4 bits and activations of 8 are multiplied in lanes of 16 bits, of which a vector has twice as
 * many as of float32, so that this outruns {@link PanelProducts} wherever a processor multiplies as
 * many vectors of the one as of the other in a cycle.
 *
 * <p>Eight tokens are a tile, whose sums stay in registers for one vector of rows and a block of 32
 * columns: {@code −8 · Σx} and up to 32 products fit 16 bits ({@link PackedDots}). What comes of
 * 256 columns is scaled behind them, from the first-level cache. A chunk's weights stay in the
 * second-level cache while all tiles pass by; its scales are made floats once for all tiles.
 */
final class NibbleProducts {
  /** Tokens of a tile. */
  private static final int TILE = 8;

  /** Blocks of 32 columns that are multiplied, and then scaled. */
  private static final int UNIT = 8;

  private static final Set<Packing> PACKINGS = EnumSet.of(Packing.NIBBLES);

  /** Weights of a chunk, about: they share the second-level cache with scales and activations. */
  private static final int CHUNK_BYTES = 192 * 1024;

  // A tile's block of 32 columns, of which each number is there for each token.
  private static final int PAIRS_BYTES = 16 * TILE * Integer.BYTES; // as Activations.foursAddress
  private static final int LESS_AT = PAIRS_BYTES; // what sums start from, for both of a pair
  private static final int SCALE_AT = LESS_AT + TILE * Integer.BYTES;
  private static final int SUM_AT = SCALE_AT + TILE * Float.BYTES; // scale · Σq
  private static final int BLOCK_BYTES = SUM_AT + TILE * Float.BYTES;

  private final WorkerPool pool;
  private final Scratch[] scratch;
  private final NativeFloats tiles = new NativeFloats();
  private final WorkerPool.Chunk roundTile = this::roundTile;
  private final WorkerPool.Chunk multiplyGroups = this::multiplyGroups;

  // The operands of the call in progress.
  private Matrix[] weights = new Matrix[0];
  private float[][] outs = new float[0][];
  private float[] x = new float[0];
  private int tokens;
  private int width;
  private long tilesAt;

  /**
   * Products by the workers of a pool.
   *
   * @param scratch for each of them
   */
  NibbleProducts(WorkerPool pool, Scratch[] scratch) {
    this.pool = pool;
    this.scratch = scratch;
  }

  /** Whether a matrix is one of those that are multiplied here. */
  static boolean take(Matrix w) {
    return w instanceof PackedMatrix m && m.packing() == Packing.NIBBLES;
  }

  /**
   * {@link Kernels#multiply(Matrix[], float[], int, float[][])}.
   *
   * @param ws that {@link #take} takes
   */
  void multiply(Matrix[] ws, float[] x, int tokens, float[][] outs) {
    this.weights = ws;
    this.outs = outs;
    this.x = x;
    this.tokens = tokens;
    this.width = ws[0].cols();
    int count = Math.ceilDiv(tokens, TILE);
    tilesAt = tiles.address(Math.ceilDiv(count * tileBytes(), Float.BYTES));
    pool.run(count, roundTile);
    int chunks = 0;
    for (Matrix w : ws) {
      chunks += chunks((PackedMatrix) w);
    }
    pool.run(chunks, multiplyGroups);
  }

  private long tileBytes() {
    return (long) width / 32 * BLOCK_BYTES;
  }

  private int chunks(PackedMatrix w) {
    return pool.evenChunks(w.groups(), Math.toIntExact(Math.max(1, CHUNK_BYTES / w.groupBytes())));
  }

  /** Rounds the tokens of a tile; beyond the last one, the last one again. */
  private void roundTile(int worker, int tile) {
    Activations a = scratch[worker].token[0];
    long to = tilesAt + tile * tileBytes();
    for (int t = 0; t < TILE; t++) {
      a.round(x, Math.min(tile * TILE + t, tokens - 1) * width, width, PACKINGS);
      for (int b = 0; b < width / 32; b++) {
        long from = (a.foursAddress() + b * 64L) & Memory.MASK;
        long at = (to + (long) b * BLOCK_BYTES + 4L * t) & Memory.MASK;
        for (int k = 0; k < 16; k++) {
          ALL.set(INT, at + 4L * TILE * k, ALL.get(INT, from + 4L * k));
        }
        int pair = a.halves[b];
        ALL.set(INT, at + LESS_AT, ((-8 * pair) & 0xFFFF) | ((-8 * (pair >> 16)) << 16));
        ALL.set(FLOAT, at + SCALE_AT, a.scale[b]);
        ALL.set(FLOAT, at + SUM_AT, a.sum[b]);
      }
    }
  }

  private void multiplyGroups(int worker, int chunk) {
    int c = chunk;
    for (int i = 0; i < weights.length; i++) {
      PackedMatrix w = (PackedMatrix) weights[i];
      int chunks = chunks(w);
      if (c < chunks) {
        int from = (int) ((long) w.groups() * c / chunks);
        int to = (int) ((long) w.groups() * (c + 1) / chunks);
        multiplyGroups(w, from, to, scratch[worker], outs[i]);
        return;
      }
      c -= chunks;
    }
  }

  private void multiplyGroups(PackedMatrix w, int from, int to, Scratch scratch, float[] out) {
    int rows = w.packing().groupRows();
    int blocks = width / 32;
    int floats = (to - from) * blocks * rows;
    boolean minima = PackedScales.haveMinima(w.type());
    long scales = scratch.panel.address(minima ? 2L * floats : floats);
    long more = scales + 4L * floats;
    for (int group = from; group < to; group++) {
      long at = 4L * (group - from) * blocks * rows;
      makeFloats(w, group, scratch, scales + at, minima ? more + at : 0);
    }
    for (int tile = 0; tile * TILE < tokens; tile++) {
      int real = Math.min(TILE, tokens - tile * TILE);
      for (int group = from; group < to; group++) {
        long at = 4L * (group - from) * blocks * rows;
        long sums = multiplyTile(w, group, tile, scratch, scales + at, minima ? more + at : 0);
        int row = group * rows;
        int n = Math.min(rows, w.rows() - row);
        for (int t = 0; t < real; t++) {
          int start = (tile * TILE + t) * w.rows() + row;
          MemorySegment.copy(ALL, FLOAT, sums + 4L * t * rows, out, start, n);
        }
      }
    }
  }

  /**
   * Writes a group's scales, [blocks, rows], and what sums of activations are multiplied with,
   * likewise, if that is no null pointer.
   */
  private void makeFloats(PackedMatrix w, int group, Scratch scratch, long scales, long more) {
    int rows = w.packing().groupRows();
    int blocks = width / 32;
    float[] ones = scratch.ones(blocks);
    float[] some = scratch.scales(UNIT * rows);
    float[] minus = scratch.minus(UNIT * rows);
    for (int b = 0; b < blocks; b += UNIT) {
      int n = Math.min(UNIT, blocks - b);
      PackedScales.scales(w, group, b, n, ones, some, 0);
      MemorySegment.copy(some, 0, ALL, FLOAT, scales + 4L * b * rows, n * rows);
      if (more != 0) {
        PackedScales.minus(w, group, b, n, ones, minus);
        int back = PackedScales.back(w.type());
        for (int i = 0; i < n * rows; i++) {
          minus[i] = back * some[i] - minus[i];
        }
        MemorySegment.copy(minus, 0, ALL, FLOAT, more + 4L * b * rows, n * rows);
      }
    }
  }

  /** The address of a group's products with a tile: [token, row]. */
  private long multiplyTile(
      PackedMatrix w, int group, int tile, Scratch scratch, long scales, long more) {
    int rows = w.packing().groupRows();
    int blocks = width / 32;
    long products = scratch.tiles.address((long) UNIT * TILE * L);
    long sums = scratch.further.zeros((long) TILE * rows);
    long start = tilesAt + tile * tileBytes();
    for (int b = 0; b < blocks; b += UNIT) {
      int n = Math.min(UNIT, blocks - b);
      long at = start + (long) b * BLOCK_BYTES;
      for (int r = 0; r < rows; r += L) {
        eights(w.weightsOf(group, b) + 4L * r, w.blockStep(), n, at, products);
        long of = 4L * (b * rows + r);
        for (int t = 0; t < TILE; t += 4) {
          long to = sums + 4L * (t * rows + r);
          long p = products + 4L * t * L;
          long d = at + SCALE_AT + 4L * t;
          if (more == 0) {
            add(p, n, d, scales + of, to);
          } else {
            addBoth(p, n, d, scales + of, more + of, to);
          }
        }
      }
    }
    return sums;
  }

  /**
   * Sums of products of one vector of rows: {@code products[block][token][lane]}, of which an int
   * is the two sums of a pair.
   *
   * <p>The loop over a word's shifts is left for C2 to unroll: written out, it is more than what C1
   * can compile.
   *
   * @param step from block to block of the weights, in bytes
   * @param x address of the first block of a tile
   */
  private static void eights(long w, long step, int blocks, long x, long products) {
    for (int b = 0; b < blocks; b++) {
      long weights = (w + b * step) & Memory.MASK;
      long block = (x + (long) b * BLOCK_BYTES) & Memory.MASK;
      long less = block + LESS_AT;
      ShortVector p0 = IntVector.broadcast(I, ALL.get(INT, less)).reinterpretAsShorts();
      ShortVector p1 = IntVector.broadcast(I, ALL.get(INT, less + 4)).reinterpretAsShorts();
      ShortVector p2 = IntVector.broadcast(I, ALL.get(INT, less + 8)).reinterpretAsShorts();
      ShortVector p3 = IntVector.broadcast(I, ALL.get(INT, less + 12)).reinterpretAsShorts();
      ShortVector p4 = IntVector.broadcast(I, ALL.get(INT, less + 16)).reinterpretAsShorts();
      ShortVector p5 = IntVector.broadcast(I, ALL.get(INT, less + 20)).reinterpretAsShorts();
      ShortVector p6 = IntVector.broadcast(I, ALL.get(INT, less + 24)).reinterpretAsShorts();
      ShortVector p7 = IntVector.broadcast(I, ALL.get(INT, less + 28)).reinterpretAsShorts();
      for (int j = 0; j < 4; j++) {
        long at = (weights + j * 12L * L) & Memory.MASK;
        long words = (block + j * 16L * TILE) & Memory.MASK;
        IntVector v = IntVector.fromMemorySegment(I, ALL, at, LE);
        for (int q = 0; q < 4; q++) {
          long k = (words + q * 4L * TILE) & Memory.MASK;
          ShortVector s = v.lanewise(LSHR, 4 * q).reinterpretAsShorts();
          p0 = s.mul(IntVector.broadcast(I, ALL.get(INT, k)).reinterpretAsShorts()).add(p0);
          p1 = s.mul(IntVector.broadcast(I, ALL.get(INT, k + 4)).reinterpretAsShorts()).add(p1);
          p2 = s.mul(IntVector.broadcast(I, ALL.get(INT, k + 8)).reinterpretAsShorts()).add(p2);
          p3 = s.mul(IntVector.broadcast(I, ALL.get(INT, k + 12)).reinterpretAsShorts()).add(p3);
          p4 = s.mul(IntVector.broadcast(I, ALL.get(INT, k + 16)).reinterpretAsShorts()).add(p4);
          p5 = s.mul(IntVector.broadcast(I, ALL.get(INT, k + 20)).reinterpretAsShorts()).add(p5);
          p6 = s.mul(IntVector.broadcast(I, ALL.get(INT, k + 24)).reinterpretAsShorts()).add(p6);
          p7 = s.mul(IntVector.broadcast(I, ALL.get(INT, k + 28)).reinterpretAsShorts()).add(p7);
        }
      }
      long to = (products + b * 4L * TILE * L) & Memory.MASK;
      p0.intoMemorySegment(ALL, to, LE);
      p1.intoMemorySegment(ALL, to + 4L * L, LE);
      p2.intoMemorySegment(ALL, to + 8L * L, LE);
      p3.intoMemorySegment(ALL, to + 12L * L, LE);
      p4.intoMemorySegment(ALL, to + 16L * L, LE);
      p5.intoMemorySegment(ALL, to + 20L * L, LE);
      p6.intoMemorySegment(ALL, to + 24L * L, LE);
      p7.intoMemorySegment(ALL, to + 28L * L, LE);
    }
  }

  /**
   * {@code sums[t][lane] += Σ scales[block][lane] · d[block][t] · products[block][t][lane]} of one
   * vector of rows and four tokens.
   *
   * @param d address of the tokens' scales in the first block
   */
  private static void add(long products, int blocks, long d, long scales, long sums) {
    long at = sums & Memory.MASK;
    FloatVector s0 = FloatVector.fromMemorySegment(F, ALL, at, LE);
    FloatVector s1 = FloatVector.fromMemorySegment(F, ALL, at + 12L * L, LE);
    FloatVector s2 = FloatVector.fromMemorySegment(F, ALL, at + 24L * L, LE);
    FloatVector s3 = FloatVector.fromMemorySegment(F, ALL, at + 36L * L, LE);
    for (int b = 0; b < blocks; b++) {
      long p = (products + b * 4L * TILE * L) & Memory.MASK;
      long k = (d + (long) b * BLOCK_BYTES) & Memory.MASK;
      FloatVector scale =
          FloatVector.fromMemorySegment(F, ALL, (scales + b * 12L * L) & Memory.MASK, LE);
      IntVector p0 = IntVector.fromMemorySegment(I, ALL, p, LE);
      IntVector p1 = IntVector.fromMemorySegment(I, ALL, p + 4L * L, LE);
      IntVector p2 = IntVector.fromMemorySegment(I, ALL, p + 8L * L, LE);
      IntVector p3 = IntVector.fromMemorySegment(I, ALL, p + 12L * L, LE);
      p0 = p0.add(p0.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      p1 = p1.add(p1.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      p2 = p2.add(p2.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      p3 = p3.add(p3.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      s0 = scale.mul(ALL.get(FLOAT, k)).fma((FloatVector) p0.convert(I2F, 0), s0);
      s1 = scale.mul(ALL.get(FLOAT, k + 4)).fma((FloatVector) p1.convert(I2F, 0), s1);
      s2 = scale.mul(ALL.get(FLOAT, k + 8)).fma((FloatVector) p2.convert(I2F, 0), s2);
      s3 = scale.mul(ALL.get(FLOAT, k + 12)).fma((FloatVector) p3.convert(I2F, 0), s3);
    }
    s0.intoMemorySegment(ALL, at, LE);
    s1.intoMemorySegment(ALL, at + 12L * L, LE);
    s2.intoMemorySegment(ALL, at + 24L * L, LE);
    s3.intoMemorySegment(ALL, at + 36L * L, LE);
  }

  /** The same, and {@code Σ more[block][lane] · sum[block][t]}. */
  private static void addBoth(
      long products, int blocks, long d, long scales, long more, long sums) {
    long at = sums & Memory.MASK;
    FloatVector s0 = FloatVector.fromMemorySegment(F, ALL, at, LE);
    FloatVector s1 = FloatVector.fromMemorySegment(F, ALL, at + 12L * L, LE);
    FloatVector s2 = FloatVector.fromMemorySegment(F, ALL, at + 24L * L, LE);
    FloatVector s3 = FloatVector.fromMemorySegment(F, ALL, at + 36L * L, LE);
    for (int b = 0; b < blocks; b++) {
      long p = (products + b * 4L * TILE * L) & Memory.MASK;
      long k = (d + (long) b * BLOCK_BYTES) & Memory.MASK;
      long m = k + SUM_AT - SCALE_AT;
      FloatVector scale =
          FloatVector.fromMemorySegment(F, ALL, (scales + b * 12L * L) & Memory.MASK, LE);
      FloatVector back =
          FloatVector.fromMemorySegment(F, ALL, (more + b * 12L * L) & Memory.MASK, LE);
      IntVector p0 = IntVector.fromMemorySegment(I, ALL, p, LE);
      IntVector p1 = IntVector.fromMemorySegment(I, ALL, p + 4L * L, LE);
      IntVector p2 = IntVector.fromMemorySegment(I, ALL, p + 8L * L, LE);
      IntVector p3 = IntVector.fromMemorySegment(I, ALL, p + 12L * L, LE);
      p0 = p0.add(p0.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      p1 = p1.add(p1.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      p2 = p2.add(p2.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      p3 = p3.add(p3.lanewise(LSHL, 16)).lanewise(ASHR, 16);
      s0 = back.fma(FloatVector.broadcast(F, ALL.get(FLOAT, m)), s0);
      s1 = back.fma(FloatVector.broadcast(F, ALL.get(FLOAT, m + 4)), s1);
      s2 = back.fma(FloatVector.broadcast(F, ALL.get(FLOAT, m + 8)), s2);
      s3 = back.fma(FloatVector.broadcast(F, ALL.get(FLOAT, m + 12)), s3);
      s0 = scale.mul(ALL.get(FLOAT, k)).fma((FloatVector) p0.convert(I2F, 0), s0);
      s1 = scale.mul(ALL.get(FLOAT, k + 4)).fma((FloatVector) p1.convert(I2F, 0), s1);
      s2 = scale.mul(ALL.get(FLOAT, k + 8)).fma((FloatVector) p2.convert(I2F, 0), s2);
      s3 = scale.mul(ALL.get(FLOAT, k + 12)).fma((FloatVector) p3.convert(I2F, 0), s3);
    }
    s0.intoMemorySegment(ALL, at, LE);
    s1.intoMemorySegment(ALL, at + 12L * L, LE);
    s2.intoMemorySegment(ALL, at + 24L * L, LE);
    s3.intoMemorySegment(ALL, at + 36L * L, LE);
  }
}
