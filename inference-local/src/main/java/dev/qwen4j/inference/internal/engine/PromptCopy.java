package dev.qwen4j.inference.internal.engine;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import dev.qwen4j.inference.internal.arch.SequenceState;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * The tokens that a file stands for, and how they and what a model remembers of them lie in it:
 * {@code magic, checksum, tokens, points, promptLength, ids[tokens], points[points], keys and
 * values, checkpoints}; little-endian, the checksum (CRC32C) is that of all behind it.
 *
 * <p>Where no layer is recurrent there are no points, and any prompt that begins alike takes as
 * much as it has in common. What recurrent layers remember fits one position only: the points are
 * those that a checkpoint leads to, rising.
 *
 * @param promptLength how many of the ids were a prompt; what follows is the reply to it
 */
// Read from a file, compared by nobody.
@SuppressWarnings("ArrayRecordComponent")
record PromptCopy(int[] ids, int[] points, int promptLength) {
  /** In the file's first bytes; another number whenever what follows changes. */
  private static final long MAGIC = ByteBuffer.wrap("q4jkeys4".getBytes(US_ASCII)).getLong();

  private static final int CHECKSUM_AT = 8;
  private static final int CHECKED_FROM = 12;
  private static final int HEADER_BYTES = 24;

  /** How many ids of {@code other} it begins with. */
  private int alike(int[] other, int most) {
    int mismatch = Arrays.mismatch(ids, 0, most, other, 0, most);
    return mismatch < 0 ? most : mismatch;
  }

  /** How many tokens of {@code prompt} it spares: all but the last at most. */
  int reach(int[] prompt) {
    int alike = alike(prompt, Math.min(ids.length, prompt.length - 1));
    return points.length == 0
        ? alike
        : Arrays.stream(points).filter(point -> point <= alike).max().orElse(0);
  }

  /** Whether it begins as another does, and leads to all points of that. */
  boolean knows(PromptCopy other) {
    return ids.length >= other.ids.length
        && alike(other.ids, other.ids.length) == other.ids.length
        && Arrays.stream(other.points).allMatch(p -> Arrays.binarySearch(points, p) >= 0);
  }

  /** Whether another goes on where its prompt ended: only the reply may be a different one. */
  boolean isContinuedBy(PromptCopy other) {
    int most = Math.min(ids.length, other.ids.length);
    return alike(other.ids, most)
        >= Math.min(ids.length, promptLength - RetainedSequence.REPLY_HEADER);
  }

  /** Its first {@code count} tokens, where no layer is recurrent. */
  PromptCopy first(int count) {
    return count >= ids.length
        ? this
        : new PromptCopy(Arrays.copyOf(ids, count), points, Math.min(promptLength, count));
  }

  /** Bytes of its file. */
  long bytes(SequenceState state, long bytesPerPosition) {
    return HEADER_BYTES
        + (long) Integer.BYTES * (ids.length + points.length)
        + ids.length * bytesPerPosition
        + points.length * state.checkpointBytes();
  }

  /** Writes it, and what {@code state} remembers of it, to a file that is there. */
  void write(Path file, SequenceState state, long bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, READ, WRITE);
        Arena arena = Arena.ofConfined()) {
      ByteBuffer out = map(channel, FileChannel.MapMode.READ_WRITE, bytes, arena);
      out.putLong(MAGIC).putInt(0).putInt(ids.length).putInt(points.length).putInt(promptLength);
      for (int[] numbers : List.of(ids, points)) {
        for (int number : numbers) {
          out.putInt(number);
        }
      }
      state.store(ids.length, points, out);
      out.putInt(CHECKSUM_AT, checksum(out.flip().position(CHECKED_FROM)));
    }
  }

  /** Reads which tokens a file stands for. */
  static PromptCopy read(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, READ)) {
      ByteBuffer header = read(channel, HEADER_BYTES);
      if (header.getLong() != MAGIC) {
        throw new IOException("expected what a model remembers in this version's form");
      }
      int tokens = header.position(CHECKED_FROM).getInt();
      int points = header.getInt();
      int promptLength = header.getInt();
      long most = channel.size() / Integer.BYTES;
      return new PromptCopy(
          numbers(channel, tokens, most, "tokens"),
          numbers(channel, points, tokens, "checkpoints"),
          promptLength);
    }
  }

  private static int[] numbers(FileChannel channel, int count, long most, String what)
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

  /**
   * Brings a state that has read nothing to the first {@code positions}, which it {@link #reach}es.
   *
   * @throws IOException if the file is damaged
   */
  void load(Path file, int positions, SequenceState state) throws IOException {
    try (FileChannel channel = FileChannel.open(file, READ);
        Arena arena = Arena.ofConfined()) {
      ByteBuffer in = map(channel, FileChannel.MapMode.READ_ONLY, channel.size(), arena);
      int checksum = in.getInt(CHECKSUM_AT);
      if (checksum != checksum(in.position(CHECKED_FROM))) {
        throw new IOException("its checksum is another");
      }
      in.position(HEADER_BYTES + Integer.BYTES * (ids.length + points.length));
      state.load(ids.length, points, positions, in);
      if (in.hasRemaining()) {
        throw new IOException("it is longer than it should be");
      }
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
}
