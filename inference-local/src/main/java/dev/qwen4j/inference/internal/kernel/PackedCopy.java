package dev.qwen4j.inference.internal.kernel;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A checkpoint's packed matrices in a file, so that they are packed once and mapped ever after: a
 * gigabyte takes two processor seconds to pack, and none to map.
 *
 * <p>The file lists the matrices in the order in which they were prepared, each with its type, its
 * shape, where it lies, and a checksum over three of its rows in the checkpoint. One that does not
 * match what is asked for is not used, nor any after it. The copy is written beside the first
 * reply, under another name until it is whole, and only where there is room for much more; whatever
 * goes wrong costs nothing but the next start's time. Not safe for several threads.
 */
public final class PackedCopy implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PackedCopy.class);

  /** In the file's first bytes; another number whenever {@link Packing} or the file changes. */
  private static final long MAGIC = ByteBuffer.wrap("q4jpack9".getBytes(US_ASCII)).getLong();

  private static final int HEADER_BYTES = 16;
  private static final int ENTRY_BYTES = 32;
  private static final int ALIGNMENT = 4096;

  /** Room for the matrices of 64 layers of 512 experts, and many more. */
  private static final long LONGEST_LIST = 64L << 20;

  /** Smaller checkpoints are packed in no time. */
  private static final long WORTH_KEEPING = 64L << 20;

  /** What a disk must have left when the copy is written. */
  private static final long ROOM = 2L << 30;

  private static final int PIECE = 8 << 20;

  /**
   * A matrix that is packed.
   *
   * @param type as GGUF numbers it
   * @param checksum of some of its rows in the checkpoint
   * @param data in memory, or in the mapped file
   */
  private record Packed(int type, int rows, int cols, int checksum, MemorySegment data) {
    static Packed of(RawMatrix raw, MemorySegment data) {
      return new Packed(raw.type().id(), raw.rows(), raw.cols(), checksumOf(raw), data);
    }

    boolean holds(RawMatrix raw, long bytes) {
      return type == raw.type().id()
          && rows == raw.rows()
          && cols == raw.cols()
          && data.byteSize() == bytes
          && checksum == checksumOf(raw);
    }
  }

  private final @Nullable Path file;
  private final long worthKeeping;
  private final Arena arena = Arena.ofShared();
  private final List<Packed> found;
  private final List<Packed> added = new ArrayList<>();
  private int taken;
  private boolean passedOver;
  private boolean kept;
  private @Nullable Thread writer;

  /** No copy: neither read nor written. */
  public PackedCopy() {
    this.file = null;
    this.worthKeeping = Long.MAX_VALUE;
    this.found = List.of();
  }

  /** The copy in {@code file}, or to be written to it. */
  public PackedCopy(Path file) {
    this(file, WORTH_KEEPING);
  }

  PackedCopy(Path file, long worthKeeping) {
    this.file = file;
    this.worthKeeping = worthKeeping;
    List<Packed> matrices = List.of();
    try (FileChannel channel = FileChannel.open(file, READ)) {
      matrices = read(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
    } catch (NoSuchFileException e) {
      LOG.debug("no packed copy yet: {}", file);
    } catch (IOException e) {
      LOG.warn("the packed copy {} is not used: {}", file, e.toString());
    }
    this.found = matrices;
  }

  /** Whether there is a copy to read. */
  public boolean isThere() {
    return !found.isEmpty();
  }

  private static List<Packed> read(MemorySegment data) throws IOException {
    // A buffer ends at 2 GB, a copy need not.
    MemorySegment start = data.asSlice(0, Math.min(data.byteSize(), LONGEST_LIST));
    ByteBuffer in = start.asByteBuffer().order(ByteOrder.BIG_ENDIAN);
    if (in.remaining() < HEADER_BYTES || in.getLong() != MAGIC) {
      throw new IOException("expected a packed copy of this version, found something else");
    }
    int lanes = in.getInt();
    int count = in.getInt();
    if (lanes != Lanes.L || count < 0 || in.remaining() < (long) count * ENTRY_BYTES) {
      throw new IOException(
          "expected vectors of %d lanes, found %d, and %d matrices"
              .formatted(Lanes.L, lanes, count));
    }
    List<Packed> matrices = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int type = in.getInt();
      int rows = in.getInt();
      int cols = in.getInt();
      int checksum = in.getInt();
      long offset = in.getLong();
      long bytes = in.getLong();
      if (offset < 0 || bytes < 0 || offset > data.byteSize() - bytes) {
        throw new IOException("matrix %d lies beyond the end of the file".formatted(i));
      }
      matrices.add(new Packed(type, rows, cols, checksum, data.asSlice(offset, bytes)));
    }
    return matrices;
  }

  /** The next matrix from the file; null if it has to be packed. */
  @Nullable MemorySegment take(RawMatrix raw, long bytes) {
    if (passedOver || taken == found.size()) {
      return null;
    }
    Packed matrix = found.get(taken);
    if (!matrix.holds(raw, bytes)) {
      LOG.warn("the packed copy {} is not of this checkpoint; it is passed over", file);
      passedOver = true;
      return null;
    }
    taken++;
    return matrix.data;
  }

  /** Remembers a matrix that was packed, to be written. */
  void add(RawMatrix raw, MemorySegment data) {
    if (file != null) {
      added.add(Packed.of(raw, data));
    }
  }

  /** Of the first row, the last, and one between. */
  private static int checksumOf(RawMatrix raw) {
    long row = raw.type().bytes(raw.cols());
    CRC32 sum = new CRC32();
    for (long r : new long[] {0, raw.rows() / 2, raw.rows() - 1}) {
      sum.update(raw.data().asSlice(r * row, row).asByteBuffer());
    }
    return (int) sum.getValue();
  }

  /** Begins to write what was packed, unless that is little or was read; does so once. */
  public void keep() {
    if (kept || file == null) {
      return; // called with every token
    }
    kept = true;
    long bytes = added.stream().mapToLong(matrix -> matrix.data.byteSize()).sum();
    if (taken > 0 || bytes < worthKeeping) {
      return;
    }
    List<Packed> matrices = List.copyOf(added);
    Path target = file;
    writer =
        Thread.ofPlatform()
            .daemon()
            .name("qwen4j-packed-copy")
            .priority(Thread.MIN_PRIORITY)
            .start(() -> write(target, matrices, bytes));
  }

  private static void write(Path file, List<Packed> matrices, long bytes) {
    Path part = file.resolveSibling(file.getFileName() + ".part");
    try {
      Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
      if (Files.getFileStore(folder).getUsableSpace() - bytes < ROOM) {
        LOG.info("no packed copy of {} MB: too little room in {}", bytes >> 20, folder);
        return;
      }
      try (FileChannel channel = FileChannel.open(part, CREATE, WRITE);
          FileLock lock = channel.tryLock()) {
        if (lock == null) {
          return; // another process is writing the same
        }
        channel.truncate(0);
        write(channel, matrices);
        channel.force(true);
        Files.move(part, file, ATOMIC_MOVE);
      }
      LOG.info("a packed copy of {} MB is kept in {}", bytes >> 20, file);
      deleteOlder(file);
    } catch (OverlappingFileLockException e) {
      LOG.debug("this process is writing {} already", file);
    } catch (ClosedByInterruptException e) {
      delete(part); // the model was closed first
    } catch (IOException e) {
      LOG.warn("the packed copy {} cannot be written: {}", file, e.toString());
      delete(part);
    }
  }

  private static void write(FileChannel channel, List<Packed> matrices) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES + matrices.size() * ENTRY_BYTES);
    header.putLong(MAGIC).putInt(Lanes.L).putInt(matrices.size());
    long at = aligned(header.capacity());
    for (Packed matrix : matrices) {
      header.putInt(matrix.type).putInt(matrix.rows).putInt(matrix.cols).putInt(matrix.checksum);
      header.putLong(at).putLong(matrix.data.byteSize());
      at = aligned(at + matrix.data.byteSize());
    }
    writeAll(channel, header.flip(), 0);
    at = aligned(header.capacity());
    for (Packed matrix : matrices) {
      MemorySegment data = matrix.data;
      for (long from = 0; from < data.byteSize(); from += PIECE) {
        long n = Math.min(PIECE, data.byteSize() - from);
        writeAll(channel, data.asSlice(from, n).asByteBuffer(), at + from);
      }
      at = aligned(at + data.byteSize());
    }
  }

  private static void writeAll(FileChannel channel, ByteBuffer bytes, long at) throws IOException {
    long position = at;
    while (bytes.hasRemaining()) {
      position += channel.write(bytes, position);
    }
  }

  private static long aligned(long at) {
    return Math.ceilDiv(at, ALIGNMENT) * ALIGNMENT;
  }

  /** Copies of what the checkpoint was before: their names differ after the last dash. */
  private static void deleteOlder(Path file) throws IOException {
    String name = String.valueOf(file.getFileName());
    String start = name.substring(0, name.lastIndexOf('-') + 1);
    try (Stream<Path> files = Files.list(file.toAbsolutePath().getParent())) {
      files
          .filter(other -> !start.isEmpty() && !other.endsWith(name))
          .filter(other -> String.valueOf(other.getFileName()).startsWith(start))
          .forEach(PackedCopy::delete);
    }
  }

  private static void delete(Path part) {
    try {
      Files.deleteIfExists(part);
    } catch (IOException e) {
      LOG.warn("{} is left over and can be deleted: {}", part, e.toString());
    }
  }

  /** Waits for the copy that is being written, if one is. */
  void awaitWriting(Duration longest) throws InterruptedException {
    if (writer != null) {
      writer.join(longest);
    }
  }

  /** Ends the writing, whole or not: to be called before the memory goes that is written. */
  public void endWriting() {
    if (writer != null) {
      writer.interrupt();
      boolean interrupted = false;
      while (writer.isAlive()) {
        try {
          writer.join();
        } catch (InterruptedException e) {
          interrupted = true; // it ends at once, and reads memory that is about to go
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Ends the writing and unmaps the file. */
  @Override
  public void close() {
    endWriting();
    arena.close();
  }
}
