package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
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
  static final int COLS = 4096;
  static final int TOKENS = 512;
  static final int PREFILL_ROWS = 1024;
  static final int PREFILL_COLS = 1024;

  /** What every benchmark needs: the kernels under test, on {@code threads} threads. */
  @State(Scope.Benchmark)
  public static class Machine {
    @Param("2")
    public int threads;

    private final Arena arena = Arena.ofShared();
    private VectorKernels kernels;
    private WorkerPool pool; // for what is measured beside the kernels

    @Setup(Level.Trial)
    public void start() {
      kernels = new VectorKernels(threads);
      pool = new WorkerPool(threads);
    }

    @TearDown(Level.Trial)
    public void stop() {
      kernels.close();
      pool.close();
      arena.close();
    }
  }

  /** A matrix and what it is multiplied by. */
  @State(Scope.Benchmark)
  public static class Product {
    @Param({"Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q5_K", "Q6_K", "F16", "BF16", "F32"})
    public String type;

    private Matrix[] weights;
    private int tokens;
    private float[] x;
    private float[][] outs;

    void fill(Machine machine, int rows, int cols, int tokens) {
      RawMatrix raw = RandomWeights.of(machine.arena, TensorType.valueOf(type), rows, cols, 1);
      this.weights = new Matrix[] {machine.kernels.prepare(raw)};
      this.tokens = tokens;
      this.x = RandomWeights.floats(tokens * cols, 2);
      this.outs = new float[][] {new float[tokens * rows]};
    }

    float[] multiply(Machine machine) {
      machine.kernels.multiply(weights, x, tokens, outs);
      return outs[0];
    }
  }

  /** One token times a matrix. */
  @State(Scope.Benchmark)
  public static class Decode extends Product {
    /** Of weights: as it is, more than a cache holds. */
    @Param("131072")
    public int kilobytes;

    @Setup(Level.Trial)
    public void fill(Machine machine) {
      int rows = (int) ((kilobytes << 10) / TensorType.valueOf(type).bytes(COLS)) / 64 * 64;
      fill(machine, rows, COLS, 1);
    }
  }

  @Benchmark
  public float[] decode(Machine machine, Decode it) {
    return it.multiply(machine);
  }

  /** {@link #TOKENS} tokens times a matrix of {@link #PREFILL_ROWS} by {@link #PREFILL_COLS}. */
  @State(Scope.Benchmark)
  public static class Prefill extends Product {
    @Setup(Level.Trial)
    public void fill(Machine machine) {
      fill(machine, PREFILL_ROWS, PREFILL_COLS, TOKENS);
    }
  }

  @Benchmark
  public float[] prefill(Machine machine, Prefill it) {
    return it.multiply(machine);
  }

  /** Sixteen query heads over eight key-value heads of 128, the shape of Qwen3-0.6B. */
  @State(Scope.Benchmark)
  public static class Attention {
    static final int HEADS = 16;
    static final int KV_HEADS = 8;
    static final int HEAD_DIM = 128;

    @Param({"512", "4096"})
    public int depth;

    private List<KvSpan> one;
    private List<KvSpan> many;
    private float[] q;
    private float[] out;

    @Setup(Level.Trial)
    public void fill() {
      KvLayer kv = new KvLayer(KV_HEADS, HEAD_DIM, depth + TOKENS);
      float[] row = RandomWeights.floats((depth + TOKENS) * KV_HEADS * HEAD_DIM, 3);
      kv.write(0, depth + TOKENS, row, row, 0);
      one = List.of(new KvSpan(kv, depth, 1));
      many = List.of(new KvSpan(kv, depth, TOKENS));
      q = RandomWeights.floats(TOKENS * HEADS * HEAD_DIM, 4);
      out = new float[TOKENS * HEADS * HEAD_DIM];
    }
  }

  @Benchmark
  public float[] attentionOfOneToken(Machine machine, Attention it) {
    machine.kernels.attention(it.q, it.one, Attention.HEADS, 0.1f, it.out);
    return it.out;
  }

  @Benchmark
  public float[] attentionOfManyTokens(Machine machine, Attention it) {
    machine.kernels.attention(it.q, it.many, Attention.HEADS, 0.1f, it.out);
    return it.out;
  }

  /** What the machine can do at most: every worker reads its part of memory no cache holds. */
  @State(Scope.Benchmark)
  public static class Memory {
    private MemoryRead memory;

    @Setup(Level.Trial)
    public void take(Machine machine) {
      memory = new MemoryRead(machine.threads);
    }

    @TearDown(Level.Trial)
    public void leave() {
      memory.close();
    }
  }

  @Benchmark
  public long readMemory(Memory it) {
    return it.memory.pass();
  }

  /** What the machine can do at most: multiply-adds whose operands are in registers. */
  @State(Scope.Benchmark)
  public static class Registers {
    static final int CHUNKS = 64;
    static final int STEPS = 800_000 / Lanes.L;

    private final float[] sums = new float[CHUNKS * 4 * Lanes.L];

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
        s0 = x.fma(y, s0);
        s1 = x.fma(y, s1);
        s2 = x.fma(y, s2);
        s3 = x.fma(y, s3);
        s4 = x.fma(y, s4);
        s5 = x.fma(y, s5);
        s6 = x.fma(y, s6);
        s7 = x.fma(y, s7);
        s8 = x.fma(y, s8);
        s9 = x.fma(y, s9);
      }
      int at = chunk * 4 * Lanes.L;
      s0.add(s1).add(s8).intoArray(sums, at);
      s2.add(s3).add(s9).intoArray(sums, at + Lanes.L);
      s4.add(s5).intoArray(sums, at + 2 * Lanes.L);
      s6.add(s7).intoArray(sums, at + 3 * Lanes.L);
    }
  }

  /** 64 × 800,000 × 10 multiply-adds, in vectors of any length. */
  @Benchmark
  public float[] multiplyAdd(Machine machine, Registers it) {
    machine.pool.run(Registers.CHUNKS, it::multiply);
    return it.sums;
  }
}
