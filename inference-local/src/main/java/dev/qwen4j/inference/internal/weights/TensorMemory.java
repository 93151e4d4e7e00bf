package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.BadCheckpointException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;

/** Brings tensors into memory: those that lie in a mapped file already stay where they are. */
public final class TensorMemory {
  private static final int CACHE_LINE = 64;

  private TensorMemory() {}

  /**
   * The tensors by name.
   *
   * @param arena owns what has to be written anew
   * @throws CancellationException if the thread was interrupted
   */
  public static Map<String, TensorInfo> load(List<TensorSource> sources, Arena arena, int threads) {
    List<TensorSource> written = new ArrayList<>();
    List<MemorySegment> targets = new ArrayList<>();
    Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    for (TensorSource source : sources) {
      MemorySegment data =
          source.rows().inPlace().orElseGet(() -> allocate(source, arena, written, targets));
      tensors.put(
          source.name(), new TensorInfo(source.name(), source.rows().type(), source.shape(), data));
    }
    try {
      RowJobs.run(
          written,
          threads,
          (tensor, rows, first, count) ->
              rows.write(first, count, targets.get(tensor), first * rows.rowBytes()));
    } catch (IOException e) {
      CancellationException cancelled = new CancellationException("loading was interrupted");
      cancelled.initCause(e);
      throw cancelled;
    }
    return tensors;
  }

  private static MemorySegment allocate(
      TensorSource source, Arena arena, List<TensorSource> written, List<MemorySegment> targets) {
    MemorySegment memory;
    try {
      memory = arena.allocate(source.bytes(), CACHE_LINE);
    } catch (OutOfMemoryError e) {
      throw new BadCheckpointException(
          "tensor %s takes %d MB of memory, which this machine does not have left; quantise on load"
              .formatted(source.name(), source.bytes() >> 20),
          e);
    }
    written.add(source);
    targets.add(memory);
    return memory;
  }
}
