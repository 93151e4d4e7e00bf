package dev.qwen4j.inference.internal.weights;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A GGUF file, version 2 or 3, little-endian, memory-mapped and checked: once open, every tensor
 * lies inside the file, has the size that its type and shape say, and shares no byte with another.
 * Nothing but names and positions is copied to the heap. A file without tensors (a vocabulary) is
 * fine.
 *
 * <p>Layout (ggml's docs/gguf.md): magic, version, counts; the metadata; per tensor its name, shape
 * (row width first), type and offset; padding to {@code general.alignment}; the data.
 *
 * <p>Closing ends the mapping: its slices must not be in use by then.
 */
public final class GgufFile implements Checkpoint {
  private static final int MOST_DIMENSIONS = 4;
  private static final int DEFAULT_ALIGNMENT = 32;
  private static final int LARGEST_ALIGNMENT = 1 << 24;
  private static final int LEAST_METADATA_BYTES = 8 + 4 + 1;
  private static final int LEAST_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

  /** Types that GGUF files have and this engine does not, by id, for messages. */
  private static final Map<Integer, String> FOREIGN_TYPES =
      Map.ofEntries(
          Map.entry(9, "Q8_1"),
          Map.entry(15, "Q8_K"),
          Map.entry(24, "I8"),
          Map.entry(25, "I16"),
          Map.entry(26, "I32"),
          Map.entry(27, "I64"),
          Map.entry(28, "F64"),
          Map.entry(40, "NVFP4"));

  /** A tensor's header before its data has been found. */
  private record Header(String name, TensorType type, List<Long> shape, long offset, long bytes) {}

  private final Path path;
  private final int version;
  private final Arena arena;
  private final MemorySegment bytes;
  private final long byteSize;
  private final Metadata metadata;
  private final Map<String, TensorInfo> tensors;

  private GgufFile(Path path, Arena arena, MemorySegment bytes) {
    this.path = path;
    this.arena = arena;
    this.bytes = bytes;
    this.byteSize = bytes.byteSize();
    GgufReader in = new GgufReader(path, bytes);
    this.version = in.readStart();
    long tensorCount = in.readCount("tensors", LEAST_TENSOR_BYTES);
    long fieldCount = in.readCount("metadata entries", LEAST_METADATA_BYTES);
    this.metadata = Metadata.read(path, bytes, in, fieldCount);
    long alignment = alignment(in, metadata);
    List<Header> headers = readHeaders(in, tensorCount, alignment);
    long dataStart = Math.ceilDiv(in.position(), alignment) * alignment;
    this.tensors = locate(in, headers, bytes, dataStart);
  }

  /**
   * Opens and checks a file.
   *
   * @throws BadCheckpointException naming the field that is wrong
   */
  public static GgufFile open(Path path) {
    Arena arena = Arena.ofShared();
    try {
      return new GgufFile(path, arena, map(path, arena));
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  @Override
  public Path path() {
    return path;
  }

  public int version() {
    return version;
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
    return tensors.values();
  }

  @Override
  public MemorySegment borrow(TensorInfo tensor, Arena loan) {
    long offset = tensor.data().address() - bytes.address();
    return MappedFile.map(path, offset, tensor.data().byteSize(), loan);
  }

  @Override
  public void close() {
    arena.close();
  }

  private static MemorySegment map(Path path, Arena arena) {
    if (Files.isDirectory(path)) {
      throw new BadCheckpointException(path + ": a directory, expected a GGUF file in it");
    }
    return MappedFile.map(path, arena);
  }

  private static long alignment(GgufReader in, Metadata metadata) {
    int alignment = metadata.optionalInteger("general.alignment").orElse(DEFAULT_ALIGNMENT);
    if (alignment < 1 || alignment > LARGEST_ALIGNMENT || Integer.bitCount(alignment) != 1) {
      throw in.bad(
          "damaged: general.alignment is %d, expected a power of two; download it again"
              .formatted(alignment));
    }
    return alignment;
  }

  private static List<Header> readHeaders(GgufReader in, long count, long alignment) {
    List<Header> headers = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      headers.add(readHeader(in, i, alignment));
    }
    return headers;
  }

  private static Header readHeader(GgufReader in, long index, long alignment) {
    String name = in.readName("the name of tensor " + (index + 1));
    String tensor = "tensor " + GgufReader.shown(name);
    long dimensions = Integer.toUnsignedLong(in.readInt(tensor + " (its number of dimensions)"));
    if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
      throw in.bad(
          "damaged: %s has %d dimensions, expected 1 to %d; download it again"
              .formatted(tensor, dimensions, MOST_DIMENSIONS));
    }
    List<Long> shape = new ArrayList<>();
    long elements = 1;
    for (int d = 0; d < dimensions; d++) {
      long extent = in.readLong(tensor + " (its shape)");
      if (extent < 1 || elements > Long.MAX_VALUE / 8 / extent) {
        throw in.bad(
            "damaged: dimension %d of %s is %s, which no file can hold; download it again"
                .formatted(d, tensor, Long.toUnsignedString(extent)));
      }
      elements *= extent;
      shape.add(extent);
    }
    TensorType type = tensorType(in, tensor, in.readInt(tensor + " (its type)"));
    if (shape.getFirst() % type.blockElements() != 0) {
      throw in.bad(
          "damaged: rows of %s have %d elements, expected a multiple of %s's block of %d"
                  .formatted(tensor, shape.getFirst(), type, type.blockElements())
              + "; convert the model again");
    }
    long offset = in.readLong(tensor + " (its offset)");
    if (offset < 0 || offset % alignment != 0) {
      throw in.bad(
          "damaged: %s starts at offset %s, expected a multiple of %d; download it again"
              .formatted(tensor, Long.toUnsignedString(offset), alignment));
    }
    return new Header(name, type, List.copyOf(shape), offset, type.bytes(elements));
  }

  private static TensorType tensorType(GgufReader in, String tensor, int id) {
    @Nullable TensorType type = TensorType.byId(id).orElse(null);
    if (type == null) {
      String known = FOREIGN_TYPES.get(id);
      throw in.bad(
          "%s has the type %s, which this engine does not run; take a file with one of %s"
              .formatted(
                  tensor,
                  known == null ? "id " + Integer.toUnsignedString(id) : known,
                  Stream.of(TensorType.values())
                      .filter(TensorType::inGguf)
                      .map(TensorType::name)
                      .collect(Collectors.joining(", "))));
    }
    return type;
  }

  private static Map<String, TensorInfo> locate(
      GgufReader in, List<Header> headers, MemorySegment bytes, long dataStart) {
    Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    for (Header header : headers) {
      String tensor = "tensor " + GgufReader.shown(header.name());
      if (header.offset() > bytes.byteSize() - dataStart
          || header.bytes() > bytes.byteSize() - dataStart - header.offset()) {
        throw in.truncated(tensor, dataStart + header.offset(), header.bytes());
      }
      MemorySegment data = bytes.asSlice(dataStart + header.offset(), header.bytes());
      TensorInfo info = new TensorInfo(header.name(), header.type(), header.shape(), data);
      if (tensors.put(header.name(), info) != null) {
        throw in.bad("damaged: %s appears twice; download it again".formatted(tensor));
      }
    }
    refuseOverlaps(in, headers);
    return Collections.unmodifiableMap(tensors);
  }

  private static void refuseOverlaps(GgufReader in, List<Header> headers) {
    List<Header> byOffset = new ArrayList<>(headers);
    byOffset.sort(Comparator.comparingLong(Header::offset));
    for (int i = 1; i < byOffset.size(); i++) {
      Header before = byOffset.get(i - 1);
      Header after = byOffset.get(i);
      if (before.offset() + before.bytes() > after.offset()) {
        throw in.bad(
            "damaged: the data of tensors %s and %s overlap; download it again"
                .formatted(GgufReader.shown(before.name()), GgufReader.shown(after.name())));
      }
    }
  }
}
