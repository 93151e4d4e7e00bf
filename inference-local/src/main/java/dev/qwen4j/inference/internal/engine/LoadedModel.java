package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.arch.Architectures;
import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.arch.Span;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.kernel.WarmUp;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * A checkpoint that is open and ready to run: the mapped file, the kernels and the forward pass.
 * Closing it ends the threads and the mapping.
 */
public final class LoadedModel implements AutoCloseable {
  /** Prompt tokens that go through the layers together. */
  public static final int BATCH = 512;

  /** Threads that convert weights where no one says how many. */
  private static final int CONVERTING = 2;

  private final Checkpoint file;
  private final Kernels kernels;
  private final ForwardPass pass;
  private final Thread warmUp;

  private LoadedModel(Checkpoint file, Kernels kernels, ForwardPass pass, Thread warmUp) {
    this.file = file;
    this.kernels = kernels;
    this.pass = pass;
    this.warmUp = warmUp;
  }

  public static LoadedModel open(Path path, int threads) {
    return open(path, KernelChoice.create(threads));
  }

  /** Opens a checkpoint as it is on the given kernels, closing them with itself or on failure. */
  public static LoadedModel open(Path path, Kernels kernels) {
    return open(() -> Checkpoints.open(path, CONVERTING), kernels);
  }

  /** Opens a checkpoint, or the smaller copy of it that is asked for. */
  public static LoadedModel open(Path path, Checkpoints.Opening opening) {
    return open(() -> Checkpoints.open(path, opening), KernelChoice.create(opening.threads()));
  }

  private static LoadedModel open(Supplier<Checkpoint> opener, Kernels kernels) {
    try {
      Checkpoint file = opener.get();
      try {
        Thread warmUp = startWarmUp(file);
        return new LoadedModel(file, kernels, Architectures.load(file, kernels), warmUp);
      } catch (RuntimeException | Error e) {
        file.close();
        throw e;
      }
    } catch (RuntimeException | Error e) {
      kernels.close();
      throw e;
    }
  }

  /** Beside everything else that opening a checkpoint takes; the first reading waits for it. */
  private static Thread startWarmUp(Checkpoint file) {
    Set<TensorType> types =
        file.tensors().stream().map(TensorInfo::type).collect(Collectors.toSet());
    return Thread.ofPlatform().daemon().name("qwen4j-warm-up").start(() -> WarmUp.run(types));
  }

  public Checkpoint file() {
    return file;
  }

  /** What the checkpoint calls itself, otherwise the file's name. */
  public String name() {
    return Checkpoints.name(file);
  }

  public ForwardPass pass() {
    return pass;
  }

  /**
   * How many tokens it may read.
   *
   * @param wanted 0 for as many as the model can tell apart
   * @throws IllegalArgumentException if more are wanted than that
   */
  public int contextLength(int wanted) {
    int trained = pass.contextLength();
    if (wanted > trained) {
      throw new IllegalArgumentException(
          "contextLength: expected at most %d, which the model was trained for, found %d"
              .formatted(trained, wanted));
    }
    return wanted == 0 ? trained : wanted;
  }

  /** Whether single tokens are computed as exactly as prompts are; off at first. */
  public void exact(boolean on) {
    kernels.exact(on);
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
    awaitWarmUp(pause);
    int count = 0;
    for (int at = from; at < to; at += count) {
      count = Math.min(BATCH, to - at);
      pass.forward(state, ids, at, count, pause);
    }
    return count - 1;
  }

  /** Reads one batch of several sequences; their rows follow each other in it. */
  void read(List<Span> spans, Runnable pause) {
    awaitWarmUp(pause);
    pass.forward(spans, pause);
  }

  private void awaitWarmUp(Runnable pause) {
    while (warmUp.isAlive()) {
      pause.run();
      try {
        warmUp.join(10);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        pause.run();
        return;
      }
    }
  }

  @Override
  public void close() {
    kernels.close();
    file.close();
  }
}
