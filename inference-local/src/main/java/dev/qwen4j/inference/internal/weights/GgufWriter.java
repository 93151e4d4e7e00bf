package dev.qwen4j.inference.internal.weights;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.UUID;
import java.util.function.LongConsumer;

/** Writes GGUF files, version 3: all of one, or nothing. */
final class GgufWriter {
  private static final int ALIGNMENT = 32;
  private static final int VERSION = 3;

  private GgufWriter() {}

  /**
   * Writes a file under another name in the same folder, and renames it once it is whole and on the
   * disk.
   *
   * @param written hears how many bytes of the tensors are, one call at a time
   * @throws IOException if that fails, or the thread was interrupted; nothing is left behind
   */
  static void write(
      Path file,
      MetadataBuilder metadata,
      List<TensorSource> tensors,
      int threads,
      LongConsumer written)
      throws IOException {
    Count count = new Count(written);
    long[] offsets = new long[tensors.size()];
    byte[] header = header(metadata, tensors, offsets);
    Path unfinished = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID() + ".part");
    try {
      try (FileChannel channel =
          FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        writeFully(channel, header, 0);
        RowJobs.run(
            tensors,
            threads,
            (tensor, rows, first, number) -> {
              byte[] part = new byte[Math.toIntExact(number * rows.rowBytes())];
              rows.write(first, number, MemorySegment.ofArray(part), 0);
              writeFully(channel, part, header.length + offsets[tensor] + first * rows.rowBytes());
              count.add(part.length);
            });
        channel.force(true);
      }
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  /** What several threads have written. */
  private static final class Count {
    private final LongConsumer listener;
    private long bytes;

    Count(LongConsumer listener) {
      this.listener = listener;
    }

    synchronized void add(long more) {
      bytes += more;
      listener.accept(bytes);
    }
  }

  /** Everything before the data, and in {@code offsets} where each tensor lies in it. */
  private static byte[] header(
      MetadataBuilder metadata, List<TensorSource> tensors, long[] offsets) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes("GGUF".getBytes(UTF_8));
    int32(out, VERSION);
    int64(out, tensors.size());
    int64(out, metadata.count());
    out.writeBytes(metadata.encoded());
    long offset = 0;
    for (int t = 0; t < offsets.length; t++) {
      TensorSource tensor = tensors.get(t);
      byte[] name = tensor.name().getBytes(UTF_8);
      int64(out, name.length);
      out.writeBytes(name);
      int32(out, tensor.shape().size());
      tensor.shape().forEach(extent -> int64(out, extent));
      int32(out, tensor.rows().type().id());
      int64(out, offset);
      offsets[t] = offset;
      offset = Math.ceilDiv(offset + tensor.bytes(), ALIGNMENT) * ALIGNMENT;
    }
    out.writeBytes(new byte[Math.floorMod(-out.size(), ALIGNMENT)]);
    return out.toByteArray();
  }

  private static void writeFully(FileChannel channel, byte[] bytes, long position)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer, position + buffer.position());
    }
  }

  private static void int32(ByteArrayOutputStream out, int value) {
    out.writeBytes(
        ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }

  private static void int64(ByteArrayOutputStream out, long value) {
    out.writeBytes(
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }
}
