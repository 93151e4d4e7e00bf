package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.PackedCopy;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.Metadata;
import dev.qwen4j.inference.internal.weights.QuantizedCopy;
import dev.qwen4j.inference.internal.weights.SplitGguf;
import dev.qwen4j.inference.internal.weights.StoredRows;
import dev.qwen4j.inference.internal.weights.TensorSource;
import dev.qwen4j.inference.internal.weights.huggingface.HuggingFaceFolder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Opens what a user may name as a model: a GGUF file, a HuggingFace folder, a folder with GGUF. */
public final class Checkpoints {
  /** Bytes; smaller checkpoints read a prompt in no time. */
  private static final long WORTH_KEEPING = 64L << 20;

  /** Tokens; the computation of fewer is not worth a file. */
  private static final int PROMPT_WORTH_KEEPING = 128;

  private static final long MOST_PROMPT_BYTES = 1L << 30;

  private Checkpoints() {}

  /**
   * How to open one.
   *
   * @param threads that convert what has to be
   * @param quantization the type that larger matrices are to have, null for as they are
   * @param copies where quantised copies are kept
   * @param packed where packed copies are kept, and beside it the beginnings of prompts; null for
   *     nowhere
   * @param progress hears how far the writing of a copy is
   */
  public record Opening(
      int threads,
      @Nullable TensorType quantization,
      Path copies,
      @Nullable Path packed,
      QuantizedCopy.Listener progress) {

    /** The type that a checkpoint opened like this was to have, but had already or went below. */
    public Optional<TensorType> needless(Checkpoint opened) {
      return opened.path().toAbsolutePath().startsWith(copies.toAbsolutePath())
          ? Optional.empty()
          : Optional.ofNullable(quantization);
    }
  }

  /**
   * Opens a checkpoint with its weights, as it is.
   *
   * @throws BadCheckpointException naming what is wrong with which file
   */
  public static Checkpoint open(Path path, int threads) {
    if (HuggingFaceFolder.is(path)) {
      return HuggingFaceFolder.open(path, threads);
    }
    return SplitGguf.open(gguf(path));
  }

  /**
   * Opens a checkpoint with its weights, or a copy of it that has smaller ones; as it is, where a
   * copy would not be smaller.
   */
  public static Checkpoint open(Path path, Opening opening) {
    TensorType type = opening.quantization();
    if (type == null) {
      return open(path, opening.threads());
    }
    boolean folder = HuggingFaceFolder.is(path);
    Path source = folder ? path : gguf(path);
    String identity = folder ? HuggingFaceFolder.identity(path) : identity(source);
    String place = QuantizedCopy.digest(List.of(absolute(source).toString()));
    String name = String.valueOf(absolute(source).getFileName());
    Path copy = QuantizedCopy.file(opening.copies(), name, place, identity, type);
    boolean there =
        Files.isRegularFile(copy)
            || (folder
                ? copyFolder(path, copy, type, opening)
                : copyGguf(source, copy, type, opening));
    return there ? SplitGguf.open(copy) : open(path, opening.threads());
  }

  /** Where the packed weights of a GGUF file are kept; nowhere for others, which are converted. */
  static PackedCopy packedCopy(Checkpoint file, Opening opening) {
    Path folder = opening.packed();
    Path source = absolute(file.path());
    if (folder == null || !Files.isRegularFile(source)) {
      return new PackedCopy();
    }
    String place = QuantizedCopy.digest(List.of(source.toString()));
    return new PackedCopy(
        folder.resolve("%s-%s-%s".formatted(source.getFileName(), place, identity(source))));
  }

  /**
   * Where the beginnings of prompts are kept that a large GGUF file has read; nowhere for others.
   */
  public static PromptCopies promptCopies(Checkpoint file, Opening opening) {
    Path packed = opening.packed();
    Path source = absolute(file.path());
    if (packed == null || file.byteSize() < WORTH_KEEPING || !Files.isRegularFile(source)) {
      return PromptCopies.none();
    }
    String place = QuantizedCopy.digest(List.of(source.toString()));
    return new PromptCopies(
        packed.resolveSibling("prompts"),
        "%s-%s-%s".formatted(source.getFileName(), place, identity(source)),
        PROMPT_WORTH_KEEPING,
        MOST_PROMPT_BYTES);
  }

  /** What a checkpoint calls itself, otherwise its file's name. */
  public static String name(Checkpoint file) {
    return file.metadata()
        .optionalString("general.name")
        .filter(given -> !given.isBlank())
        .orElse(String.valueOf(file.path().getFileName()));
  }

  /** Opens a checkpoint for its metadata, which needs no weights. */
  public static Checkpoint openText(Path path) {
    return HuggingFaceFolder.is(path)
        ? HuggingFaceFolder.openText(path)
        : SplitGguf.open(gguf(path));
  }

  /** Writes the copy of a folder, unless it would not be smaller. */
  private static boolean copyFolder(Path path, Path copy, TensorType type, Opening opening) {
    try (Arena arena = Arena.ofShared()) {
      HuggingFaceFolder.Contents contents = HuggingFaceFolder.contents(path, arena);
      return write(copy, contents.metadata(), contents.tensors(), type, opening);
    }
  }

  /** Writes the copy of a file, unless it would not be smaller. */
  private static boolean copyGguf(Path path, Path copy, TensorType type, Opening opening) {
    try (Checkpoint source = SplitGguf.open(path)) {
      List<TensorSource> tensors =
          source.tensors().stream()
              .map(
                  tensor ->
                      new TensorSource(
                          tensor.name(), tensor.shape(), StoredRows.of(source, tensor)))
              .toList();
      return write(copy, source.metadata(), tensors, type, opening);
    }
  }

  private static boolean write(
      Path copy, Metadata metadata, List<TensorSource> tensors, TensorType type, Opening opening) {
    if (!QuantizedCopy.shrinks(tensors, type)) {
      return false;
    }
    QuantizedCopy.write(copy, metadata, tensors, type, opening.threads(), opening.progress());
    return true;
  }

  private static String identity(Path file) {
    try {
      return QuantizedCopy.digest(
          List.of("%d %s".formatted(Files.size(file), Files.getLastModifiedTime(file))));
    } catch (IOException e) {
      throw new BadCheckpointException(file + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static Path absolute(Path path) {
    return path.toAbsolutePath().normalize();
  }

  /** The file itself, or the one GGUF checkpoint in a folder. */
  private static Path gguf(Path path) {
    if (!Files.isDirectory(path)) {
      return path;
    }
    List<Path> files;
    try (Stream<Path> all = Files.list(path)) {
      files =
          all.filter(file -> file.toString().endsWith(".gguf"))
              .filter(file -> !SplitGguf.isLaterPart(String.valueOf(file.getFileName())))
              .sorted()
              .toList();
    } catch (IOException e) {
      throw new BadCheckpointException(path + ": cannot be read: " + e.getMessage(), e);
    }
    return switch (files.size()) {
      case 0 ->
          throw new BadCheckpointException(
              path
                  + ": a directory without config.json and without a GGUF file; give a GGUF file or"
                  + " the folder of a HuggingFace repository");
      case 1 -> files.getFirst();
      default ->
          throw new BadCheckpointException(
              "%s: several GGUF files, give one of %s"
                  .formatted(
                      path,
                      files.stream()
                          .map(file -> String.valueOf(file.getFileName()))
                          .collect(Collectors.joining(", "))));
    };
  }
}
