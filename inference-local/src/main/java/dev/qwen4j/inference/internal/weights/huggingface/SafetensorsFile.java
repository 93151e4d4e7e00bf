package dev.qwen4j.inference.internal.weights.huggingface;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.weights.MappedFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads a safetensors file, memory-mapped and checked: every tensor lies inside the file, has the
 * size that its type and shape say, and shares no byte with another.
 *
 * <p>Layout (the safetensors format description): the header's length in 8 bytes, little-endian;
 * the header, JSON of {@code name: {dtype, shape, data_offsets: [start, end]}} with offsets from
 * the header's end, and text under {@code __metadata__}; the data.
 */
final class SafetensorsFile {
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /** The reference implementation's bound. */
  private static final long LONGEST_HEADER = 100_000_000;

  private static final int MOST_DIMENSIONS = 8;
  private static final String AGAIN = "; download it again";

  private final Path path;
  private final MemorySegment bytes;
  private final long dataStart;

  private SafetensorsFile(Path path, MemorySegment bytes, long dataStart) {
    this.path = path;
    this.bytes = bytes;
    this.dataStart = dataStart;
  }

  /**
   * The tensors of a file by name, in the header's order.
   *
   * @param arena ends the mapping
   * @throws BadCheckpointException naming the field that is wrong
   */
  static Map<String, StoredTensor> read(Path path, Arena arena) {
    MemorySegment bytes = MappedFile.map(path, arena);
    if (bytes.byteSize() < Long.BYTES) {
      throw new BadCheckpointException(
          "%s: truncated: the header's length needs 8 bytes, the file has %d%s"
              .formatted(path, bytes.byteSize(), AGAIN));
    }
    long length = bytes.get(LONG, 0);
    if (length < 2 || length > LONGEST_HEADER || length > bytes.byteSize() - Long.BYTES) {
      throw new BadCheckpointException(
          "%s: not a whole safetensors file: its header's length is %s, the file has %d bytes%s"
              .formatted(path, Long.toUnsignedString(length), bytes.byteSize(), AGAIN));
    }
    byte[] header = bytes.asSlice(Long.BYTES, length).toArray(ValueLayout.JAVA_BYTE);
    return new SafetensorsFile(path, bytes, Long.BYTES + length).tensors(header);
  }

  private Map<String, StoredTensor> tensors(byte[] header) {
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    try (JsonParser json = JSON.createParser(header)) {
      expect(json, JsonToken.START_OBJECT, "the header");
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        if (name.equals("__metadata__")) {
          expect(json, JsonToken.START_OBJECT, name);
          json.skipChildren();
        } else {
          tensors.put(name, tensor(json, name));
        }
      }
      padding(json);
    } catch (JsonProcessingException e) {
      throw new BadCheckpointException(
          "%s: damaged: the header is no JSON at byte %d: %s%s"
              .formatted(
                  path,
                  Long.BYTES + (e.getLocation() == null ? 0 : e.getLocation().getByteOffset()),
                  e.getOriginalMessage().lines().findFirst().orElse(""),
                  AGAIN),
          e);
    } catch (IOException e) {
      throw new BadCheckpointException(path + ": the header cannot be read: " + e.getMessage(), e);
    }
    refuseOverlaps(tensors.values().stream().toList());
    return tensors;
  }

  /** Writers fill the header up with spaces, and nothing else may follow. */
  private void padding(JsonParser json) throws IOException {
    if (json.currentToken() != JsonToken.END_OBJECT || json.nextToken() != null) {
      throw bad("the header goes on after its end");
    }
  }

  private StoredTensor tensor(JsonParser json, String name) throws IOException {
    String tensor = "tensor " + shown(name);
    expect(json, JsonToken.START_OBJECT, tensor);
    @Nullable ElementType type = null;
    long[] shape = null;
    long[] offsets = null;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      String complaint = field + " of " + tensor;
      switch (field) {
        case "dtype" -> type = type(json, complaint);
        case "shape" -> shape = numbers(json, complaint);
        case "data_offsets" -> offsets = numbers(json, complaint);
        default -> throw bad("%s is not part of the format".formatted(shown(complaint)));
      }
    }
    if (type == null || shape == null || offsets == null) {
      throw bad("%s lacks its dtype, shape or data_offsets".formatted(tensor));
    }
    return located(name, type, shape, offsets);
  }

  private StoredTensor located(String name, ElementType type, long[] shape, long[] offsets) {
    String tensor = "tensor " + shown(name);
    if (shape.length > MOST_DIMENSIONS) {
      throw bad(
          "the shape of %s has %d dimensions, expected at most %d"
              .formatted(tensor, shape.length, MOST_DIMENSIONS));
    }
    long size = type.bytes();
    for (long extent : shape) {
      if (extent < 1 || size > Long.MAX_VALUE / extent) {
        throw bad("the shape of %s has the extent %d".formatted(tensor, extent));
      }
      size *= extent;
    }
    long room = bytes.byteSize() - dataStart;
    if (offsets.length != 2 || offsets[0] < 0 || offsets[1] < offsets[0]) {
      throw bad(
          "data_offsets of %s are %s, expected a start and an end"
              .formatted(tensor, shown(Arrays.toString(offsets))));
    }
    if (offsets[1] > room) {
      throw bad(
          "data_offsets of %s end at %d, the file has %d bytes of data"
              .formatted(tensor, offsets[1], room));
    }
    if (offsets[1] - offsets[0] != size) {
      throw bad(
          "data_offsets of %s span %d bytes, its dtype %s and shape %s need %d"
              .formatted(
                  tensor, offsets[1] - offsets[0], type, shown(Arrays.toString(shape)), size));
    }
    long start = dataStart + offsets[0];
    long length = size;
    return new StoredTensor(
        path,
        name,
        type,
        Arrays.stream(shape).boxed().toList(),
        bytes.asSlice(start, length),
        loan -> MappedFile.map(path, start, length, loan));
  }

  private ElementType type(JsonParser json, String complaint) throws IOException {
    expect(json, JsonToken.VALUE_STRING, complaint);
    return ElementType.named(json.getText())
        .orElseThrow(
            () -> {
              try {
                return bad(
                    "%s is %s, expected one of %s"
                        .formatted(
                            shown(complaint),
                            shown(json.getText()),
                            Arrays.toString(ElementType.values())));
              } catch (IOException e) {
                return bad(shown(complaint) + " cannot be read");
              }
            });
  }

  private long[] numbers(JsonParser json, String complaint) throws IOException {
    expect(json, JsonToken.START_ARRAY, complaint);
    List<Long> numbers = new ArrayList<>();
    while (json.nextToken() == JsonToken.VALUE_NUMBER_INT && numbers.size() <= MOST_DIMENSIONS) {
      if (json.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
        throw bad("%s has the number %s".formatted(shown(complaint), shown(json.getText())));
      }
      numbers.add(json.getLongValue());
    }
    if (json.currentToken() != JsonToken.END_ARRAY) {
      throw bad("%s is no short list of whole numbers".formatted(shown(complaint)));
    }
    return numbers.stream().mapToLong(Long::longValue).toArray();
  }

  private void expect(JsonParser json, JsonToken token, String what) throws IOException {
    JsonToken found = json.nextToken();
    if (found != token) {
      throw bad("%s is %s, expected %s".formatted(shown(what), kind(found), kind(token)));
    }
  }

  private static String kind(@Nullable JsonToken token) {
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "a list";
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_TRUE, VALUE_FALSE -> "true or false";
      case null -> "cut off";
      default -> "nothing";
    };
  }

  private void refuseOverlaps(List<StoredTensor> tensors) {
    List<StoredTensor> byAddress = new ArrayList<>(tensors);
    byAddress.sort(Comparator.comparingLong(tensor -> tensor.data().address()));
    for (int i = 1; i < byAddress.size(); i++) {
      MemorySegment before = byAddress.get(i - 1).data();
      if (before.address() + before.byteSize() > byAddress.get(i).data().address()) {
        throw bad(
            "data_offsets of tensors %s and %s overlap"
                .formatted(shown(byAddress.get(i - 1).name()), shown(byAddress.get(i).name())));
      }
    }
  }

  private BadCheckpointException bad(String problem) {
    return new BadCheckpointException(path + ": damaged: " + problem + AGAIN);
  }

  /** A name out of a file, fit for a one-line message. */
  static String shown(String name) {
    String safe = name.replaceAll("\\p{Cntrl}", "?");
    return safe.length() <= 80 ? safe : safe.substring(0, 77) + "...";
  }
}
