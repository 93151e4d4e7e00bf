package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;

/**
 * Runs the kernels that a checkpoint will need on tiny operands, so that the JIT compiles them
 * while the rest of the checkpoint is still being opened. Until C2 has compiled them, vector
 * operations allocate and are hundreds of times slower. Pays only where the JVM compiles these
 * methods early: the launcher's {@code CompileThresholdScaling}; docs/log.md has the figures.
 *
 * <p>The operands are short on purpose: loops of a few iterations compile once, as whole methods,
 * and not a second time from the middle of a loop.
 */
public final class WarmUp {
  private static final int ROUNDS = 12;
  private static final int ROWS = 12;
  private static final int TOKENS = 20;
  private static final int HEADS = 2;
  private static final int HEAD_DIM = 64;

  private WarmUp() {}

  /** Compiles what prefill and decode of weights of these types need; returns when it is done. */
  public static void run(Set<TensorType> types) {
    try (Kernels kernels = KernelChoice.create(1)) {
      for (int round = 0; round < ROUNDS; round++) {
        layer(kernels);
      }
      for (TensorType type : types) {
        products(kernels, type);
      }
    }
  }

  private static void products(Kernels kernels, TensorType type) {
    int cols = Math.max(32, type.blockElements());
    try (Arena arena = Arena.ofShared()) {
      MemorySegment zeros = arena.allocate(type.bytes((long) ROWS * cols), 64);
      Matrix matrix = kernels.prepare(new RawMatrix(type, ROWS, cols, zeros));
      float[] x = new float[TOKENS * cols];
      float[] out = new float[TOKENS * ROWS];
      for (int round = 0; round < ROUNDS; round++) {
        kernels.multiply(matrix, x, TOKENS, out);
        kernels.multiply(matrix, x, 1, out);
      }
    }
  }

  private static void layer(Kernels kernels) {
    int width = HEADS * HEAD_DIM;
    float[] x = new float[TOKENS * width];
    float[] y = new float[TOKENS * width];
    KvLayer kv = new KvLayer(1, HEAD_DIM, TOKENS + 1);
    kernels.rmsNorm(x, TOKENS, width, y, 1e-6f, x);
    kernels.swiGlu(x, y, TOKENS * width);
    kernels.add(x, y, TOKENS * width);
    kv.write(0, TOKENS, x, y);
    kernels.attention(x, TOKENS, 0, kv, HEADS, 1, y);
    kv.write(TOKENS, 1, x, y);
    kernels.attention(x, 1, TOKENS, kv, HEADS, 1, y);
  }
}
