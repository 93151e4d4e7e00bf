package dev.qwen4j.inference;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.qwen4j.inference.internal.engine.Checkpoints;
import dev.qwen4j.inference.internal.engine.Places;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.kernel.TensorType;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How to run a checkpoint.
 *
 * @param threads that compute, the caller's among them
 * @param contextLength the most tokens of prompt and reply together, at most what the model was
 *     trained for (more where its file scales RoPE); 0 for as much as the Java heap can hold.
 *     Memory is taken as a conversation grows.
 * @param kvCache how the keys and values of those tokens are kept
 * @param parameters what a request that does not say otherwise is run with
 * @param listeners LangChain4j listeners of every request
 * @param quantization what becomes of the weights on their way into memory
 * @param quantizedFolder where quantised copies are kept, one for each checkpoint and type
 * @param packedCopies whether what a large GGUF file makes over and over is kept beside that
 *     folder. In {@code packed} the weights, packed for this machine's vectors: as much disk as the
 *     checkpoint, and the next start is seconds sooner for every gigabyte. In {@code prompts}, at
 *     most a gigabyte, what prompts begin with: the next process need not read it again. These are
 *     instructions and tools; the user's words are kept only where {@link
 *     LocalModel#keepConversation} asks for it
 * @param concurrency how many requests it takes at the same time
 * @param progress hears how far the writing of such a copy is
 */
public record LoadOptions(
    int threads,
    int contextLength,
    KvCache kvCache,
    ChatRequestParameters parameters,
    List<ChatModelListener> listeners,
    Quantization quantization,
    Path quantizedFolder,
    boolean packedCopies,
    Concurrency concurrency,
    Progress progress) {
  /**
   * How many may ask a model at the same time. Replies that are written side by side share the
   * reading of the weights: four take far less time together than one after the other.
   *
   * @param replies that are written at once; each needs memory for its own keys and values
   * @param waiting requests that wait for one of these to end; one more is refused with a {@link
   *     dev.qwen4j.model.ModelException} that says the model is busy
   */
  public record Concurrency(int replies, int waiting) {
    static final Concurrency STANDARD = new Concurrency(4, 256);

    public Concurrency {
      if (replies < 1) {
        throw new IllegalArgumentException("replies: expected at least 1, found " + replies);
      }
      if (waiting < 0) {
        throw new IllegalArgumentException("waiting: expected 0 or more, found " + waiting);
      }
    }
  }

  /** Hears of what takes long, one call at a time. */
  @FunctionalInterface
  public interface Progress {
    /** Of {@code total} bytes, {@code bytes} are in the file. */
    void progress(String file, long bytes, long total);
  }

  /** How the keys and values of attention are kept. */
  public enum KvCache {
    /** In half precision. */
    F16,
    /** In blocks of bytes: half the memory, so twice the context, for a little accuracy. */
    Q8_0
  }

  /** What becomes of a checkpoint's matrices when it is opened. */
  public enum Quantization {
    /** They stay as they are. */
    NONE,
    /** Eight bits and a half: next to no loss. A checkpoint without larger ones stays as it is. */
    Q8_0,
    /** Four bits and a half: half the memory and time of Q8_0, with a loss. */
    Q4_0
  }

  public LoadOptions {
    if (threads < 1) {
      throw new IllegalArgumentException("threads: expected at least 1, found " + threads);
    }
    if (contextLength < 0) {
      throw new IllegalArgumentException(
          "contextLength: expected 0 (automatic) or more, found " + contextLength);
    }
    listeners = List.copyOf(listeners);
  }

  /**
   * All processors, the longest context that fits, Qwen's recommended sampling, weights as they
   * are; quantised copies, once asked for, go where downloads go: {@code QWEN4J_CACHE}, else {@code
   * ~/.cache/qwen4j}.
   */
  public static LoadOptions standard() {
    return new LoadOptions(
        Runtime.getRuntime().availableProcessors(),
        0,
        KvCache.F16,
        LocalChatRequestParameters.builder().build(),
        List.of(),
        Quantization.NONE,
        cache().resolve("quantized"),
        true,
        Concurrency.STANDARD,
        (file, bytes, total) -> {});
  }

  private static Path cache() {
    String folder = System.getenv("QWEN4J_CACHE");
    return folder == null || folder.isBlank()
        ? Path.of(System.getProperty("user.home"), ".cache", "qwen4j")
        : Path.of(folder);
  }

  public LoadOptions withThreads(int value) {
    return new LoadOptions(
        value,
        contextLength,
        kvCache,
        parameters,
        listeners,
        quantization,
        quantizedFolder,
        packedCopies,
        concurrency,
        progress);
  }

  public LoadOptions withContextLength(int value) {
    return new LoadOptions(
        threads,
        value,
        kvCache,
        parameters,
        listeners,
        quantization,
        quantizedFolder,
        packedCopies,
        concurrency,
        progress);
  }

  public LoadOptions withKvCache(KvCache value) {
    return new LoadOptions(
        threads,
        contextLength,
        value,
        parameters,
        listeners,
        quantization,
        quantizedFolder,
        packedCopies,
        concurrency,
        progress);
  }

  public LoadOptions withParameters(ChatRequestParameters value) {
    return new LoadOptions(
        threads,
        contextLength,
        kvCache,
        value,
        listeners,
        quantization,
        quantizedFolder,
        packedCopies,
        concurrency,
        progress);
  }

  public LoadOptions withListeners(List<ChatModelListener> value) {
    return new LoadOptions(
        threads,
        contextLength,
        kvCache,
        parameters,
        value,
        quantization,
        quantizedFolder,
        packedCopies,
        concurrency,
        progress);
  }

  public LoadOptions withQuantization(Quantization value) {
    return new LoadOptions(
        threads,
        contextLength,
        kvCache,
        parameters,
        listeners,
        value,
        quantizedFolder,
        packedCopies,
        concurrency,
        progress);
  }

  public LoadOptions withQuantizedFolder(Path value) {
    return new LoadOptions(
        threads,
        contextLength,
        kvCache,
        parameters,
        listeners,
        quantization,
        value,
        packedCopies,
        concurrency,
        progress);
  }

  public LoadOptions withPackedCopies(boolean value) {
    return new LoadOptions(
        threads,
        contextLength,
        kvCache,
        parameters,
        listeners,
        quantization,
        quantizedFolder,
        value,
        concurrency,
        progress);
  }

  public LoadOptions withConcurrency(Concurrency value) {
    return new LoadOptions(
        threads,
        contextLength,
        kvCache,
        parameters,
        listeners,
        quantization,
        quantizedFolder,
        packedCopies,
        value,
        progress);
  }

  public LoadOptions withProgress(Progress value) {
    return new LoadOptions(
        threads,
        contextLength,
        kvCache,
        parameters,
        listeners,
        quantization,
        quantizedFolder,
        packedCopies,
        concurrency,
        value);
  }

  KvType kvType() {
    return switch (kvCache) {
      case F16 -> KvType.F16;
      case Q8_0 -> KvType.Q8_0;
    };
  }

  Places places() {
    return new Places(concurrency.replies(), concurrency.waiting());
  }

  Checkpoints.Opening opening() {
    @Nullable TensorType type =
        switch (quantization) {
          case NONE -> null;
          case Q8_0 -> TensorType.Q8_0;
          case Q4_0 -> TensorType.Q4_0;
        };
    @Nullable Path packed = packedCopies ? quantizedFolder.resolveSibling("packed") : null;
    return new Checkpoints.Opening(threads, type, quantizedFolder, packed, progress::progress);
  }
}
