package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Memory.ALL;

import java.lang.foreign.Arena;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * A plain read of memory that no cache holds, by as many threads as kernels have: what decode,
 * which reads every weight once for a token, can reach at most.
 */
public final class MemoryRead implements AutoCloseable {
  /** Bytes of one pass: many times the last-level cache that a core reaches. */
  public static final long BYTES = 256L << 20;

  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private static final int CHUNK_BYTES = 128 * 1024;
  private static final int CHUNKS = (int) (BYTES / CHUNK_BYTES);

  private static final VectorSpecies<Long> SPECIES = LongVector.SPECIES_PREFERRED;
  private static final int VECTOR_BYTES = SPECIES.vectorByteSize();

  private final WorkerPool pool;
  private final Arena arena = Arena.ofShared();
  private final long address;
  private final long[] sums = new long[CHUNKS];

  /** Takes the memory and writes to it: pages that nobody has written to are all the same one. */
  public MemoryRead(int threads) {
    this.address = arena.allocate(BYTES, 64).fill((byte) 1).address();
    this.pool = new WorkerPool(threads);
  }

  /** Reads all of it once; the sum of its longs, so that it is read indeed. */
  public long pass() {
    pool.run(CHUNKS, this::read);
    return Arrays.stream(sums).sum();
  }

  private void read(int worker, int chunk) {
    long from = (address + (long) chunk * CHUNK_BYTES) & Memory.MASK;
    LongVector a = LongVector.zero(SPECIES);
    LongVector b = a;
    LongVector c = a;
    LongVector d = a;
    for (int i = 0; i < CHUNK_BYTES; i += 4 * VECTOR_BYTES) {
      a = a.add(LongVector.fromMemorySegment(SPECIES, ALL, from + i, LE));
      b = b.add(LongVector.fromMemorySegment(SPECIES, ALL, from + i + VECTOR_BYTES, LE));
      c = c.add(LongVector.fromMemorySegment(SPECIES, ALL, from + i + 2L * VECTOR_BYTES, LE));
      d = d.add(LongVector.fromMemorySegment(SPECIES, ALL, from + i + 3L * VECTOR_BYTES, LE));
    }
    sums[chunk] = a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }

  @Override
  public void close() {
    pool.close();
    arena.close();
  }
}
