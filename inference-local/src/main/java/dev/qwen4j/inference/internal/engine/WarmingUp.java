package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.kernel.WarmUp;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The warm-up of a model's kernels in the background, in the order in which they are needed: those
 * that read a prompt while the weights are being loaded, those that generate once the first prompt
 * is read, or when nobody has one.
 */
final class WarmingUp {
  private static final long IDLE_SECONDS = 2;

  private final CompletableFuture<Void> prefill;
  private final CompletableFuture<Void> decode;
  private final CompletableFuture<Void> firstPrompt;
  private final Runnable warmDrafts;
  private @Nullable CompletableFuture<Void> drafts; // guarded by this; null until asked for

  private WarmingUp(
      CompletableFuture<Void> prefill,
      CompletableFuture<Void> decode,
      CompletableFuture<Void> firstPrompt,
      Runnable warmDrafts) {
    this.prefill = prefill;
    this.decode = decode;
    this.firstPrompt = firstPrompt;
    this.warmDrafts = warmDrafts;
  }

  /** For a model that answers before its kernels would be compiled. */
  static WarmingUp none() {
    CompletableFuture<Void> done = CompletableFuture.completedFuture(null);
    WarmingUp none = new WarmingUp(done, done, done, () -> {});
    none.drafts = done;
    return none;
  }

  /**
   * Begins.
   *
   * @param types of the model's matrices
   * @param output of the one that makes logits
   */
  static WarmingUp start(List<TensorType> types, TensorType output) {
    CompletableFuture<Void> prefill =
        CompletableFuture.runAsync(() -> WarmUp.prefill(types, output), WarmingUp::onThread);
    CompletableFuture<Void> firstPrompt = new CompletableFuture<>();
    CompletableFuture<Void> decode =
        prefill
            .thenCompose(
                ready -> firstPrompt.completeOnTimeout(null, IDLE_SECONDS, TimeUnit.SECONDS))
            .thenRunAsync(() -> WarmUp.decode(types), WarmingUp::onThread);
    return new WarmingUp(prefill, decode, firstPrompt, () -> WarmUp.drafts(types));
  }

  private static void onThread(Runnable work) {
    Thread.ofPlatform().daemon().name("qwen4j-warm-up").start(work);
  }

  /**
   * Whether the kernels that check drafts are ready. Most short replies have none: their warm-up
   * begins when this is first asked.
   */
  synchronized boolean readyForDrafts() {
    if (drafts == null) {
      drafts = decode.thenRunAsync(warmDrafts, WarmingUp::onThread);
    }
    if (!drafts.isDone()) {
      return false;
    }
    drafts.join(); // for what it may throw
    return true;
  }

  /** To be called when tokens have been read. */
  void hasRead() {
    firstPrompt.complete(null);
  }

  /**
   * Waits until the kernels for so many tokens at once are ready.
   *
   * @param pause called often; what it throws ends the waiting
   */
  void awaitFor(int tokens, Runnable pause) {
    CompletableFuture<Void> ready = tokens == 1 ? decode : prefill;
    if (tokens == 1) {
      firstPrompt.complete(null);
    }
    while (!ready.isDone()) {
      pause.run();
      try {
        ready.get(10, TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        // then once more
      } catch (ExecutionException e) {
        throw new IllegalStateException("the kernels cannot run: " + e.getCause(), e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        pause.run();
        return;
      }
    }
  }
}
