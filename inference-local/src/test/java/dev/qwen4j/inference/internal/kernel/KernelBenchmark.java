package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Matrix products and attention by themselves, beside what the machine can do at most: see {@code
 * bench/kernels}, which turns the milliseconds into shares of the machine's speed.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"-Xmx2g", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 7, time = 1)
@SuppressWarnings("NullAway.Init") // JMH fills the parameters and calls the set-ups first
public class KernelBenchmark {
  /** Bytes that no cache holds. */
  static final int MEMORY_BYTES = 128 << 20;

  static final int COLS = 4096;
  static final int TOKENS = 512;
  static final int PREFILL_ROWS = 1024;
  static final int PREFILL_COLS = 1024;

  /** What every benchmark needs: the kernels under test, on {@code threads} threads. */
  @State(Scope.Benchmark)
  public static class Machine {
    @Param("2")
    public int threads;

    final Arena arena = Arena.ofShared();
    private VectorKernels kernels;

    @Setup(Level.Trial)
    public void start() {
      kernels = new VectorKernels(threads);
    }

    @TearDown(Level.Trial)
    public void stop() {
      kernels.close();
      arena.close();
    }
  }

  /** One token times a matrix that no cache holds. */
  @State(Scope.Benchmark)
  public static class Decode {
    @Param({"Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q5_K", "Q6_K", "F16", "BF16", "F32"})
    public String type;

    /** Of weights: as it is, more than a cache holds. */
    @Param("131072")
    public int kilobytes;

    private Matrix[] weights;
    private float[] x;
    private float[][] outs;

    @Setup(Level.Trial)
    public void fill(Machine machine) {
      TensorType named = TensorType.valueOf(type);
      int rows = (int) ((kilobytes << 10) / named.bytes(COLS)) / 64 * 64;
      weights =
          new Matrix[] {
            machine.kernels.prepare(RandomWeights.of(machine.arena, named, rows, COLS, 1))
          };
      x = RandomWeights.floats(COLS, 2);
      outs = new float[][] {new float[rows]};
    }
  }

  @Benchmark
  public float[] decode(Machine machine, Decode it) {
    machine.kernels.multiply(it.weights, it.x, 1, it.outs);
    return it.outs[0];
  }

  /** {@link #TOKENS} tokens times a matrix of {@link #PREFILL_ROWS} by {@link #PREFILL_COLS}. */
  @State(Scope.Benchmark)
  public static class Prefill {
    @Param({"Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q5_K", "Q6_K", "F16", "BF16", "F32"})
    public String type;

    private Matrix[] weights;
    private float[] x;
    private float[][] outs;

    @Setup(Level.Trial)
    public void fill(Machine machine) {
      TensorType named = TensorType.valueOf(type);
      weights =
          new Matrix[] {
            machine.kernels.prepare(
                RandomWeights.of(machine.arena, named, PREFILL_ROWS, PREFILL_COLS, 1))
          };
      x = RandomWeights.floats(TOKENS * PREFILL_COLS, 2);
      outs = new float[][] {new float[TOKENS * PREFILL_ROWS]};
    }
  }

  @Benchmark
  public float[] prefill(Machine machine, Prefill it) {
    machine.kernels.multiply(it.weights, it.x, TOKENS, it.outs);
    return it.outs[0];
  }

  /** Sixteen query heads over eight key-value heads of 128, the shape of Qwen3-0.6B. */
  @State(Scope.Benchmark)
  public static class Attention {
    static final int HEADS = 16;
    static final int KV_HEADS = 8;
    static final int HEAD_DIM = 128;

    @Param({"512", "4096"})
    public int depth;

    private KvLayer kv;
    private float[] q;
    private float[] out;

    @Setup(Level.Trial)
    public void fill() {
      kv = new KvLayer(KV_HEADS, HEAD_DIM, depth + TOKENS);
      float[] row = RandomWeights.floats((depth + TOKENS) * KV_HEADS * HEAD_DIM, 3);
      kv.write(0, depth + TOKENS, row, row);
      q = RandomWeights.floats(TOKENS * HEADS * HEAD_DIM, 4);
      out = new float[TOKENS * HEADS * HEAD_DIM];
    }
  }

  @Benchmark
  public float[] attentionOfOneToken(Machine machine, Attention it) {
    machine.kernels.attention(it.q, 1, it.depth, it.kv, Attention.HEADS, 0.1f, it.out);
    return it.out;
  }

  @Benchmark
  public float[] attentionOfManyTokens(Machine machine, Attention it) {
    machine.kernels.attention(it.q, TOKENS, it.depth, it.kv, Attention.HEADS, 0.1f, it.out);
    return it.out;
  }

  /** What the machine can do at most: every worker reads its part of memory no cache holds. */
  @State(Scope.Benchmark)
  public static class Memory {
    private static final int CHUNKS = 256;
    private static final int CHUNK_LONGS = MEMORY_BYTES / CHUNKS / Long.BYTES;

    private final long[][] data = new long[CHUNKS][CHUNK_LONGS];
    private final long[] sums = new long[CHUNKS];
    private WorkerPool pool;

    @Setup(Level.Trial)
    public void start(Machine machine) {
      pool = new WorkerPool(machine.threads);
      for (long[] chunk : data) {
        Arrays.fill(chunk, 1);
      }
    }

    @TearDown(Level.Trial)
    public void stop() {
      pool.close();
    }

    private void read(int worker, int chunk) {
      long[] from = data[chunk];
      LongVector a = LongVector.zero(LongVector.SPECIES_PREFERRED);
      LongVector b = a;
      int lanes = a.length();
      for (int i = 0; i < CHUNK_LONGS; i += 2 * lanes) {
        a = a.add(LongVector.fromArray(LongVector.SPECIES_PREFERRED, from, i));
        b = b.add(LongVector.fromArray(LongVector.SPECIES_PREFERRED, from, i + lanes));
      }
      sums[chunk] = a.add(b).reduceLanes(VectorOperators.ADD);
    }
  }

  @Benchmark
  public long[] readMemory(Memory it) {
    it.pool.run(Memory.CHUNKS, it::read);
    return it.sums;
  }

  /** What the machine can do at most: multiply-adds whose operands are in registers. */
  @State(Scope.Benchmark)
  public static class Registers {
    static final int CHUNKS = 64;
    static final int STEPS = 100_000;

    private final float[] sums = new float[CHUNKS * 4 * Lanes.L];
    private WorkerPool pool;

    @Setup(Level.Trial)
    public void start(Machine machine) {
      pool = new WorkerPool(machine.threads);
    }

    @TearDown(Level.Trial)
    public void stop() {
      pool.close();
    }

    private void multiply(int worker, int chunk) {
      FloatVector x = FloatVector.broadcast(Lanes.F, 0.5f);
      FloatVector y = FloatVector.broadcast(Lanes.F, chunk);
      FloatVector s0 = x;
      FloatVector s1 = x;
      FloatVector s2 = x;
      FloatVector s3 = x;
      FloatVector s4 = x;
      FloatVector s5 = x;
      FloatVector s6 = x;
      FloatVector s7 = x;
      FloatVector s8 = x;
      FloatVector s9 = x;
      for (int i = 0; i < STEPS; i++) {
        s0 = s0.fma(x, y);
        s1 = s1.fma(x, y);
        s2 = s2.fma(x, y);
        s3 = s3.fma(x, y);
        s4 = s4.fma(x, y);
        s5 = s5.fma(x, y);
        s6 = s6.fma(x, y);
        s7 = s7.fma(x, y);
        s8 = s8.fma(x, y);
        s9 = s9.fma(x, y);
      }
      int at = chunk * 4 * Lanes.L;
      s0.add(s1).add(s8).intoArray(sums, at);
      s2.add(s3).add(s9).intoArray(sums, at + Lanes.L);
      s4.add(s5).intoArray(sums, at + 2 * Lanes.L);
      s6.add(s7).intoArray(sums, at + 3 * Lanes.L);
    }
  }

  /** {@link Registers#CHUNKS} × {@link Registers#STEPS} × 10 multiply-adds of whole vectors. */
  @Benchmark
  public float[] multiplyAdd(Registers it) {
    it.pool.run(Registers.CHUNKS, it::multiply);
    return it.sums;
  }
}
