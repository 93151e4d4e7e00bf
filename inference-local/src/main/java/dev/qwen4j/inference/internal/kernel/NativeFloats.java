package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Floats in native memory that begin on the border of a page, for {@link Tiles}; as many as were
 * asked for at most. Freed when this object is no longer reachable, so whoever uses the address
 * keeps it.
 */
final class NativeFloats {
  private static final int PAGE = 4096;

  private MemorySegment memory = MemorySegment.NULL;

  /** The address of at least {@code n} floats; what they were is lost if there were fewer. */
  long address(long n) {
    if (memory.byteSize() < n * Float.BYTES) {
      memory = Arena.ofAuto().allocate(n * Float.BYTES, PAGE);
    }
    return memory.address();
  }

  /** The address of at least {@code n} floats, of which the first {@code n} are zero. */
  long zeros(long n) {
    long address = address(n);
    memory.asSlice(0, n * Float.BYTES).fill((byte) 0);
    return address;
  }
}
