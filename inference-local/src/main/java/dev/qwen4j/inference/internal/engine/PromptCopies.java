package dev.qwen4j.inference.internal.engine;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a model remembers of what prompts begin with, in files: instructions and the declarations of
 * tools are long, the same in every run of an agent, and read by the first process for all that
 * follow. The user's own words are not in them.
 *
 * <p>A file is named after the checkpoint and how keys and values are kept, and lists the token ids
 * that it stands for: {@code magic, count, points, checksum, ids[count], points[points], keys and
 * values, checkpoints}. Where no layer is recurrent there are no points, and any prompt that begins
 * alike takes as much as it has in common. What recurrent layers remember fits one position only:
 * the points are those that a checkpoint leads to. All files together keep to a bound; those used
 * last stay. They only save time: one that cannot be read or written is gone without.
 */
public final class PromptCopies {
  private static final Logger LOG = LoggerFactory.getLogger(PromptCopies.class);

  /** In the file's first bytes; another number whenever what follows changes. */
  private static final long MAGIC = ByteBuffer.wrap("q4jkeys3".getBytes(US_ASCII)).getLong();

  private static final int CHECKSUM_AT = 16;
  private static final int HEADER_BYTES = 20;
  private static final String ENDING = ".kv";

  /** Of one file, which is mapped at once. */
  private static final long MOST_BYTES = 256L << 20;

  /** What a disk must have left when a file is written. */
  private static final long ROOM = 2L << 30;

  private final @Nullable Path folder;
  private final String checkpoint;
  private final int worthKeeping;
  private final long mostBytes;

  /**
   * In a folder that may not be there yet.
   *
   * @param checkpoint a name that tells it from all others, and from what it was before
   * @param worthKeeping tokens; fewer are read in no time
   * @param mostBytes of all files in the folder
   */
  PromptCopies(Path folder, String checkpoint, int worthKeeping, long mostBytes) {
    this.folder = folder;
    this.checkpoint = checkpoint;
    this.worthKeeping = worthKeeping;
    this.mostBytes = mostBytes;
  }

  private PromptCopies() {
    this.folder = null;
    this.checkpoint = "";
    this.worthKeeping = Integer.MAX_VALUE;
    this.mostBytes = 0;
  }

  /** No copies: neither read nor written. */
  public static PromptCopies none() {
    return new PromptCopies();
  }

  // Read from a file, compared by nobody.
  @SuppressWarnings("ArrayRecordComponent")
  private record Copy(Path file, int[] ids, int[] points) {
    /** How many tokens of {@code prompt} it spares: all but the last at most. */
    int reach(int[] prompt) {
      int most = Math.min(ids.length, prompt.length - 1);
      int mismatch = Arrays.mismatch(ids, 0, most, prompt, 0, most);
      int alike = mismatch < 0 ? most : mismatch;
      return points.length == 0
          ? alike
          : Arrays.stream(points).filter(point -> point <= alike).max().orElse(0);
    }

    boolean knows(int[] start, int[] wanted) {
      return ids.length >= start.length
          && Arrays.equals(ids, 0, start.length, start, 0, start.length)
          && Arrays.stream(wanted).allMatch(point -> Arrays.binarySearch(points, point) >= 0);
    }
  }

  /** Whether so many tokens are worth a file, or the reading of one. */
  boolean areWorthIt(int tokens) {
    return tokens >= worthKeeping;
  }

  private Optional<Copy> longest(int[] prompt, KvType type) {
    return copies(type).stream()
        .max(Comparator.comparingInt(copy -> copy.reach(prompt)))
        .filter(copy -> areWorthIt(copy.reach(prompt)));
  }

  /**
   * Brings a sequence that has read nothing as far as a file knows {@code prompt}.
   *
   * @return how far that is
   */
  int load(int[] prompt, KvType type, SequenceState state) {
    Copy copy = areWorthIt(prompt.length - 1) ? longest(prompt, type).orElse(null) : null;
    if (copy == null) {
      return 0;
    }
    int positions = copy.reach(prompt);
    try (FileChannel channel = FileChannel.open(copy.file, READ);
        Arena arena = Arena.ofConfined()) {
      ByteBuffer in = map(channel, FileChannel.MapMode.READ_ONLY, channel.size(), arena);
      int checksum = in.getInt(CHECKSUM_AT);
      if (checksum != checksum(in.position(HEADER_BYTES))) {
        throw new IOException("its checksum is another");
      }
      in.position(HEADER_BYTES + Integer.BYTES * (copy.ids.length + copy.points.length));
      state.load(copy.ids.length, copy.points, positions, in);
      if (in.hasRemaining()) {
        throw new IOException("it is longer than it should be");
      }
      Files.setLastModifiedTime(copy.file, FileTime.from(Instant.now()));
      return positions;
    } catch (IOException | RuntimeException e) {
      LOG.warn("the beginning of the prompt is read again: {}: {}", copy.file, e.toString());
      delete(copy.file);
      return 0;
    }
  }

  /**
   * Writes the beginning of a sequence, unless it is there or not worth it.
   *
   * @param ids that the sequence begins with
   */
  void keep(int[] ids, KvType type, SequenceState state, long bytesPerPosition) {
    boolean recurrent = state.rewindsToCheckpointsOnly();
    long room = (MOST_BYTES - state.checkpointBytes()) / Math.max(1, bytesPerPosition);
    int count = (int) Math.min(ids.length, room);
    if (folder == null || !areWorthIt(count) || (recurrent && count < ids.length)) {
      return;
    }
    int[] kept = Arrays.copyOf(ids, count);
    int[] points = recurrent ? new int[] {count} : new int[0];
    if (copies(type).stream().anyMatch(copy -> copy.knows(kept, points))) {
      return;
    }
    long bytes =
        HEADER_BYTES
            + Integer.BYTES * (kept.length + points.length)
            + count * bytesPerPosition
            + points.length * state.checkpointBytes();
    try {
      Files.createDirectories(folder);
      if (Files.getFileStore(folder).getUsableSpace() - bytes < ROOM) {
        LOG.info("no copy of {} tokens: too little room in {}", count, folder);
        return;
      }
      makeRoom(bytes);
      Path part = Files.createTempFile(folder, checkpoint, ".part"); // its owner's alone
      try {
        write(new Copy(part, kept, points), state, bytes);
        Files.move(part, folder.resolve(name(type, kept)), ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (ClosedByInterruptException e) {
      LOG.debug("closed in a hurry: nothing is kept", e);
    } catch (IOException e) {
      LOG.warn("the beginning of a prompt cannot be kept in {}: {}", folder, e.toString());
    }
  }

  private static void write(Copy copy, SequenceState state, long bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(copy.file, READ, WRITE);
        Arena arena = Arena.ofConfined()) {
      ByteBuffer out = map(channel, FileChannel.MapMode.READ_WRITE, bytes, arena);
      out.putLong(MAGIC).putInt(copy.ids.length).putInt(copy.points.length).putInt(0);
      for (int[] numbers : List.of(copy.ids, copy.points)) {
        for (int number : numbers) {
          out.putInt(number);
        }
      }
      state.store(copy.ids.length, copy.points, out);
      out.putInt(CHECKSUM_AT, checksum(out.flip().position(HEADER_BYTES)));
    }
  }

  private static ByteBuffer map(
      FileChannel channel, FileChannel.MapMode mode, long bytes, Arena arena) throws IOException {
    return channel.map(mode, 0, bytes, arena).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  private static int checksum(ByteBuffer bytes) {
    CRC32C sum = new CRC32C();
    sum.update(bytes.duplicate());
    return (int) sum.getValue();
  }

  private String start(KvType type) {
    return "%s-%s-".formatted(checkpoint, type);
  }

  private String name(KvType type, int[] ids) {
    return start(type) + Integer.toHexString(Arrays.hashCode(ids)) + ENDING;
  }

  private List<Copy> copies(KvType type) {
    List<Copy> copies = new ArrayList<>();
    for (Path file : files()) {
      if (String.valueOf(file.getFileName()).startsWith(start(type))) {
        read(file).ifPresent(copies::add);
      }
    }
    return copies;
  }

  private List<Path> files() {
    if (folder == null || !Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(ENDING)).toList();
    } catch (IOException e) {
      LOG.warn("{} cannot be listed: {}", folder, e.toString());
      return List.of();
    }
  }

  private static Optional<Copy> read(Path file) {
    try (FileChannel channel = FileChannel.open(file, READ)) {
      ByteBuffer header = read(channel, HEADER_BYTES);
      if (header.getLong() != MAGIC) {
        throw new IOException("expected what a model remembers in this version's form");
      }
      long most = channel.size() / Integer.BYTES;
      int[] ids = read(channel, header.getInt(), most, "tokens");
      int[] points = read(channel, header.getInt(), ids.length, "checkpoints");
      return Optional.of(new Copy(file, ids, points));
    } catch (IOException | RuntimeException e) {
      LOG.warn("{} is not used: {}", file, e.toString());
      delete(file);
      return Optional.empty();
    }
  }

  private static int[] read(FileChannel channel, int count, long most, String what)
      throws IOException {
    if (count < 0 || count > most) {
      throw new IOException("it cannot hold %d %s".formatted(count, what));
    }
    int[] numbers = new int[count];
    read(channel, count * Integer.BYTES).asIntBuffer().get(numbers);
    return numbers;
  }

  private static ByteBuffer read(FileChannel channel, int bytes) throws IOException {
    ByteBuffer in = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (in.hasRemaining()) {
      if (channel.read(in) < 0) {
        throw new IOException("it ends too early");
      }
    }
    return in.flip();
  }

  /** Deletes the files used longest ago until there is room for so many bytes more. */
  private void makeRoom(long bytes) throws IOException {
    record Used(Path file, FileTime last, long size) {}
    List<Used> files = new ArrayList<>();
    long together = bytes;
    for (Path file : files()) {
      Used used = new Used(file, Files.getLastModifiedTime(file), Files.size(file));
      files.add(used);
      together += used.size;
    }
    files.sort(Comparator.comparing(Used::last));
    for (Used used : files) {
      if (together <= mostBytes) {
        return;
      }
      delete(used.file);
      together -= used.size;
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.warn("{} is left over and can be deleted: {}", file, e.toString());
    }
  }
}
