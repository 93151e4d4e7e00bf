package dev.qwen4j.inference.internal.engine;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;

import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a model remembers of what prompts begin with, in files ({@link PromptCopy}): instructions
 * and the declarations of tools are long, the same in every run of an agent, and read by the first
 * process for all that follow. The user's own words are not in them; they are in the copies of
 * whole conversations, which are kept only where that is asked for.
 *
 * <p>A file is named after the checkpoint and how keys and values are kept. All files of a kind
 * together keep to a bound; those used last stay. They only save time: one that cannot be read or
 * written is gone without.
 */
public final class PromptCopies {
  private static final Logger LOG = LoggerFactory.getLogger(PromptCopies.class);

  /** What a disk must have left when a file is written. */
  private static final long ROOM = 2L << 30;

  /** What a file is kept for. */
  enum Kind {
    /** A first message. */
    BEGINNING(".kv", 256L << 20, 1),
    /** All that one sequence has read. */
    CONVERSATION(".talk", 1L << 30, 2);

    private final String ending;
    private final long mostOfOne; // bytes; a file is mapped at once
    private final int share; // of the bound

    Kind(String ending, long mostOfOne, int share) {
      this.ending = ending;
      this.mostOfOne = mostOfOne;
      this.share = share;
    }
  }

  /** A file. */
  record Kept(Path file, Kind kind, PromptCopy copy) {}

  private final @Nullable Path folder;
  private final String checkpoint;
  private final int worthKeeping;
  private final long mostBytes;

  /**
   * In a folder that may not be there yet.
   *
   * @param checkpoint a name that tells it from all others, and from what it was before
   * @param worthKeeping tokens; fewer are read in no time
   * @param mostBytes of all beginnings in the folder; conversations may take twice as much
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

  /** Whether so many tokens are worth a file, or the reading of one. */
  boolean areWorthIt(int tokens) {
    return tokens >= worthKeeping;
  }

  /** The file that spares most of {@code prompt}, if that is worth it beyond what is known. */
  Optional<Kept> find(int[] prompt, int known, KvType type) {
    if (!areWorthIt(prompt.length - 1 - known)) {
      return Optional.empty();
    }
    return Arrays.stream(Kind.values())
        .flatMap(kind -> copies(kind, type).stream())
        .max(
            Comparator.<Kept>comparingInt(kept -> kept.copy.reach(prompt))
                .thenComparingInt(kept -> -kept.copy.ids().length))
        .filter(kept -> areWorthIt(kept.copy.reach(prompt) - known));
  }

  /**
   * Brings a sequence that has read nothing as far as a file knows {@code prompt}.
   *
   * @return how far that is; 0 if the file is damaged
   */
  static int load(Kept kept, int[] prompt, SequenceState state) {
    try {
      int positions = kept.copy.reach(prompt);
      kept.copy.load(kept.file, positions, state);
      Files.setLastModifiedTime(kept.file, FileTime.from(Instant.now()));
      return positions;
    } catch (IOException | RuntimeException e) {
      LOG.warn("the beginning of the prompt is read again: {}: {}", kept.file, e.toString());
      delete(kept.file);
      return 0;
    }
  }

  /**
   * Writes what a sequence begins with, unless it is there or not worth it.
   *
   * @param whole which is shortened if it has more bytes than one file may, and no points
   */
  void keep(Kind kind, PromptCopy whole, KvType type, SequenceState state, long bytesPerPosition) {
    long fixed = whole.points().length * state.checkpointBytes();
    long room = (Math.min(kind.mostOfOne, mostBytes) - fixed) / Math.max(1, bytesPerPosition);
    PromptCopy copy = whole.first(Math.clamp(room, 0, Integer.MAX_VALUE));
    boolean cut = copy.ids().length < whole.ids().length && whole.points().length > 0;
    if (folder == null || cut || isNeedless(kind, copy, type)) {
      return;
    }
    int count = copy.ids().length;
    long bytes = copy.bytes(state, bytesPerPosition);
    try {
      Files.createDirectories(folder);
      if (Files.getFileStore(folder).getUsableSpace() - bytes < ROOM) {
        LOG.info("no copy of {} tokens: too little room in {}", count, folder);
        return;
      }
      Path file =
          folder.resolve(
              start(type) + Integer.toHexString(Arrays.hashCode(copy.ids())) + kind.ending);
      if (kind == Kind.CONVERSATION) {
        deleteContinued(copy, type);
      }
      makeRoom(kind, bytes);
      Path part = Files.createTempFile(folder, checkpoint, ".part"); // its owner's alone
      try {
        copy.write(part, state, bytes);
        Files.move(part, file, ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (ClosedByInterruptException e) {
      LOG.debug("closed in a hurry: nothing is kept", e);
    } catch (IOException e) {
      LOG.warn("the beginning of a prompt cannot be kept in {}: {}", folder, e.toString());
    }
  }

  private boolean isNeedless(Kind kind, PromptCopy copy, KvType type) {
    return switch (kind) {
      case BEGINNING ->
          !areWorthIt(copy.ids().length)
              || copies(kind, type).stream().anyMatch(kept -> kept.copy.knows(copy));
      case CONVERSATION -> {
        int known =
            Arrays.stream(Kind.values())
                .flatMap(each -> copies(each, type).stream())
                .mapToInt(kept -> kept.copy.reach(copy.ids()))
                .max()
                .orElse(0);
        yield !areWorthIt(copy.ids().length - known);
      }
    };
  }

  /** What a conversation was before its last turns is not needed any more. */
  private void deleteContinued(PromptCopy copy, KvType type) {
    for (Kept kept : copies(Kind.CONVERSATION, type)) {
      if (kept.copy.isContinuedBy(copy)) {
        delete(kept.file);
      }
    }
  }

  private String start(KvType type) {
    return "%s-%s-".formatted(checkpoint, type);
  }

  private List<Kept> copies(Kind kind, KvType type) {
    List<Kept> copies = new ArrayList<>();
    for (Path file : files(kind)) {
      if (String.valueOf(file.getFileName()).startsWith(start(type))) {
        try {
          copies.add(new Kept(file, kind, PromptCopy.read(file)));
        } catch (IOException | RuntimeException e) {
          LOG.warn("{} is not used: {}", file, e.toString());
          delete(file);
        }
      }
    }
    return copies;
  }

  private List<Path> files(Kind kind) {
    if (folder == null || !Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(kind.ending)).toList();
    } catch (IOException e) {
      LOG.warn("{} cannot be listed: {}", folder, e.toString());
      return List.of();
    }
  }

  /** Deletes the files used longest ago until there is room for so many bytes more. */
  private void makeRoom(Kind kind, long bytes) throws IOException {
    record Used(Path file, FileTime last, long size) {}
    List<Used> files = new ArrayList<>();
    long together = bytes;
    for (Path file : files(kind)) {
      Used used = new Used(file, Files.getLastModifiedTime(file), Files.size(file));
      files.add(used);
      together += used.size;
    }
    files.sort(Comparator.comparing(Used::last));
    for (Used used : files) {
      if (together <= kind.share * mostBytes) {
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
