package dev.qwen4j.inference.internal.kernel;

import java.util.Objects;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A few threads that wake fast: the parallel regions of a forward pass last tens of microseconds,
 * which is about what it costs to unpark a thread.
 *
 * <p>A region is a number of chunks. Every worker owns a contiguous run of them, so that it reads
 * memory as one stream, and takes chunks from the others' runs when its own is done. It takes half
 * of what is left of a run at a time: a stop between two chunks costs the memory's stream half a
 * microsecond, and the last chunks make sure that workers end together. The caller's thread is
 * worker 0. Helpers spin for a short while after a region, since the next one is near, and then
 * park. Nothing is allocated per region.
 *
 * <p>Helpers join a region, and only those that have are waited for: one that another process keeps
 * off its core holds up no region that it is not in.
 *
 * <p>One region runs at a time. The first exception of any worker is thrown to the caller, after
 * every worker has left the region. Interrupts are left to the caller: a region is too short to be
 * cut.
 */
final class WorkerPool implements AutoCloseable {
  /** Work on one chunk; {@code worker} is below the pool's size and exclusive to one thread. */
  @FunctionalInterface
  interface Chunk {
    void run(int worker, int chunk);
  }

  /** Work on chunks {@code from} to {@code to} - 1, without a stop between them. */
  @FunctionalInterface
  interface Chunks {
    void run(int worker, int from, int to);
  }

  /** Work on one chunk after the other. */
  private static final class OneByOne implements Chunks {
    private @Nullable Chunk chunk; // written before a region begins

    @Override
    public void run(int worker, int from, int to) {
      for (int c = from; c < to; c++) {
        Objects.requireNonNull(chunk).run(worker, c);
      }
    }
  }

  /** About 50 µs: a pause takes some 40 cycles. */
  private static final int SPINS_BEFORE_PARK = 4_000;

  private static final int SPINS_BEFORE_YIELD = 2_000;

  /** Ints between counters, so that each has a cache line of its own. */
  private static final int STRIDE = 32;

  /** In the low half of {@link #region}: nobody may join any more. */
  private static final int OVER = Integer.MAX_VALUE;

  private static final long CLOSED = -1;

  private final int size;
  private final Thread[] helpers;
  private final AtomicIntegerArray next;
  private final AtomicIntegerArray parked;
  private final AtomicReferenceArray<@Nullable Throwable> failures;
  // Its number in the high half, and in the low one how many helpers are in it, or OVER.
  private final AtomicLong region = new AtomicLong(OVER);
  // Written before a region begins, read by those who have joined it.
  private final int[] end;
  private @Nullable Chunks work;
  private final OneByOne oneByOne = new OneByOne();
  private int ahead; // of its own run is the one that a worker begins with; written as the work
  private int lastAhead;
  private volatile boolean closed;

  /** A pool of {@code size} workers, the calling thread among them. */
  WorkerPool(int size) {
    this(size, Thread.ofPlatform().daemon().name("qwen4j-kernel-", 1).factory());
  }

  WorkerPool(int size, ThreadFactory threads) {
    this.size = size;
    this.next = new AtomicIntegerArray(size * STRIDE);
    this.parked = new AtomicIntegerArray(size * STRIDE);
    this.failures = new AtomicReferenceArray<>(size);
    this.end = new int[size];
    this.helpers = new Thread[size - 1];
    for (int i = 1; i < size; i++) {
      int worker = i;
      helpers[i - 1] = threads.newThread(() -> help(worker));
    }
    for (Thread helper : helpers) {
      helper.start();
    }
  }

  /** Into how many chunks {@code n} go: as many for each worker, each of {@code most} or fewer. */
  int evenChunks(int n, int most) {
    int rounds = Math.ceilDiv(n, most * size);
    return Math.min(n, rounds * size);
  }

  int size() {
    return size;
  }

  /** Runs chunks 0 to {@code chunks} - 1, each once, on all workers; returns when all are done. */
  void run(int chunks, Chunk chunk) {
    oneByOne.chunk = chunk;
    ahead = 0;
    start(chunks, oneByOne);
  }

  /**
   * The same, some of them at a time, where one call's chunks lie behind the last one's in memory.
   * Who had the last of those begins with the first of these: the processor has fetched ahead for
   * it.
   */
  void runSome(int chunks, Chunks some) {
    lastAhead = (lastAhead + 1) % size;
    ahead = lastAhead;
    start(chunks, some);
  }

  private void start(int chunks, Chunks some) {
    if (closed) {
      throw new IllegalStateException("the kernels are closed");
    }
    for (int w = 0; w < size; w++) {
      next.setPlain(w * STRIDE, (int) ((long) chunks * w / size));
      end[w] = (int) ((long) chunks * (w + 1) / size);
    }
    if (size == 1 || chunks <= 1) {
      if (chunks > 0) {
        some.run(0, 0, chunks);
      }
      return;
    }
    work = some;
    region.set(((region.get() >>> 32) + 1) << 32);
    for (int w = 1; w < size; w++) {
      if (parked.get(w * STRIDE) != 0) {
        LockSupport.unpark(helpers[w - 1]);
      }
    }
    takeChunks(0, some);
    endRegion();
    throwFirstFailure();
  }

  // Yields, not for correctness: a helper that is this late has lost its core, perhaps to us.
  @SuppressWarnings("ThreadPriorityCheck")
  private void endRegion() {
    long empty = region.get() >>> 32 << 32;
    for (int spins = 0; !region.compareAndSet(empty, empty | OVER); spins++) {
      if (spins < SPINS_BEFORE_YIELD) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
  }

  private void help(int worker) {
    for (long number = join(0, worker); number != CLOSED; number = join(number, worker)) {
      Chunks some = work;
      if (some != null) {
        takeChunks(worker, some);
      }
      region.decrementAndGet();
    }
  }

  /** Waits for a region after the {@code last} one and joins it; its number, or CLOSED. */
  private long join(long last, int worker) {
    int spins = 0;
    while (!closed) {
      long now = region.get();
      if (isNew(now, last)) {
        if (region.compareAndSet(now, now + 1)) {
          return now >>> 32;
        }
      } else if (spins < SPINS_BEFORE_PARK) {
        spins++;
        Thread.onSpinWait();
      } else {
        parkUntilAfter(last, worker);
        spins = 0;
      }
    }
    return CLOSED;
  }

  private static boolean isNew(long region, long last) {
    return region >>> 32 != last && (int) region != OVER;
  }

  private void parkUntilAfter(long last, int worker) {
    parked.set(worker * STRIDE, 1);
    // The region was read after the flag was set: a new one is seen here, or its starter sees the
    // flag.
    if (!isNew(region.get(), last) && !closed) {
      LockSupport.park(this);
    }
    parked.set(worker * STRIDE, 0);
    // An interrupted thread would not park again; nobody but a stranger interrupts a helper.
    Thread.interrupted();
  }

  private void takeChunks(int worker, Chunks some) {
    try {
      for (int i = 0; i < size; i++) {
        int owner = (worker + ahead + i) % size;
        int last = end[owner];
        int left = last - next.get(owner * STRIDE);
        while (left > 0) {
          int n = Math.ceilDiv(left, 2);
          int from = next.getAndAdd(owner * STRIDE, n);
          int to = Math.min(from + n, last);
          if (from < to) {
            some.run(worker, from, to);
          }
          left = last - to;
        }
      }
    } catch (Throwable failure) { // Errors too: they belong to the caller's thread.
      failures.set(worker, failure);
    }
  }

  private void throwFirstFailure() {
    Throwable first = null;
    for (int w = 0; w < size; w++) {
      Throwable failure = failures.getPlain(w);
      if (failure != null) {
        failures.setPlain(w, null);
        if (first == null) {
          first = failure;
        } else if (failure != first) { // Hot code throws shared exceptions without a trace.
          first.addSuppressed(failure);
        }
      }
    }
    switch (first) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException("a kernel failed", e);
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread helper : helpers) {
      LockSupport.unpark(helper);
    }
  }
}
