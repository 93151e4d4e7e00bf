package dev.qwen4j.inference.internal.weights.huggingface;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.BadCheckpointException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {
  private static final String FIRST =
      "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}";

  private @TempDir Path folder;

  private Path write(String header, int dataBytes) {
    return write(header.length(), header, dataBytes);
  }

  private Path write(long length, String header, int dataBytes) {
    byte[] text = header.getBytes(UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(length).put(text);
    for (int i = 0; i < dataBytes / 4; i++) {
      bytes.putFloat(i);
    }
    try {
      return Files.write(folder.resolve("model.safetensors"), bytes.array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, StoredTensor> read(Path file, Arena arena) {
    return SafetensorsFile.read(file, arena);
  }

  private static void assertBad(Path file, String problem) {
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> read(file, arena))
          .isInstanceOf(BadCheckpointException.class)
          .hasMessageStartingWith(file.toString())
          .hasMessageContaining(problem)
          .hasMessageNotContaining("\n");
    }
  }

  @Test
  void tensorsAreFoundByName() {
    Path file =
        write(
            "{\"__metadata__\":{\"format\":\"pt\"},"
                + FIRST
                + ",\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[16,20]}}   ",
            20);
    try (Arena arena = Arena.ofConfined()) {
      Map<String, StoredTensor> tensors = read(file, arena);
      assertThat(tensors.keySet()).containsExactly("a", "b");
      assertThat(tensors.get("a"))
          .satisfies(a -> assertThat(a.floats()).containsExactly(0, 1, 2, 3))
          .satisfies(a -> assertThat(a.rows()).isEqualTo(2))
          .satisfies(a -> assertThat(a.cols()).isEqualTo(2));
      assertThat(tensors.get("b")).satisfies(b -> assertThat(b.floats()).containsExactly(4));
    }
  }

  @Test
  void theHeadersLengthIsChecked() {
    assertBad(write(1L << 40, "{}", 0), "its header's length is 1099511627776, the file has 10");
    assertBad(write(-1, "{}", 0), "its header's length is 18446744073709551615");
    assertBad(write(3, "{}", 0), "its header's length is 3");
    assertBad(write(0, "{}", 0), "its header's length is 0");
  }

  @Test
  void filesThatAreTooShortAreRefused() throws IOException {
    Path file = Files.write(folder.resolve("short.safetensors"), new byte[7]);
    assertBad(file, "truncated: the header's length needs 8 bytes, the file has 7");
    assertBad(folder.resolve("absent.safetensors"), "no such file");
  }

  @Test
  void dataOutsideTheFileIsRefused() {
    assertBad(write("{" + FIRST + "}", 12), "data_offsets of tensor a end at 16, the file has 12");
    assertBad(field("data_offsets", "[-16,0]"), "data_offsets of tensor a are [-16, 0]");
    assertBad(field("data_offsets", "[16,0]"), "data_offsets of tensor a are [16, 0]");
    assertBad(field("data_offsets", "[0]"), "data_offsets of tensor a are [0]");
    assertBad(field("data_offsets", "[0,9223372036854775807]"), "end at 9223372036854775807");
    assertBad(field("data_offsets", "[0,92233720368547758070]"), "the number 92233720368547758070");
    assertBad(field("data_offsets", "\"x\""), "data_offsets of tensor a is a string");
  }

  @Test
  void shapesThatContradictTheDataAreRefused() {
    assertBad(
        field("shape", "[2,3]"),
        "data_offsets of tensor a span 16 bytes, its dtype F32 and shape [2, 3] need 24");
    assertBad(field("shape", "[4294967296,4294967296]"), "the shape of tensor a has the extent");
    assertBad(field("shape", "[0]"), "the shape of tensor a has the extent 0");
    assertBad(field("shape", "[1,1,1,1,1,1,1,1,4]"), "shape of tensor a");
    assertBad(field("shape", "[2.5]"), "shape of tensor a is no short list of whole numbers");
    assertBad(field("shape", "4"), "shape of tensor a is a number, expected a list");
  }

  @Test
  void typesThatAreUnknownAreRefused() {
    assertBad(field("dtype", "\"F4\""), "dtype of tensor a is F4, expected one of [BOOL");
    assertBad(field("dtype", "7"), "dtype of tensor a is a number, expected a string");
    assertBad(field("dtype", "\"F16\""), "dtype F16 and shape [2, 2] need 8");
  }

  @Test
  void tensorsThatShareBytesAreRefused() {
    assertBad(
        write(
            "{" + FIRST + ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 16),
        "data_offsets of tensors a and b overlap");
  }

  @Test
  void namesThatAppearTwiceAreRefused() {
    assertBad(write("{" + FIRST + "," + FIRST + "}", 16), "Duplicate field 'a'");
  }

  @Test
  void headersThatAreNoObjectOfTensorsAreRefused() {
    assertBad(write("[]", 0), "the header is a list, expected an object");
    assertBad(write("{\"a\":1}", 0), "tensor a is a number, expected an object");
    assertBad(write("{\"a\":{}}", 0), "tensor a lacks its dtype, shape or data_offsets");
    assertBad(write("{\"a\":{\"x\":1}}", 0), "x of tensor a is not part of the format");
    assertBad(write("{" + FIRST + "}{}", 16), "the header goes on after its end");
    assertBad(write("{" + FIRST, 16), "the header is no JSON");
  }

  private Path field(String name, String value) {
    return write(
        "{"
            + FIRST.replaceFirst(
                "\"" + name + "\":(\"F32\"|\\[[0-9,]*\\])", "\"" + name + "\":" + value)
            + "}",
        16);
  }
}
