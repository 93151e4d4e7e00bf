package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.BadCheckpointException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GGUF checkpoint in several files, {@code NAME-00001-of-0000N.gguf} as llama.cpp's gguf-split
 * writes them: the first has the metadata, each has some of the tensors.
 */
public final class SplitGguf implements Checkpoint {
  private static final Pattern PART_NAME =
      Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf", Pattern.CASE_INSENSITIVE);

  private static final int MOST_PARTS = 10_000;
  private static final String COUNT = "split.count";
  private static final String NUMBER = "split.no";
  private static final String TENSORS = "split.tensors.count";

  private final Path path;
  private final List<GgufFile> parts;
  private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

  private SplitGguf(Path path, List<GgufFile> parts) {
    this.path = path;
    this.parts = parts;
    for (int i = 0; i < parts.size(); i++) {
      addPart(parts.get(i), i);
    }
    int expected = metadata().optionalInteger(TENSORS).orElse(tensors.size());
    if (expected != tensors.size()) {
      throw bad(
          parts.getFirst(),
          "%s is %d, the parts have %d tensors".formatted(TENSORS, expected, tensors.size()));
    }
  }

  /**
   * Opens a GGUF file, and the other parts of the same checkpoint where it is one of several.
   *
   * @throws BadCheckpointException naming the field that is wrong, or the part that is missing
   */
  public static Checkpoint open(Path path) {
    GgufFile file = GgufFile.open(path);
    int count;
    try {
      count = file.metadata().optionalInteger(COUNT).orElse(1);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
    if (count <= 1) {
      return file;
    }
    file.close();
    return openAll(path, count);
  }

  /** Whether {@code name} is that of a part, but not of the first. */
  public static boolean isLaterPart(String name) {
    Matcher matcher = PART_NAME.matcher(name);
    return matcher.matches() && !matcher.group(2).equals("00001");
  }

  private static SplitGguf openAll(Path path, int count) {
    Matcher matcher = PART_NAME.matcher(String.valueOf(path.getFileName()));
    boolean fits = matcher.matches() && Integer.parseInt(matcher.group(3)) == count;
    if (!fits || count > MOST_PARTS) {
      throw new BadCheckpointException(
          "%s: metadata split.count says that it is one of %d parts, expected a name that ends in"
                  .formatted(path, count)
              + " -00001-of-%05d.gguf; give the parts their names back".formatted(count));
    }
    List<GgufFile> parts = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        String name =
            String.format(Locale.ROOT, "%s-%05d-of-%05d.gguf", matcher.group(1), i + 1, count);
        Path part = path.resolveSibling(name);
        if (!Files.exists(part)) {
          throw new BadCheckpointException(
              "%s: part %d of %d is missing; download it to the same folder"
                  .formatted(part, i + 1, count));
        }
        parts.add(GgufFile.open(part));
      }
      return new SplitGguf(path, parts);
    } catch (RuntimeException | Error e) {
      parts.forEach(GgufFile::close);
      throw e;
    }
  }

  private void addPart(GgufFile part, int index) {
    int number = part.metadata().optionalInteger(NUMBER).orElse(-1);
    int count = part.metadata().optionalInteger(COUNT).orElse(1);
    if (number != index || count != parts.size()) {
      throw bad(
          part,
          "%s is %d and %s %d, expected %d and %d"
              .formatted(NUMBER, number, COUNT, count, index, parts.size()));
    }
    for (TensorInfo tensor : part.tensors()) {
      if (tensors.put(tensor.name(), tensor) != null) {
        throw bad(part, "tensor %s is in an earlier part too".formatted(tensor.name()));
      }
    }
  }

  private static BadCheckpointException bad(GgufFile part, String problem) {
    return new BadCheckpointException(
        part.path() + ": metadata " + problem + "; download all parts of one checkpoint again");
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public long byteSize() {
    return parts.stream().mapToLong(GgufFile::byteSize).sum();
  }

  @Override
  public Metadata metadata() {
    return parts.getFirst().metadata();
  }

  @Override
  public Optional<TensorInfo> tensor(String name) {
    return Optional.ofNullable(tensors.get(name));
  }

  @Override
  public Collection<TensorInfo> tensors() {
    return Collections.unmodifiableCollection(tensors.values());
  }

  @Override
  public MemorySegment borrow(TensorInfo tensor, Arena loan) {
    for (GgufFile part : parts) {
      if (part.tensor(tensor.name()).filter(tensor::equals).isPresent()) {
        return part.borrow(tensor, loan);
      }
    }
    return tensor.data();
  }

  @Override
  public void close() {
    parts.forEach(GgufFile::close);
  }
}
