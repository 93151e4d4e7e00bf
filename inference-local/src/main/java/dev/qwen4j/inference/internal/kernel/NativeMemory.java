package dev.qwen4j.inference.internal.kernel;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/**
 * What Linux knows about memory and Java does not say: huge pages, which the threads that write
 * first fill in, in a fraction of the time, and giving back pages of a mapped file that were read
 * for the last time, which count as resident otherwise. Other systems get the plain thing.
 */
public final class NativeMemory {
  /** A huge page of x86-64, and of AArch64 with pages of 4 KB. */
  private static final long HUGE_PAGE = 2L << 20;

  /** The largest ordinary page there is. */
  private static final long PAGE = 64L << 10;

  private static final int MADV_DONTNEED = 4;
  private static final int MADV_HUGEPAGE = 14;

  private static final boolean LINUX =
      System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux");

  private NativeMemory() {}

  /** The C library's functions; apart, so that other systems never look for them. */
  private static final class Libc {
    static final MethodHandle MADVISE =
        function("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    static final MethodHandle POSIX_MEMALIGN =
        function("posix_memalign", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
    static final MethodHandle FREE = function("free", FunctionDescriptor.ofVoid(ADDRESS));

    // Restricted because a wrong signature crashes the JVM: these are POSIX's, on 64 bits.
    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, FunctionDescriptor signature) {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), signature);
    }
  }

  /**
   * Memory that lives as long as the arena. What is in it is undefined.
   *
   * @throws OutOfMemoryError if there is not as much
   */
  static MemorySegment allocate(Arena arena, long bytes) {
    return LINUX && bytes >= 2 * HUGE_PAGE ? allocateHuge(arena, bytes) : arena.allocate(bytes, 64);
  }

  // Restricted: the size is the one that was asked for.
  @SuppressWarnings("restricted")
  private static MemorySegment allocateHuge(Arena arena, long bytes) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment result = call.allocate(ADDRESS);
      int error = (int) Libc.POSIX_MEMALIGN.invokeExact(result, HUGE_PAGE, bytes);
      if (error != 0) {
        throw new OutOfMemoryError("no " + (bytes >> 20) + " MB for packed weights");
      }
      MemorySegment memory = result.get(ADDRESS, 0).reinterpret(bytes, arena, NativeMemory::free);
      advise(memory, MADV_HUGEPAGE);
      return memory;
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) { // The type of invokeExact; C functions throw nothing.
      throw new IllegalStateException(e);
    }
  }

  private static void free(MemorySegment memory) {
    try {
      Libc.FREE.invokeExact(memory);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) { // As above.
      throw new IllegalStateException(e);
    }
  }

  /**
   * Says that mapped memory will hardly be read again, so that it no longer counts as resident.
   * Reading it later is possible and costs page faults.
   */
  public static void release(MemorySegment mapped) {
    if (!LINUX || !mapped.isMapped()) {
      return;
    }
    long start = Math.ceilDiv(mapped.address(), PAGE) * PAGE;
    long end = (mapped.address() + mapped.byteSize()) / PAGE * PAGE;
    if (start < end) {
      advise(mapped.asSlice(start - mapped.address(), end - start), MADV_DONTNEED);
    }
  }

  /** A hint: a system that does not take it works without. */
  private static void advise(MemorySegment memory, int advice) {
    try {
      int ignored = (int) Libc.MADVISE.invokeExact(memory, memory.byteSize(), advice);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) { // As above.
      throw new IllegalStateException(e);
    }
  }
}
