package dev.qwen4j.inference.internal.weights;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Writes many tensors' rows on a few threads, a megabyte or so at a time. */
final class RowJobs {
  private static final long CHUNK_BYTES = 1 << 20;

  /** Packed forms decode this many rows together, see {@code PackedRows}. */
  private static final int GRANULE = 64;

  /** Where rows go. Called from several threads. */
  @FunctionalInterface
  interface Target {
    /** Takes {@code rows} rows from {@code first} on of the {@code tensor}-th tensor. */
    void put(int tensor, RowSource source, long first, int rows) throws IOException;
  }

  private record Job(int tensor, Lending source, long first, int rows) {}

  /** A source while jobs read it: mapped for the first of them, unmapped after the last. */
  private static final class Lending implements AutoCloseable {
    private final RowSource source;
    private int jobs;
    private @Nullable Arena arena;
    private @Nullable RowSource lent;

    Lending(RowSource source) {
      this.source = source;
    }

    synchronized RowSource begin() {
      RowSource found = lent;
      if (found == null) {
        Arena opened = Arena.ofShared();
        arena = opened;
        found = source.lent(opened);
        lent = found;
      }
      return found;
    }

    synchronized void end() {
      jobs--;
      if (jobs == 0) {
        close();
      }
    }

    @Override
    public synchronized void close() {
      if (arena != null) {
        arena.close();
        arena = null;
      }
    }
  }

  private RowJobs() {}

  /**
   * Runs until all rows are written.
   *
   * @throws IOException the target's, or if the thread was interrupted, which stays set
   */
  static void run(List<TensorSource> tensors, int threads, Target target) throws IOException {
    List<Job> jobs = jobs(tensors);
    AtomicInteger next = new AtomicInteger();
    int workers = Math.clamp(jobs.size(), 1, threads);
    List<Future<?>> results = new ArrayList<>();
    try (ExecutorService pool = Executors.newFixedThreadPool(workers)) {
      for (int w = 0; w < workers; w++) {
        results.add(
            pool.submit(
                () -> {
                  for (int i = next.getAndIncrement();
                      i < jobs.size();
                      i = next.getAndIncrement()) {
                    Job job = jobs.get(i);
                    target.put(job.tensor, job.source.begin(), job.first, job.rows);
                    job.source.end();
                  }
                  return null;
                }));
      }
      for (Future<?> result : results) {
        await(result, () -> next.set(jobs.size()));
      }
    } finally {
      jobs.forEach(job -> job.source.close()); // of what failed
    }
  }

  private static void await(Future<?> result, Runnable stop) throws IOException {
    try {
      result.get();
    } catch (InterruptedException e) {
      stop.run();
      Thread.currentThread().interrupt();
      InterruptedIOException interrupted = new InterruptedIOException("interrupted");
      interrupted.initCause(e);
      throw interrupted;
    } catch (ExecutionException e) {
      stop.run();
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException unchecked -> throw unchecked;
        case Error error -> throw error;
        case null, default -> throw new IllegalStateException(e);
      }
    }
  }

  private static List<Job> jobs(List<TensorSource> tensors) {
    List<Job> jobs = new ArrayList<>();
    for (int t = 0; t < tensors.size(); t++) {
      RowSource source = tensors.get(t).rows();
      Lending lending = new Lending(source);
      long granules = Math.max(1, CHUNK_BYTES / GRANULE / Math.max(1, source.rowBytes()));
      int chunk = Math.toIntExact(granules * GRANULE);
      for (long first = 0; first < source.rows(); first += chunk) {
        int rows = (int) Math.min(chunk, source.rows() - first);
        jobs.add(new Job(t, lending, first, rows));
        lending.jobs++;
      }
    }
    return jobs;
  }
}
