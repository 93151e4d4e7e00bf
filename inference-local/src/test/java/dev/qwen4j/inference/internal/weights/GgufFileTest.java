package dev.qwen4j.inference.internal.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufFileTest {
  private static final int F32 = 0;
  private static final int Q4_0 = 2;

  private @TempDir Path folder;
  private Path file;

  @BeforeEach
  void nameTheFile() {
    file = folder.resolve("model.gguf");
  }

  /** Two metadata entries, an array, two tensors with their data. */
  private static GgufBytes smallModel(int version) {
    return GgufBytes.start(version, 2, 3)
        .stringField("general.architecture", "qwen3")
        .intField("qwen3.block_count", 7)
        .text("tokenizer.ggml.tokens")
        .int32(9)
        .int32(8)
        .int64(3)
        .text("a")
        .text("")
        .text("Ġthe")
        .tensor("token_embd.weight", F32, 0, 8, 3)
        .tensor("output_norm.weight", F32, 96, 8)
        .align(32)
        .floats(24)
        .floats(8);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void metadataAndTensorsAreFound(int version) {
    try (GgufFile gguf = GgufFile.open(smallModel(version).writeTo(file))) {
      assertThat(gguf.version()).isEqualTo(version);
      assertThat(gguf.metadata().string("general.architecture")).isEqualTo("qwen3");
      assertThat(gguf.metadata().integer("qwen3.block_count")).isEqualTo(7);
      assertThat(gguf.metadata().strings("tokenizer.ggml.tokens")).containsExactly("a", "", "Ġthe");
      assertThat(gguf.tensors())
          .extracting(TensorInfo::name)
          .containsExactly("token_embd.weight", "output_norm.weight");
      TensorInfo embedding = gguf.tensor("token_embd.weight").orElseThrow();
      assertThat(embedding.type()).isEqualTo(TensorType.F32);
      assertThat(embedding.shape()).containsExactly(8L, 3L);
      assertThat(embedding.shapeText()).isEqualTo("8 x 3");
      assertThat(embedding.data().byteSize()).isEqualTo(96);
      assertThat(embedding.data().get(GgufReader.INT, 4 * 23)).isEqualTo(Float.floatToIntBits(23));
      assertThat(gguf.tensor("absent")).isEmpty();
    }
  }

  @Test
  void aFileCutAnywhereIsRefusedByName() {
    GgufBytes whole = smallModel(3);
    for (int length = 0; length < whole.size(); length++) {
      Path cut = whole.writeTo(file, length);
      assertThatThrownBy(() -> GgufFile.open(cut))
          .as("cut at byte %d", length)
          .isInstanceOf(BadCheckpointException.class)
          .hasMessageStartingWith(cut.toString())
          .hasMessageMatching("[^\\n\\r]*");
    }
  }

  @Test
  void aCutTensorSaysWhichBytesItNeeds() {
    GgufBytes whole = smallModel(3);
    int cut = whole.size() - 5;
    assertBad(
        () -> GgufFile.open(whole.writeTo(file, cut)),
        "truncated: tensor output_norm.weight needs bytes %d–%d, the file has %d; download it again"
            .formatted(whole.size() - 32, whole.size(), cut));
  }

  @Test
  void aVocabularyWithoutTensorsOpens() {
    GgufBytes vocabulary = GgufBytes.start(3, 0, 1).stringField("general.architecture", "qwen2");
    try (GgufFile gguf = GgufFile.open(vocabulary.writeTo(file))) {
      assertThat(gguf.tensors()).isEmpty();
      assertThat(gguf.metadata().string("general.architecture")).isEqualTo("qwen2");
    }
  }

  @Test
  void aMissingFileIsSaidToBeMissing() {
    assertBad(() -> GgufFile.open(folder.resolve("absent.gguf")), "no such file; check the path");
  }

  @Test
  void aFolderIsSaidToBeAFolder() {
    assertBad(() -> GgufFile.open(folder), "a directory, expected a GGUF file");
  }

  @Test
  void otherKindsOfFilesAreRecognised() throws IOException {
    assertBad(() -> open(""), "expected the magic 'GGUF', found an empty file");
    assertBad(() -> open("GGML"), "expected the magic 'GGUF', found 'GGML'");
    assertBad(() -> open("\u0001GG"), "found '\\x01GG'");
    assertBad(() -> open("version https://git-lfs.github.com/spec/v1"), "Git LFS pointer");
    assertBad(() -> open("<!DOCTYPE html>"), "web page");
    assertBad(() -> open("\u0010\0\0\0\0\0\0\0{\"a\":1}"), "safetensors");
    assertBad(() -> open("PK\u0003\u0004"), "zip");
  }

  private GgufFile open(String content) throws IOException {
    return GgufFile.open(Files.writeString(file, content));
  }

  @Test
  void otherVersionsAndByteOrdersAreRefused() {
    assertBad(GgufBytes.start(1, 0, 0), "GGUF version 1: expected 2 or 3");
    assertBad(GgufBytes.start(4, 0, 0), "GGUF version 4: expected 2 or 3");
    assertBad(GgufBytes.start(-1, 0, 0), "GGUF version 4294967295");
    assertBad(GgufBytes.start(0x0300_0000, 0, 0), "big-endian");
  }

  @Test
  void countsBeyondTheFileAreRefused() {
    assertBad(GgufBytes.start(3, 1000, 0), "it announces 1000 tensors");
    assertBad(GgufBytes.start(3, -1, 0), "it announces 18446744073709551615 tensors");
    assertBad(GgufBytes.start(3, 0, Long.MAX_VALUE), "9223372036854775807 metadata entries");
    assertBad(
        GgufBytes.start(3, 0, 1).text("k").int32(9).int32(8).int64(1L << 60),
        "1152921504606846976 values of metadata k");
    assertBad(
        GgufBytes.start(3, 0, 1).text("k").int32(9).int32(4).int64(1L << 62),
        "values of metadata k");
  }

  @Test
  void lengthsBeyondTheFileAreRefused() {
    assertBad(GgufBytes.start(3, 0, 1).int64(-1).int64(0), "metadata key 1");
    assertBad(GgufBytes.start(3, 0, 1).int64(65_536).int64(0), "metadata key 1");
    assertBad(GgufBytes.start(3, 0, 1).int64(100).int64(0), "truncated: metadata key 1");
    assertBad(
        GgufBytes.start(3, 0, 1).text("k").int32(8).int64(Long.MAX_VALUE), "truncated: metadata k");
    assertBad(GgufBytes.start(3, 0, 1).text("k").int32(8).int64(-8), "truncated: metadata k");
  }

  @Test
  void damagedMetadataIsRefused() {
    assertBad(
        GgufBytes.start(3, 0, 1).text("k").int32(13).int64(0), "metadata k has value type 13");
    assertBad(
        GgufBytes.start(3, 0, 2).intField("twice", 1).intField("twice", 1), "twice appears twice");
    assertBad(GgufBytes.start(3, 0, 1).int64(1).int8(0xFF).int64(0).int64(0), "not valid UTF-8");
  }

  @Test
  void arraysThatNestTooDeepAreRefused() {
    GgufBytes nested = GgufBytes.start(3, 0, 1).text("k").int32(9);
    for (int depth = 0; depth < 50; depth++) {
      nested.int32(9).int64(1);
    }
    assertBad(nested.int32(4).int64(0), "k nests arrays deeper than 4");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3, 48, -32, 1 << 30})
  void anAlignmentThatIsNoPowerOfTwoIsRefused(int alignment) {
    assertBad(
        GgufBytes.start(3, 0, 1).text("general.alignment").int32(5).int32(alignment),
        "general.alignment is " + alignment);
  }

  @Test
  void aLargerAlignmentMovesTheData() {
    GgufBytes bytes =
        GgufBytes.start(3, 1, 1)
            .intField("general.alignment", 256)
            .tensor("w", F32, 0, 4)
            .align(256)
            .floats(4);
    try (GgufFile gguf = GgufFile.open(bytes.writeTo(file))) {
      assertThat(gguf.tensor("w").orElseThrow().data().get(GgufReader.INT, 12))
          .isEqualTo(Float.floatToIntBits(3));
    }
  }

  @Test
  void damagedTensorsAreRefused() {
    assertBad(withTensor("w", F32, 0), "tensor w has 0 dimensions");
    assertBad(withTensor("w", F32, 0, 1, 1, 1, 1, 1), "tensor w has 5 dimensions");
    assertBad(withTensor("w", F32, 0, 0), "dimension 0 of tensor w is 0");
    assertBad(withTensor("w", F32, 0, 4, -1), "dimension 1 of tensor w is 18446744073709551615");
    assertBad(withTensor("w", F32, 0, 1L << 31, 1L << 31), "dimension 1 of tensor w");
    assertBad(withTensor("w", F32, 7, 4), "starts at offset 7, expected a multiple of 32");
    assertBad(withTensor("w", F32, 1L << 40, 4), "truncated: tensor w needs bytes");
    assertBad(withTensor("w", F32, -32, 4), "starts at offset 18446744073709551584");
    assertBad(withTensor("w", Q4_0, 0, 48), "expected a multiple of Q4_0's block of 32");
    assertBad(withTensor("evil\nname", F32, 7, 4), "tensor evil?name starts");
  }

  @Test
  void typesThisEngineDoesNotRunAreNamed() {
    assertBad(withTensor("w", 40, 0, 256), "tensor w has the type NVFP4");
    assertBad(withTensor("w", 999, 0, 256), "tensor w has the type id 999");
    assertBad(withTensor("w", -1, 0, 256), "tensor w has the type id 4294967295");
    assertBad(withTensor("w", 4, 0, 256), "take a file with one of F32, F16, Q4_0");
  }

  @Test
  void tensorsWithOneNameOrSharedBytesAreRefused() {
    assertBad(
        GgufBytes.start(3, 2, 0)
            .tensor("w", F32, 0, 4)
            .tensor("w", F32, 32, 4)
            .align(32)
            .floats(16),
        "tensor w appears twice");
    assertBad(
        GgufBytes.start(3, 2, 0)
            .tensor("b", F32, 32, 4)
            .tensor("a", F32, 0, 12)
            .align(32)
            .floats(16),
        "the data of tensors a and b overlap");
  }

  private static GgufBytes withTensor(String name, int type, long offset, long... shape) {
    return GgufBytes.start(3, 1, 0).tensor(name, type, offset, shape).align(32).floats(64);
  }

  private void assertBad(GgufBytes bytes, String problem) {
    assertBad(() -> GgufFile.open(bytes.writeTo(file)), problem);
  }

  private static void assertBad(ThrowingCallable opening, String problem) {
    assertThatThrownBy(opening)
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining(problem)
        .hasMessageMatching("[^\\n\\r]*");
  }

  @Test
  void everyIntegerWidthIsRead() {
    GgufBytes bytes = GgufBytes.start(3, 0, 9);
    bytes.text("u8").int32(0).int8(200);
    bytes.text("i8").int32(1).int8(-5);
    bytes.text("u16").int32(2).int16(60_000);
    bytes.text("i16").int32(3).int16(-300);
    bytes.text("i32").int32(5).int32(-70_000);
    bytes.text("u64").int32(10).int64(123);
    bytes.text("f32").int32(6).float32(0.5f);
    bytes.text("f64").int32(12).int64(Double.doubleToLongBits(0.25));
    bytes.text("flag").int32(7).int8(1);
    try (GgufFile gguf = GgufFile.open(bytes.writeTo(file))) {
      Metadata metadata = gguf.metadata();
      assertThat(Stream.of("u8", "i8", "u16", "i16", "i32", "u64").map(metadata::integer))
          .containsExactly(200, -5, 60_000, -300, -70_000, 123);
      assertThat(metadata.number("f32")).isEqualTo(0.5);
      assertThat(metadata.number("f64")).isEqualTo(0.25);
      assertThat(metadata.number("u8")).isEqualTo(200);
      assertThat(metadata.optionalFlag("flag")).contains(true);
    }
  }

  @Test
  void metadataOfAnotherTypeIsExplained() {
    GgufBytes bytes =
        GgufBytes.start(3, 0, 3)
            .stringField("text", "x")
            .text("ids")
            .int32(9)
            .int32(2)
            .int64(2)
            .int16(7)
            .int16(65_535)
            .text("huge")
            .int32(4)
            .int32(-1);
    try (GgufFile gguf = GgufFile.open(bytes.writeTo(file))) {
      Metadata metadata = gguf.metadata();
      assertThat(metadata.integers("ids")).containsExactly(7, 65_535);
      assertThat(metadata.has("ids")).isTrue();
      assertThat(metadata.keys()).containsExactly("text", "ids", "huge");
      assertBad(() -> metadata.integer("none"), "metadata none is missing, expected an integer");
      assertBad(() -> metadata.string("none"), "metadata none is missing, expected a string");
      assertBad(() -> metadata.number("text"), "metadata text is of type string");
      assertBad(() -> metadata.string("ids"), "metadata ids is of type array of uint16");
      assertBad(() -> metadata.strings("ids"), "metadata ids is of type array of uint16");
      assertBad(() -> metadata.strings("text"), "metadata text is of type string");
      assertBad(() -> metadata.integers("text"), "metadata text is of type string");
      assertBad(() -> metadata.optionalFlag("text"), "metadata text is of type string");
      assertBad(() -> metadata.integer("huge"), "metadata huge is 4294967295");
    }
  }
}
