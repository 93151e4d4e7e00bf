package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * All of native memory as one segment that starts at address 0.
 *
 * <p>Why: each access to a checkpoint's own segment checks its bounds and that it is still mapped.
 * In the inner loops of the kernels that is half of all instructions, since C2 hoists such checks
 * for few of the accesses that a block needs. This segment is a constant, has no owner, and ends
 * where no address can be: with an address under {@link #MASK}, C2 proves every check away.
 *
 * <p>The price: an address out of bounds is a crash and not an exception. So only kernels use it,
 * on addresses within a {@link RawMatrix}, whose constructor has compared the memory's size with
 * the shape; and whoever unmaps a checkpoint must have seen its last multiplication end.
 */
final class Memory {
  /** User space is 47 bits wide (x86-64, five-level paging only on request) or 48 (AArch64). */
  static final long MASK = (1L << 48) - 1;

  // Restricted because it can crash the JVM: see above. Needs --enable-native-access.
  @SuppressWarnings("restricted")
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private Memory() {}
}
