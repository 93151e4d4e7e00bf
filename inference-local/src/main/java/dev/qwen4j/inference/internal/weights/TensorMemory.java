package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.BadCheckpointException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A tensor that has to be written anew, in memory: written when it is first asked for, so that
 * whoever only copies it on need not keep it. Safe for many threads.
 */
public final class TensorMemory implements Supplier<MemorySegment> {
  private static final int CACHE_LINE = 64;

  private final TensorSource source;
  private final Arena arena;
  private final int threads;
  private @Nullable MemorySegment written;

  /**
   * @param arena owns what {@link #get} writes
   * @param threads that write
   */
  public TensorMemory(TensorSource source, Arena arena, int threads) {
    this.source = source;
    this.arena = arena;
    this.threads = threads;
  }

  /**
   * The tensor, to be kept.
   *
   * @throws BadCheckpointException if the memory is not there
   * @throws CancellationException if the thread was interrupted
   */
  @Override
  public synchronized MemorySegment get() {
    MemorySegment found = written;
    if (found == null) {
      found = write(arena);
      written = found;
    }
    return found;
  }

  /**
   * The tensor for as long as {@code loan} lives, or longer if it is kept anyway.
   *
   * @throws BadCheckpointException if the memory is not there
   * @throws CancellationException if the thread was interrupted
   */
  public MemorySegment lend(Arena loan) {
    MemorySegment kept = kept();
    return kept != null ? kept : write(loan);
  }

  /** The tensor's rows, written for whoever asks. */
  public RowSource rows() {
    return source.rows();
  }

  private synchronized @Nullable MemorySegment kept() {
    return written;
  }

  private MemorySegment write(Arena owner) {
    MemorySegment memory;
    try {
      memory = owner.allocate(source.bytes(), CACHE_LINE);
    } catch (OutOfMemoryError e) {
      throw new BadCheckpointException(
          "tensor %s takes %d MB of memory, which this machine does not have left; quantise on load"
              .formatted(source.name(), source.bytes() >> 20),
          e);
    }
    try {
      RowJobs.run(
          List.of(source),
          threads,
          (tensor, rows, first, count) ->
              rows.write(first, count, memory, first * rows.rowBytes()));
    } catch (IOException e) {
      CancellationException cancelled = new CancellationException("loading was interrupted");
      cancelled.initCause(e);
      throw cancelled;
    }
    return memory;
  }
}
