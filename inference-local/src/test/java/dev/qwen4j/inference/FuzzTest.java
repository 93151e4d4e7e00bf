package dev.qwen4j.inference;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.inference.internal.weights.GgufFile;
import dev.qwen4j.inference.internal.weights.huggingface.HuggingFaceFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files whose headers lie: each is opened, or refused by one line that names file and field,
 * without taking more than a little time and memory.
 */
@Timeout(value = 900, unit = TimeUnit.SECONDS)
class FuzzTest {
  private static final int MUTATIONS = 10_000;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final SplittableRandom random = LyingFiles.random();
  private final LyingJson json = new LyingJson(random);
  private final LyingFiles files = new LyingFiles();
  private @TempDir Path folder;

  /** A field of a binary header. */
  private record Field(int offset, int length) {}

  @Test
  void ggufHeadersThatLieAreRefusedByName() throws IOException {
    Path file = folder.resolve("model.gguf");
    byte[] original = Files.readAllBytes(Golden.model("qwen3"));
    Files.write(file, original);
    List<Field> fields = new GgufFields(original).all();
    assertThat(fields).hasSizeGreaterThan(300);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      for (int i = 0; i < MUTATIONS; i++) {
        Field field = fields.get(i < fields.size() ? i : random.nextInt(fields.size()));
        byte[] before = Arrays.copyOfRange(original, field.offset, field.offset + field.length);
        byte[] after = mutated(before);
        channel.write(ByteBuffer.wrap(after), field.offset);
        files.open(
            file,
            "magic|version|metadata|tensor|tokenizer|number of|architecture",
            () -> GgufFile.open(file),
            "bytes %d: %s".formatted(field.offset, Arrays.toString(after)));
        channel.write(ByteBuffer.wrap(before), field.offset);
      }
    }
    files.assertAllSound(MUTATIONS / 4);
  }

  private byte[] mutated(byte[] before) {
    byte[] after = before.clone();
    ByteBuffer view = ByteBuffer.wrap(after).order(ByteOrder.LITTLE_ENDIAN);
    switch (random.nextInt(6)) {
      case 0 -> after[random.nextInt(after.length)] ^= (byte) (1 << random.nextInt(8));
      case 1 -> random.nextBytes(after);
      case 2 -> Arrays.fill(after, (byte) 0);
      case 3 -> Arrays.fill(after, (byte) -1);
      case 4 -> {
        Arrays.fill(after, (byte) -1);
        after[after.length - 1] = 0x7F;
      }
      default -> {
        int change = random.nextInt(-3, 4);
        if (after.length == 8) {
          view.putLong(0, view.getLong(0) + change);
        } else if (after.length == 4) {
          view.putInt(0, view.getInt(0) + change);
        } else {
          after[0] = (byte) (after[0] + change);
        }
      }
    }
    return after;
  }

  @Test
  void safetensorsHeadersThatLieAreRefusedByName() throws IOException {
    Path file = RewrittenFolder.of("qwen3").writeTo(folder).resolve("model.safetensors");
    byte[] original = Files.readAllBytes(file);
    int length = (int) ByteBuffer.wrap(original).order(ByteOrder.LITTLE_ENDIAN).getLong();
    int room = length + 256;
    byte[] padded = Arrays.copyOf(original, original.length + 256);
    System.arraycopy(original, 8 + length, padded, 8 + room, original.length - 8 - length);
    byte[] header = header(Arrays.copyOfRange(original, 8, 8 + length), room);
    ObjectNode tensors = (ObjectNode) JSON.readTree(header);
    Files.write(file, padded);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      for (int i = 0; i < MUTATIONS; i++) {
        byte[] lying =
            i % 2 == 0 ? header(JSON.writeValueAsBytes(mutated(tensors)), room) : header.clone();
        byte[] start = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(room).array();
        if (i % 2 == 1) {
          if (i % 20 == 1) {
            start = mutated(start);
          } else {
            lying[random.nextInt(length)] = (byte) random.nextInt(256);
          }
        }
        channel.write(ByteBuffer.wrap(start), 0);
        channel.write(ByteBuffer.wrap(lying), 8);
        files.open(
            folder,
            "header|tensor|dtype|shape|data_offsets|module",
            () -> HuggingFaceFolder.open(folder, 1),
            new String(lying, UTF_8));
      }
    }
    files.assertAllSound(MUTATIONS / 2);
  }

  private static byte[] header(byte[] json, int room) {
    byte[] header = Arrays.copyOf(json, room);
    Arrays.fill(header, Math.min(json.length, room), room, (byte) ' ');
    return header;
  }

  /** The same header with one field of one tensor changed. */
  private ObjectNode mutated(ObjectNode header) {
    ObjectNode copy = header.deepCopy();
    List<String> names = new ArrayList<>();
    copy.fieldNames().forEachRemaining(names::add);
    String name = names.get(random.nextInt(names.size()));
    ObjectNode tensor = (ObjectNode) copy.get(name);
    switch (random.nextInt(5)) {
      case 0 -> tensor.set("dtype", json.anything());
      case 1 -> set((ArrayNode) tensor.get("shape"));
      case 2 -> set((ArrayNode) tensor.get("data_offsets"));
      case 3 -> tensor.set(random.nextBoolean() ? "shape" : "data_offsets", json.anything());
      default -> {
        copy.remove(name);
        copy.set(name.substring(random.nextInt(name.length())), tensor);
      }
    }
    return copy;
  }

  private void set(ArrayNode numbers) {
    int index = random.nextInt(numbers.size());
    if (random.nextInt(4) == 0) {
      numbers.set(index, json.anything());
    } else {
      numbers.set(index, numbers.get(index).longValue() + random.nextInt(-64, 65));
    }
  }

  @Test
  void configurationsThatLieAreRefusedByName() throws IOException {
    for (String model : List.of("qwen35moe", "qwen2-awq")) {
      Path of = RewrittenFolder.of(model).writeTo(folder.resolve(model));
      Path file = of.resolve("config.json");
      ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
      List<String> names = new ArrayList<>();
      config.fieldNames().forEachRemaining(names::add);
      for (int i = 0; i < 1_000; i++) {
        ObjectNode lying = config.deepCopy();
        lying.set(names.get(i % names.size()), json.anything());
        Files.write(file, JSON.writeValueAsBytes(lying));
        files.open(
            of,
            "field|tensor|module|metadata|tokenizer|linear_num_key_heads",
            () -> HuggingFaceFolder.open(of, 1),
            lying.toString());
      }
    }
    files.assertAllSound(1);
  }

  /** Where the fields of a GGUF file's header lie. */
  private static final class GgufFields {
    private static final int[] SIZES = {1, 1, 2, 2, 4, 4, 4, 1, -1, -1, 8, 8, 8};
    private static final int STRING = 8;
    private static final int ARRAY = 9;
    private static final int MOST_OF_AN_ARRAY = 3;

    private final ByteBuffer in;
    private final List<Field> fields = new ArrayList<>();

    GgufFields(byte[] file) {
      this.in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    }

    List<Field> all() {
      int32();
      int32();
      long tensors = int64();
      long entries = int64();
      for (long i = 0; i < entries; i++) {
        string(true);
        value(int32(), true);
      }
      for (long i = 0; i < tensors; i++) {
        string(true);
        int dimensions = int32();
        for (int d = 0; d < dimensions; d++) {
          int64();
        }
        int32();
        int64();
      }
      return fields;
    }

    private void value(int type, boolean noted) {
      if (type == STRING) {
        string(noted);
      } else if (type == ARRAY) {
        int elements = int32();
        long count = int64();
        for (long i = 0; i < count; i++) {
          value(elements, i < MOST_OF_AN_ARRAY);
        }
      } else {
        skip(SIZES[type], noted);
      }
    }

    private void string(boolean noted) {
      long length = in.getLong(in.position());
      skip(8, noted);
      skip((int) length, noted && length > 0);
    }

    private int int32() {
      int value = in.getInt(in.position());
      skip(4, true);
      return value;
    }

    private long int64() {
      long value = in.getLong(in.position());
      skip(8, true);
      return value;
    }

    private void skip(int length, boolean noted) {
      if (noted) {
        fields.add(new Field(in.position(), length));
      }
      in.position(in.position() + length);
    }
  }
}
