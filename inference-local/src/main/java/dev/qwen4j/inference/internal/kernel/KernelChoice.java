package dev.qwen4j.inference.internal.kernel;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Picks the kernels for this machine, once, and logs why. */
public final class KernelChoice {
  private static final Logger LOG = LoggerFactory.getLogger(KernelChoice.class);

  /** Of a vector; there are no layouts for narrower ones. */
  private static final int LEAST_BITS = 128;

  private KernelChoice() {}

  /**
   * Kernels that use {@code threads} threads, the caller's among them: Vector API where the module
   * {@code jdk.incubator.vector} is present and the machine has vectors of 128 bits or more, which
   * multiply and add in one step.
   */
  public static Kernels create(int threads) {
    return create(threads, new PackedCopy());
  }

  /**
   * The same, with a copy of the weights that they pack.
   *
   * @param copy stays the caller's to close, after the kernels
   */
  public static Kernels create(int threads, PackedCopy copy) {
    if (threads < 1) {
      throw new IllegalArgumentException("expected at least 1 thread, found " + threads);
    }
    Kernels kernels = choose(threads, copy);
    LOG.info("{}", kernels.description());
    return kernels;
  }

  /** Whether there are vectors to compute with, however narrow the kernels find them. */
  public static boolean hasVectors() {
    return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
  }

  private static Kernels choose(int threads, PackedCopy copy) {
    if (!hasVectors()) {
      return new ScalarKernels(
          "the Vector API is off; start Java with --add-modules jdk.incubator.vector");
    }
    return vectorsOrNot(threads, copy);
  }

  /** Apart from the caller, so that the Vector API's classes load only where they exist. */
  private static Kernels vectorsOrNot(int threads, PackedCopy copy) {
    if (VectorWidth.bits() < LEAST_BITS) {
      return new ScalarKernels(
          "vectors have fewer than %d bits; %s".formatted(LEAST_BITS, VectorWidth.reason()));
    }
    if (!VectorWidth.fuses()) {
      return new ScalarKernels(
          "vectors do not multiply and add in one step, and would be slower; "
              + VectorWidth.reason());
    }
    return new VectorKernels(threads, copy);
  }
}
