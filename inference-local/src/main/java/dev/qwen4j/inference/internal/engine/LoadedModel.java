package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.arch.Architectures;
import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.arch.Span;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.PackedCopy;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.kernel.WarmUp;
import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint that is open and ready to run: the mapped file, the kernels and the forward pass.
 * Closing it ends the threads and the mapping.
 */
public final class LoadedModel implements AutoCloseable {
  /** Prompt tokens that go through the layers together. */
  public static final int BATCH = 512;

  /** Bytes; a smaller checkpoint answers before its kernels are compiled. */
  private static final long WORTH_WARMING_UP = 32L << 20;

  /** Threads that convert weights where no one says how many. */
  private static final int CONVERTING = 2;

  private final Checkpoint file;
  private final Kernels kernels;
  private final PackedCopy copy;
  private final ForwardPass pass;
  private final CompletableFuture<Tokenizer> tokenizer;
  private final WarmingUp warmingUp;

  private LoadedModel(
      Checkpoint file,
      Kernels kernels,
      PackedCopy copy,
      ForwardPass pass,
      CompletableFuture<Tokenizer> tokenizer,
      WarmingUp warmingUp) {
    this.file = file;
    this.kernels = kernels;
    this.copy = copy;
    this.pass = pass;
    this.tokenizer = tokenizer;
    this.warmingUp = warmingUp;
  }

  public static LoadedModel open(Path path, int threads) {
    return open(path, KernelChoice.create(threads));
  }

  /** Opens a checkpoint as it is on the given kernels, closing them with itself or on failure. */
  public static LoadedModel open(Path path, Kernels kernels) {
    Checkpoint file;
    try {
      file = Checkpoints.open(path, CONVERTING);
    } catch (RuntimeException | Error e) {
      kernels.close();
      throw e;
    }
    return open(file, kernels, new PackedCopy(), null);
  }

  /** Opens a checkpoint, or the smaller copy of it that is asked for. */
  public static LoadedModel open(Path path, Checkpoints.Opening opening) {
    Checkpoint file = Checkpoints.open(path, opening);
    PackedCopy copy;
    try {
      copy = Checkpoints.packedCopy(file, opening);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
    return open(file, KernelChoice.create(opening.threads(), copy), copy, opening.packed());
  }

  private static LoadedModel open(
      Checkpoint file, Kernels kernels, PackedCopy copy, @Nullable Path copies) {
    // Beside the weights; waited for when it is asked for.
    CompletableFuture<Tokenizer> tokenizer =
        CompletableFuture.supplyAsync(
            () -> VocabularyReader.tokenizer(file, copies),
            Thread.ofPlatform().daemon().name("qwen4j-vocabulary")::start);
    try {
      // Of the matrices; vectors, such as the weights of norms, are never multiplied.
      List<TensorType> types =
          file.tensors().stream()
              .filter(tensor -> tensor.shape().size() > 1)
              .map(TensorInfo::type)
              .distinct()
              .toList();
      TensorType output = output(file).map(TensorInfo::type).orElse(TensorType.F32);
      boolean large = file.byteSize() >= WORTH_WARMING_UP;
      if (large && !copy.isThere()) {
        WarmUp.packing(types, output);
      }
      WarmingUp warmingUp = large ? WarmingUp.start(types, output) : WarmingUp.none();
      ForwardPass pass = Architectures.load(file, kernels);
      return new LoadedModel(file, kernels, copy, pass, tokenizer, warmingUp);
    } catch (RuntimeException | Error e) {
      close(tokenizer, kernels, copy, file);
      throw e;
    }
  }

  /** Frees the memory once the tokenizer's thread, which reads it too, has come to its end. */
  private static void close(
      CompletableFuture<Tokenizer> tokenizer, Kernels kernels, PackedCopy copy, Checkpoint file) {
    tokenizer.handle((read, failure) -> read).join();
    copy.endWriting();
    kernels.close();
    copy.close();
    file.close();
  }

  private static Optional<TensorInfo> output(Checkpoint file) {
    return file.tensor("output.weight").or(() -> file.tensor("token_embd.weight"));
  }

  /** The matrix that makes logits: one of its own, or that of the embedding. */
  public TensorInfo output() {
    return output(file).orElseThrow(); // or it would not have been loaded
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
   * The tokenizer, which is read beside the weights.
   *
   * @throws BadCheckpointException if it cannot be read, or knows tokens that the weights do not
   */
  public Tokenizer tokenizer() {
    try {
      return VocabularyReader.fitting(tokenizer.join(), file, pass.vocabularySize());
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException problem ? problem : e;
    }
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

  /** What multiplies its weights, for those who want to know about it. */
  public Kernels kernels() {
    return kernels;
  }

  /**
   * Reads {@code ids[from … to)} in batches.
   *
   * @param pause called often; what it throws ends the reading after the last whole batch
   * @return where the last position stands in the last batch, for its logits
   */
  public int read(SequenceState state, int[] ids, int from, int to, Runnable pause) {
    warmingUp.awaitFor(to - from, pause);
    int count = 0;
    for (int at = from; at < to; at += count) {
      count = Math.min(BATCH, to - at);
      pass.forward(state, ids, at, count, pause);
    }
    warmingUp.hasRead();
    copy.keep();
    return count - 1;
  }

  /** Whether a few tokens can be read at once at full speed; if not, they can be before long. */
  boolean readyForDrafts() {
    return warmingUp.readyForDrafts();
  }

  /** Reads one batch of several sequences; their rows follow each other in it. */
  void read(List<Span> spans, Runnable pause) {
    warmingUp.awaitFor(spans.stream().mapToInt(Span::count).sum(), pause);
    pass.forward(spans, pause);
    warmingUp.hasRead();
    copy.keep();
  }

  @Override
  public void close() {
    close(tokenizer, kernels, copy, file);
  }
}
