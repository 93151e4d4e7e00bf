package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.Metadata;
import dev.qwen4j.inference.internal.weights.MetadataBuilder;
import dev.qwen4j.inference.internal.weights.QuantizedCopy;
import dev.qwen4j.inference.internal.weights.RowSource;
import dev.qwen4j.inference.internal.weights.StoredRows;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import dev.qwen4j.inference.internal.weights.TensorMemory;
import dev.qwen4j.inference.internal.weights.TensorSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A folder as HuggingFace's repositories have it, read as a checkpoint: {@code config.json}, {@code
 * model.safetensors} or the shards of {@code model.safetensors.index.json}, {@code tokenizer.json}
 * (or the older {@code vocab.json} and {@code merges.txt}), and where they are there {@code
 * generation_config.json}, {@code tokenizer_config.json} and a chat template. Quantised weights are
 * read in the forms in which Qwen publishes them: GPTQ, AWQ, 8-bit floats in blocks, and MLX's.
 *
 * <p>Floating-point matrices stay in the mapped files. What has to be written anew is written when
 * it is first asked for, and takes memory of its own until the folder is closed, or for as long as
 * it is {@linkplain #borrow borrowed}.
 */
public final class HuggingFaceFolder implements Checkpoint {
  private static final String CONFIG = "config.json";

  private final Path path;
  private final Arena arena;
  private final long byteSize;
  private final Metadata metadata;
  private final Map<String, TensorInfo> tensors;

  private HuggingFaceFolder(
      Path path, Arena arena, long byteSize, Metadata metadata, Map<String, TensorInfo> tensors) {
    this.path = path;
    this.arena = arena;
    this.byteSize = byteSize;
    this.metadata = metadata;
    this.tensors = tensors;
  }

  /** What the folder's files become, before it takes memory. */
  public record Contents(Metadata metadata, List<TensorSource> tensors) {}

  /** Whether a path is a folder of this kind. */
  public static boolean is(Path path) {
    return Files.isRegularFile(path.resolve(CONFIG));
  }

  /**
   * Opens a folder with its weights.
   *
   * @param threads that convert what has to be
   * @throws BadCheckpointException naming the file and the field that is wrong
   */
  public static HuggingFaceFolder open(Path path, int threads) {
    return open(path, threads, LinearLayers.MOST_EXACT);
  }

  /** The same for more weights or fewer than usual that are not rounded on their way. */
  static HuggingFaceFolder open(Path path, int threads, long mostExact) {
    Arena arena = Arena.ofShared();
    try {
      Contents contents = contents(path, arena, mostExact);
      Map<String, TensorInfo> tensors = new LinkedHashMap<>();
      for (TensorSource source : contents.tensors()) {
        tensors.put(source.name(), tensor(source, arena, threads));
      }
      return new HuggingFaceFolder(path, arena, size(path), contents.metadata(), tensors);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static TensorInfo tensor(TensorSource source, Arena arena, int threads) {
    Optional<MemorySegment> inPlace = source.rows().inPlace();
    Supplier<MemorySegment> memory =
        inPlace.isPresent() ? inPlace::get : new TensorMemory(source, arena, threads);
    return new TensorInfo(source.name(), source.rows().type(), source.shape(), memory);
  }

  /** Opens a folder without its weights, which need not be there. */
  public static HuggingFaceFolder openText(Path path) {
    return new HuggingFaceFolder(path, Arena.ofShared(), 0, metadata(path), Map.of());
  }

  /**
   * The folder's tensors, for writing them elsewhere.
   *
   * @param arena must stay open until they are written
   */
  public static Contents contents(Path path, Arena arena) {
    return contents(path, arena, LinearLayers.MOST_EXACT);
  }

  private static Contents contents(Path path, Arena arena, long mostExact) {
    FolderConfig config = FolderConfig.of(JsonFields.read(path.resolve(CONFIG)));
    LinearLayers layers =
        new LinearLayers(path, TensorFiles.read(path, arena), config.quantization(), mostExact);
    return new Contents(metadata(path), TensorTranslation.translate(config, layers));
  }

  private static Metadata metadata(Path path) {
    MetadataBuilder out = new MetadataBuilder();
    ConfigTranslation.write(FolderConfig.of(JsonFields.read(path.resolve(CONFIG))), out);
    out.text("general.name", String.valueOf(path.toAbsolutePath().normalize().getFileName()));
    TextTranslation.write(path, out);
    return out.build(path);
  }

  /** What changes whenever a file of the folder does. */
  public static String identity(Path path) {
    try {
      return QuantizedCopy.digest(TensorFiles.identity(path));
    } catch (IOException e) {
      throw new BadCheckpointException(path + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static long size(Path path) {
    long size = 0;
    try {
      for (Path file : TensorFiles.of(path)) {
        size += Files.size(file);
      }
    } catch (IOException e) {
      throw new BadCheckpointException(path + ": cannot be read: " + e.getMessage(), e);
    }
    return size;
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public long byteSize() {
    return byteSize;
  }

  @Override
  public Metadata metadata() {
    return metadata;
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
    return tensor.memory() instanceof TensorMemory written ? written.lend(loan) : tensor.data();
  }

  @Override
  public RowSource rows(TensorInfo tensor) {
    return tensor.memory() instanceof TensorMemory written
        ? written.rows()
        : StoredRows.of(this, tensor);
  }

  @Override
  public void close() {
    arena.close();
  }
}
