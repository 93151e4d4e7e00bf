package dev.qwen4j.session;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The file of a journal: one entry a line, only ever appended to, open in one process at a time.
 *
 * <p>A process that dies in the middle of a write leaves the beginning of a line at the end of the
 * file: it was never acknowledged, and the next one to open the file removes it. Damage anywhere
 * else is an error, since the file is then not what was written.
 *
 * <p>Written through a {@link RandomAccessFile}, because a channel closes itself under a thread
 * that is interrupted, which is how runs are cancelled.
 */
final class JournalFile implements AutoCloseable {
  private final Path path;
  private final @Nullable RandomAccessFile file; // None if it is only read.
  private final List<SessionEntry> found;

  private JournalFile(Path path, @Nullable RandomAccessFile file, List<SessionEntry> found) {
    this.path = path;
    this.file = file;
    this.found = found;
  }

  /**
   * Opens the file for appending, and makes it if there is none.
   *
   * @throws IOException if it is in use, is no journal, or is damaged before its end
   */
  static JournalFile open(Path path) throws IOException {
    Path folder = path.toAbsolutePath().getParent();
    if (folder != null) {
      makeFolder(folder);
    }
    requireFile(path);
    var file = new RandomAccessFile(path.toFile(), "rw");
    try {
      lock(path, file);
      byte[] bytes = new byte[Math.toIntExact(file.length())];
      file.readFully(bytes);
      var entries = new ArrayList<SessionEntry>();
      int whole = read(path, bytes, entries);
      if (whole < bytes.length) {
        file.setLength(whole);
      }
      file.seek(whole);
      return new JournalFile(path, file, entries);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /**
   * Reads what is in the file now, which may be in use, and leaves it as it is.
   *
   * @throws IOException if it cannot be read, is no journal, or is damaged before its end
   */
  static JournalFile read(Path path) throws IOException {
    requireFile(path);
    var entries = new ArrayList<SessionEntry>();
    read(path, Files.readAllBytes(path), entries);
    return new JournalFile(path, null, entries);
  }

  private static void makeFolder(Path folder) throws IOException {
    try {
      Files.createDirectories(folder);
    } catch (FileAlreadyExistsException e) {
      throw new IOException(e.getFile() + ": a file, expected the folder of a session", e);
    }
  }

  private static void requireFile(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      throw new IOException(path + ": a directory, expected a session file");
    }
  }

  private static void lock(Path path, RandomAccessFile file) throws IOException {
    @Nullable FileLock lock;
    try {
      lock = file.getChannel().tryLock();
    } catch (OverlappingFileLockException e) {
      throw new IOException(path + ": this session is already open in this program", e);
    }
    if (lock == null) {
      throw new IOException(path + ": another program has this session open; end it first");
    }
  }

  /** Returns how many bytes hold whole entries. */
  private static int read(Path path, byte[] bytes, List<SessionEntry> entries) throws IOException {
    int start = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] != '\n') {
        continue;
      }
      String line = new String(bytes, start, i - start, StandardCharsets.UTF_8);
      boolean last = i == bytes.length - 1;
      try {
        SessionEntry entry = EntryJson.read(line);
        if (entries.isEmpty() && !(entry instanceof SessionEntry.Opened)) {
          throw new IllegalArgumentException("a journal begins with an entry of type opened");
        }
        entries.add(entry);
      } catch (IllegalArgumentException e) {
        if (last && !entries.isEmpty()) {
          return start; // The machine lost power in the middle of the write.
        }
        throw new IOException(
            "%s: not a session, or a damaged one: line %d: %s"
                .formatted(path, entries.size() + 1, e.getMessage()),
            e);
      }
      start = i + 1;
    }
    if (entries.isEmpty() && !begins(bytes)) {
      throw new IOException(path + ": not a session: it does not begin with " + EntryJson.FIRST);
    }
    return start;
  }

  /** Whether a file without a whole line may be the torn first line of a journal. */
  private static boolean begins(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.UTF_8);
    return text.startsWith(EntryJson.FIRST) || EntryJson.FIRST.startsWith(text);
  }

  /** What was in the file when it was opened. */
  List<SessionEntry> found() {
    return found;
  }

  Path path() {
    return path;
  }

  /**
   * Appends a line; once this returns, killing the process does not lose it. Of a line that does
   * not fit, such as on a full disk, nothing stays: the next one must not follow half of it.
   */
  void append(String line) throws IOException {
    RandomAccessFile end = writable();
    long before = end.getFilePointer();
    try {
      end.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      try {
        end.setLength(before);
      } catch (IOException second) {
        e.addSuppressed(second);
      }
      throw e;
    }
  }

  /** Once this returns, losing power does not lose what was appended. */
  void sync() throws IOException {
    writable().getFD().sync();
  }

  private RandomAccessFile writable() throws IOException {
    if (file == null) {
      throw new IOException("it was opened only to be read");
    }
    return file;
  }

  @Override
  public void close() throws IOException {
    if (file != null) {
      file.close();
    }
  }
}
