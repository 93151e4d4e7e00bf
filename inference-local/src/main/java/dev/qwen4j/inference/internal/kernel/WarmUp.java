package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiFunction;
import java.util.stream.Stream;

/**
 * Runs the kernels that a checkpoint will need on tiny operands until the JIT has compiled them.
 * Until C2 has, vector operations allocate and are hundreds of times slower, and a prompt read at
 * that speed takes from the compiler the processors that it needs. Pays most where the JVM compiles
 * these methods early: the launcher's {@code CompileThresholdScaling}; docs/log.md has the figures.
 *
 * <p>The operands are short on purpose: loops of a few iterations compile once, as whole methods,
 * and not a second time from the middle of a loop. But the loops of decode must not be shorter than
 * some groups and blocks: C2 lays code out by how often each loop has run, and what it made of one
 * group of two blocks often decoded at three quarters of the speed.
 */
public final class WarmUp {
  /** A prompt's product: as little as there can be. */
  private static final int ROWS = 12;

  private static final int COLS = 256;

  /** A token's product: some groups, and many blocks. */
  private static final int DECODE_ROWS = 12 * Lanes.L;

  private static final int DECODE_COLS = 512;

  /** Logits: some groups, and rows that fill no vector. */
  private static final int OUTPUT_ROWS = DECODE_ROWS + 3;

  /** A tile of two vectors of tokens, and one of one vector. */
  private static final int TOKENS = Math.max(Tiles.WIDE, VectorKernels.FEW) + 1;

  private static final int HEADS = 2;
  private static final int HEAD_DIM = 64;

  /** Calls that are enough for the JIT to be asked; then there is only waiting. */
  private static final int CALLS_BEFORE_WAITING = 15;

  private WarmUp() {}

  /**
   * When to go on.
   *
   * @param fast what a compiled call takes at most; one that is not takes ten times that or more
   * @param pause between calls, which take processors from the compiler
   * @param longest a machine on which it takes longer has other worries
   */
  private record Patience(Duration fast, Duration pause, Duration longest) {}

  private static final Patience WITH_PACKING =
      new Patience(Duration.ofNanos(60_000), Duration.ofMillis(1), Duration.ofMillis(500));

  private static final Patience WITH_VECTORS =
      new Patience(Duration.ofNanos(150_000), Duration.ofMillis(6), Duration.ofMillis(1500));

  /**
   * Compiles what packs weights of these types; returns when it is done.
   *
   * @param output of the matrix that makes logits
   */
  public static void packing(List<TensorType> types, TensorType output) {
    try (Kernels kernels = KernelChoice.create(1)) {
      RawMatrix zeros = zeros(Arena.ofAuto(), output, ROWS, COLS);
      Stream<Runnable> packers =
          types.stream()
              .flatMap(type -> Stream.ofNullable(Packing.of(type)).map(p -> packer(type, p)));
      Stream<Runnable> ofOutput = Stream.of(() -> kernels.prepareOutput(zeros));
      untilFast(Stream.concat(packers, ofOutput).toList(), WITH_PACKING);
    }
  }

  private static Runnable packer(TensorType type, Packing packing) {
    RawMatrix raw = zeros(Arena.ofAuto(), type, packing.groupRows(), COLS);
    Packer packer = new Packer(raw, PackedMatrix.allocate(raw, packing, Arena.ofAuto()));
    return () -> packer.pack(0);
  }

  /**
   * Compiles what reading a prompt needs; returns when it is done.
   *
   * @param types of the matrices
   * @param output of the last one, which one row goes through
   */
  public static void prefill(List<TensorType> types, TensorType output) {
    withKernels(
        (kernels, arena) ->
            Stream.concat(
                types.stream()
                    .map(type -> product(kernels, zeros(arena, type, ROWS, COLS), TOKENS)),
                Stream.of(
                    logits(kernels, arena, output),
                    layer(kernels, TOKENS, 0),
                    feedForward(kernels, arena))));
  }

  /**
   * Compiles what generating tokens needs beside that, at an odd and at an even position; returns
   * when it is done.
   */
  public static void decode(List<TensorType> types) {
    withKernels(
        (kernels, arena) ->
            Stream.concat(
                types.stream().map(type -> decode(kernels, arena, type, 1)),
                Stream.of(layer(kernels, 1, TOKENS), layer(kernels, 1, TOKENS + 1))));
  }

  /** Compiles what checking a draft needs beside that; returns when it is done. */
  public static void drafts(List<TensorType> types) {
    withKernels(
        (kernels, arena) ->
            types.stream().map(type -> decode(kernels, arena, type, PackedFours.COUNT)));
  }

  private static Runnable decode(Kernels kernels, Arena arena, TensorType type, int tokens) {
    return product(kernels, zeros(arena, type, DECODE_ROWS, DECODE_COLS), tokens);
  }

  /** For one token, with an output matrix that has some groups and many blocks. */
  private static Runnable logits(Kernels kernels, Arena arena, TensorType type) {
    Matrix output = kernels.prepareOutput(zeros(arena, type, OUTPUT_ROWS, DECODE_COLS));
    float[] x = activations(output.cols());
    float[] out = new float[output.rows()];
    Candidates one = new Candidates(1, output.rows());
    return () -> kernels.logits(output, x, 1, one, out);
  }

  private static void withKernels(BiFunction<Kernels, Arena, Stream<Runnable>> calls) {
    try (Kernels kernels = KernelChoice.create(1);
        Arena arena = Arena.ofShared()) {
      untilFast(calls.apply(kernels, arena).toList(), WITH_VECTORS);
    }
  }

  private static RawMatrix zeros(Arena arena, TensorType type, int rows, int atLeast) {
    int cols = Math.max(atLeast, type.blockElements());
    MemorySegment zeros = arena.allocate(type.bytes((long) rows * cols), 64);
    return new RawMatrix(type, rows, cols, zeros);
  }

  /** Takes turns, so that code which all of them use is compiled for all of them. */
  private static void untilFast(List<Runnable> kernels, Patience patience) {
    long start = System.nanoTime();
    boolean fast = false;
    for (int call = 0; !fast; call++) {
      fast = true;
      for (Runnable kernel : kernels) {
        long before = System.nanoTime();
        kernel.run();
        fast &= System.nanoTime() - before < patience.fast.toNanos();
      }
      if (System.nanoTime() - start > patience.longest.toNanos()) {
        return;
      }
      if (call > CALLS_BEFORE_WAITING) {
        LockSupport.parkNanos(patience.pause.toNanos());
      }
    }
  }

  /** Of two matrices in one go, as most products are. */
  private static Runnable product(Kernels kernels, RawMatrix raw, int tokens) {
    Matrix matrix = kernels.prepare(raw);
    Matrix[] two = {matrix, matrix};
    float[] x = activations(tokens * matrix.cols());
    float[] out = new float[tokens * matrix.rows()];
    float[][] outs = {out, out};
    return () -> kernels.multiply(two, x, tokens, outs);
  }

  /** Blocks of zeros among others. */
  private static float[] activations(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = i / 32 % 4 == 0 ? 0 : i % 7;
    }
    return x;
  }

  /** As small as can be: its products are those of {@link #product}. */
  private static Runnable feedForward(Kernels kernels, Arena arena) {
    Matrix matrix = kernels.prepare(zeros(arena, TensorType.F32, ROWS, ROWS));
    float[] x = new float[TOKENS * ROWS];
    float[] out = new float[TOKENS * ROWS];
    return () -> kernels.feedForward(matrix, matrix, matrix, x, TOKENS, out, () -> {});
  }

  /** What is no product in a layer, for tokens from {@code position} on. */
  private static Runnable layer(Kernels kernels, int tokens, int position) {
    int width = HEADS * HEAD_DIM;
    float[] x = new float[tokens * width];
    float[] y = new float[tokens * width];
    float[] bias = new float[width];
    float[] angles = new float[tokens * HEAD_DIM / 2];
    Turns turns = new Turns(HEAD_DIM / 2, angles, angles);
    KvLayer kv = new KvLayer(1, HEAD_DIM, position + tokens);
    List<KvSpan> spans = List.of(new KvSpan(kv, position, tokens));
    return () -> {
      kernels.rmsNorm(x, tokens, width, y, 1e-6f, x);
      kernels.swiGlu(x, y, tokens * width);
      kernels.add(x, y, tokens * width);
      kernels.addToRows(x, tokens, bias);
      kernels.rotate(x, tokens, HEADS, HEAD_DIM, turns);
      kernels.write(spans, x, y);
      kernels.attention(x, spans, HEADS, 1, y);
    };
  }
}
