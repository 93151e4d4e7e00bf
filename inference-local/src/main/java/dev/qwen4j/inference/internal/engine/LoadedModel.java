package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.arch.Architectures;
import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.weights.GgufFile;
import java.nio.file.Path;

/**
 * A checkpoint that is open and ready to run: the mapped file, the kernels and the forward pass.
 * Closing it ends the threads and the mapping.
 */
public final class LoadedModel implements AutoCloseable {
  /** Prompt tokens that go through the layers together. */
  public static final int BATCH = 512;

  private final GgufFile file;
  private final Kernels kernels;
  private final ForwardPass pass;

  private LoadedModel(GgufFile file, Kernels kernels, ForwardPass pass) {
    this.file = file;
    this.kernels = kernels;
    this.pass = pass;
  }

  public static LoadedModel open(Path path, int threads) {
    return open(path, KernelChoice.create(threads));
  }

  /** Opens a checkpoint on the given kernels, which it closes with itself, or when it fails. */
  public static LoadedModel open(Path path, Kernels kernels) {
    try {
      GgufFile file = GgufFile.open(path);
      try {
        return new LoadedModel(file, kernels, Architectures.load(file, kernels));
      } catch (RuntimeException | Error e) {
        file.close();
        throw e;
      }
    } catch (RuntimeException | Error e) {
      kernels.close();
      throw e;
    }
  }

  public GgufFile file() {
    return file;
  }

  public ForwardPass pass() {
    return pass;
  }

  /** Which kernels run it, and why. */
  public String kernels() {
    return kernels.description();
  }

  /**
   * Reads {@code ids[from … to)} in batches.
   *
   * @param pause called often; what it throws ends the reading after the last whole batch
   * @return where the last position stands in the last batch, for its logits
   */
  public int read(SequenceState state, int[] ids, int from, int to, Runnable pause) {
    int count = 0;
    for (int at = from; at < to; at += count) {
      count = Math.min(BATCH, to - at);
      pass.forward(state, ids, at, count, pause);
    }
    return count - 1;
  }

  @Override
  public void close() {
    kernels.close();
    file.close();
  }
}
