package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.BadCheckpointException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CancellationException;

/** A checkpoint's file in memory, as the operating system brings it there. */
public final class MappedFile {
  private MappedFile() {}

  /** Maps a file for reading, or says why it cannot be. */
  public static MemorySegment map(Path path, Arena arena) {
    return map(path, 0, Long.MAX_VALUE, arena);
  }

  /** Maps at most {@code bytes} of a file from {@code offset} on. */
  public static MemorySegment map(Path path, long offset, long bytes, Arena arena) {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long length = Math.min(bytes, channel.size() - offset);
      return channel.map(FileChannel.MapMode.READ_ONLY, offset, length, arena);
    } catch (NoSuchFileException e) {
      throw new BadCheckpointException(path + ": no such file; check the path", e);
    } catch (AccessDeniedException e) {
      throw new BadCheckpointException(path + ": no permission to read this file", e);
    } catch (ClosedByInterruptException e) {
      CancellationException cancelled = new CancellationException("loading was interrupted");
      cancelled.initCause(e);
      throw cancelled;
    } catch (IOException e) {
      throw new BadCheckpointException(path + ": cannot be read: " + e.getMessage(), e);
    }
  }
}
