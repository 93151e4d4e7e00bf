package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.internal.arch.Span;
import dev.qwen4j.inference.internal.kernel.Candidates;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Continuous batching: sequences that generate at the same time go through the layers together, so
 * that weights are read once for all of them (Yu et al. 2022, "Orca").
 *
 * <p>There is no thread for it. Every sequence has its thread, which samples, hands out tokens, and
 * comes back with what is to be read next. One of those who have come leads: it runs the batch for
 * all, while the others wait. A reply thus joins or leaves between any two tokens; who does not
 * come, since its callback takes its time, holds up nobody for longer than a fraction of a step.
 * Pieces of prompts and steps of replies take turns, pieces in the order of asking.
 *
 * <p>Who is cancelled before its batch has begun leaves at once, who leads ends the batch, which
 * the others then run without it, and who is in someone else's batch leaves when that is over.
 */
final class Batcher {
  /** Tokens of a piece of a prompt, while others generate. */
  private static final int PIECE = 64;

  /** A span so long is a step of a reply, with a draft perhaps, and not a prompt. */
  private static final int STEP = 1 + Drafting.LENGTH;

  /** For others to come along, as a part of what the last step took. */
  private static final int PATIENCE = 8;

  /** Between two looks at whether who waits has been cancelled. */
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final LoadedModel model;
  private final ReentrantLock lock = new ReentrantLock(true);
  private final Condition changed = lock.newCondition();

  // Guarded by lock.
  private final List<Job> waiting = new ArrayList<>(); // in the order of asking
  private boolean running;
  private boolean promptIsNext;
  private int writing;
  private long stepNanos;

  private float[] allLogits = {}; // of who leads: [jobs, vocabularySize]

  /** What one thread wants to be read. */
  private static final class Job {
    final Span span;
    final int rows;
    final Candidates candidates;
    final float[] logits;
    final long since = System.nanoTime();
    boolean taken;
    boolean done;
    @Nullable Throwable failure;

    Job(Span span, int rows, Candidates candidates, float[] logits) {
      this.span = span;
      this.rows = rows;
      this.candidates = candidates;
      this.logits = logits;
    }

    boolean isStep() {
      return span.count() <= STEP;
    }
  }

  Batcher(LoadedModel model) {
    this.model = model;
  }

  /** Whether nobody else is generating. */
  boolean alone() {
    lock.lock();
    try {
      return writing <= 1 && waiting.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** One more sequence has read its prompt and comes again and again, until it {@link #stops}. */
  void writes() {
    lock.lock();
    try {
      writing++;
    } finally {
      lock.unlock();
    }
  }

  void stops() {
    lock.lock();
    try {
      writing--;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** How much of a prompt to read at a time: less while others wait for their next token. */
  int piece() {
    lock.lock();
    try {
      return writing > 0 ? PIECE : LoadedModel.BATCH;
    } finally {
      lock.unlock();
    }
  }

  /** Does something to sequences while none of them is being read. */
  <T> T whileNobodyReads(Supplier<T> work, Runnable pause) {
    lock.lock();
    try {
      while (running) {
        awaitChange(LOOK_NANOS);
        pause.run();
      }
      running = true;
      lock.unlock();
      try {
        return work.get();
      } finally {
        lock.lock();
        running = false;
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Reads a span, together with what others want to be read.
   *
   * @param rows of the last positions, whose logits are wanted
   * @param candidates of each of them
   * @param logits [rows, vocabularySize]
   * @param pause called often; what it throws leaves the sequence as if nothing had been asked, or
   *     as if it had been read
   */
  void read(Span span, int rows, Candidates candidates, float[] logits, Runnable pause) {
    Job job = new Job(span, rows, candidates, logits);
    lock.lock();
    try {
      waiting.add(job);
      changed.signalAll();
      while (!job.done) {
        List<Job> batch = running ? List.of() : next();
        if (batch.contains(job)) {
          lead(batch, job, pause);
        } else {
          awaitTurn(job, pause);
        }
      }
    } finally {
      lock.unlock();
    }
    switch (job.failure) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException("a batch failed", e);
    }
  }

  // What has changed is looked at in the loop of the caller.
  @SuppressWarnings("WaitNotInLoop")
  private void awaitTurn(Job job, Runnable pause) {
    if (job.taken) { // by another thread, which cannot do without it any more
      changed.awaitUninterruptibly();
      return;
    }
    awaitChange(running ? LOOK_NANOS : Math.max(1, patience() - (System.nanoTime() - job.since)));
    if (!job.taken && !job.done) {
      try {
        pause.run();
      } catch (RuntimeException | Error e) {
        waiting.remove(job);
        changed.signalAll();
        throw e;
      }
    }
  }

  // What has changed is looked at in the loop of the caller.
  @SuppressWarnings("WaitNotInLoop")
  private void awaitChange(long nanos) {
    try {
      long unused = changed.awaitNanos(nanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The pause that follows sees it.
    }
  }

  private long patience() {
    return stepNanos / PATIENCE;
  }

  /** What is to be read now; nothing, as long as more steps are expected to come along. */
  private List<Job> next() {
    List<Job> steps = new ArrayList<>();
    Job prompt = null;
    for (Job job : waiting) {
      if (job.isStep()) {
        steps.add(job);
      } else if (prompt == null) {
        prompt = job;
      }
    }
    if (prompt != null && (promptIsNext || steps.isEmpty())) {
      return List.of(prompt);
    }
    boolean all = steps.size() >= writing;
    boolean late = !steps.isEmpty() && System.nanoTime() - steps.getFirst().since >= patience();
    return all || late ? steps : List.of();
  }

  /** Runs a batch for all that are in it; without the lock, which is held before and after. */
  private void lead(List<Job> batch, Job mine, Runnable pause) {
    waiting.removeAll(batch);
    batch.forEach(job -> job.taken = true);
    running = true;
    lock.unlock();
    long start = System.nanoTime();
    Throwable failure = null;
    try {
      run(batch, pause);
    } catch (Throwable e) { // Errors too: they belong to all who are in the batch.
      failure = e;
    } finally {
      lock.lock();
    }
    running = false;
    promptIsNext = mine.isStep();
    if (mine.isStep()) {
      stepNanos = System.nanoTime() - start;
    }
    boolean mineAlone = failure instanceof CancellationException;
    for (int i = batch.size() - 1; i >= 0; i--) {
      Job job = batch.get(i);
      if (mineAlone && job != mine) {
        job.taken = false;
        waiting.addFirst(job);
      } else {
        job.failure = failure;
        job.done = true;
      }
    }
    changed.signalAll();
  }

  private void run(List<Job> batch, Runnable pause) {
    model.read(batch.stream().map(job -> job.span).toList(), pause);
    if (batch.size() > 1 && batch.stream().allMatch(job -> job.span.count() == 1)) {
      int vocabulary = model.pass().vocabularySize();
      if (allLogits.length < batch.size() * vocabulary) {
        allLogits = new float[batch.size() * vocabulary];
      }
      Candidates candidates =
          batch.stream().map(job -> job.candidates).reduce(Candidates::and).orElseThrow();
      model.pass().logits(0, batch.size(), candidates, allLogits);
      for (int i = 0; i < batch.size(); i++) {
        System.arraycopy(allLogits, i * vocabulary, batch.get(i).logits, 0, vocabulary);
      }
      return;
    }
    int end = 0;
    for (Job job : batch) {
      end += job.span.count();
      if (job.rows > 0) {
        model.pass().logits(end - job.rows, job.rows, job.candidates, job.logits);
      }
    }
  }
}
