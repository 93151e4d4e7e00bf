package dev.qwen4j.inference.internal.engine;

import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * Who may use a model: one thread at a time, in the order of asking, and nobody once it is closed.
 * Whoever uses it calls the {@code pause} it is given, which ends it with a {@link
 * CancellationException} when its thread is interrupted, its request is cancelled, or the model is
 * closed.
 */
final class Turns implements AutoCloseable {
  private final LoadedModel model;
  private final ReentrantLock turn = new ReentrantLock(true);
  private volatile boolean closed;
  private boolean freed; // guarded by turn

  Turns(LoadedModel model) {
    this.model = model;
  }

  /**
   * Waits for the turn and takes it.
   *
   * @param cancelled asked often, from this thread
   * @param use gets the pause to call
   */
  <T> T take(BooleanSupplier cancelled, Function<Runnable, T> use) {
    await();
    try {
      Runnable pause = () -> endIfCancelled(cancelled);
      pause.run();
      return use.apply(pause);
    } finally {
      turn.unlock();
    }
  }

  private void await() {
    if (turn.isHeldByCurrentThread()) {
      throw new IllegalStateException(
          "a callback of a reply asked the model that is writing it; ask after the reply has"
              + " ended");
    }
    try {
      turn.lockInterruptibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      CancellationException cancelled =
          new CancellationException("interrupted while waiting for the model");
      cancelled.initCause(e);
      throw cancelled;
    }
  }

  private void endIfCancelled(BooleanSupplier cancelled) {
    if (closed) {
      throw new CancellationException("the model has been closed");
    }
    if (Thread.currentThread().isInterrupted() || cancelled.getAsBoolean()) {
      throw new CancellationException("the generation was cancelled");
    }
  }

  /** Ends whoever uses the model, then frees it. */
  @Override
  public void close() {
    closed = true;
    turn.lock();
    try {
      if (!freed) {
        freed = true;
        model.close();
      }
    } finally {
      turn.unlock();
    }
  }
}
