package dev.qwen4j.inference.internal.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SplitGgufTest {
  private @TempDir Path folder;

  /** Three parts with a tensor each; the first has the metadata. */
  private Path write(int announced) throws IOException {
    for (int i = 0; i < 3; i++) {
      MetadataBuilder metadata =
          new MetadataBuilder().integer("split.no", i).integer("split.count", 3);
      if (i == 0) {
        metadata.text("general.architecture", "qwen3").integer("split.tensors.count", announced);
      }
      GgufWriter.write(part(i), metadata, List.of(vector("t" + i, i)), 1, written -> {});
    }
    return part(0);
  }

  private Path part(int index) {
    return folder.resolve("model-0000%d-of-00003.gguf".formatted(index + 1));
  }

  private static TensorSource vector(String name, float value) {
    MemorySegment data = MemorySegment.ofArray(new float[] {value, value});
    return new TensorSource(name, List.of(2L), new StoredRows(TensorType.F32, 1, 2, data));
  }

  @Test
  void theTensorsOfAllPartsAreOneCheckpoint() throws IOException {
    write(3);
    for (int named = 0; named < 3; named++) {
      try (Checkpoint checkpoint = SplitGguf.open(part(named))) {
        assertThat(checkpoint.path()).isEqualTo(part(named));
        assertThat(checkpoint.metadata().string("general.architecture")).isEqualTo("qwen3");
        assertThat(checkpoint.tensors()).extracting(TensorInfo::name).contains("t0", "t1", "t2");
        assertThat(checkpoint.tensor("t2").orElseThrow().data().get(GgufReader.INT, 4))
            .isEqualTo(Float.floatToRawIntBits(2));
        assertThat(checkpoint.byteSize())
            .isEqualTo(Files.size(part(0)) + Files.size(part(1)) + Files.size(part(2)));
      }
    }
  }

  @Test
  void aFileThatIsWholeIsOpenedAsIs() throws IOException {
    Path file = folder.resolve("model.gguf");
    GgufWriter.write(
        file, new MetadataBuilder().flag("a", true), List.of(vector("t", 1)), 1, written -> {});
    try (Checkpoint checkpoint = SplitGguf.open(file)) {
      assertThat(checkpoint).isInstanceOf(GgufFile.class);
      assertThat(checkpoint.metadata().optionalFlag("a")).contains(true);
    }
  }

  @Test
  void aMissingPartIsNamed() throws IOException {
    Path first = write(3);
    Files.delete(part(1));
    assertBad(first, part(1) + ": part 2 of 3 is missing");
  }

  @Test
  void partsOfDifferentCheckpointsAreRefused() throws IOException {
    Path first = write(3);
    Files.copy(part(2), part(1), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    assertBad(first, part(1) + ": metadata split.no is 2 and split.count 3, expected 1 and 3");
    assertBad(write(4), "split.tensors.count is 4, the parts have 3 tensors");
    MetadataBuilder second = new MetadataBuilder().integer("split.no", 1).integer("split.count", 3);
    GgufWriter.write(part(1), second, List.of(vector("t0", 7)), 1, written -> {});
    assertBad(first, "tensor t0 is in an earlier part too");
  }

  /** Each byte of each part's header is changed three times, and each part cut off anywhere. */
  @Test
  void partsThatLieAreRefusedByName() throws IOException {
    Path first = write(3);
    SplittableRandom random = new SplittableRandom(20261122);
    int refused = 0;
    for (int i = 0; i < 3; i++) {
      byte[] original = Files.readAllBytes(part(i));
      for (int at = 0; at < original.length; at++) {
        for (int change = 0; change < 3; change++) {
          byte[] lying = original.clone();
          lying[at] = (byte) random.nextInt(256);
          refused += refused(first, Files.write(part(i), lying)) ? 1 : 0;
        }
        Files.write(part(i), Arrays.copyOf(original, at));
        assertThat(refused(first, part(i))).as("%d bytes of part %d", at, i).isTrue();
      }
      Files.write(part(i), original);
    }
    assertThat(refused).isGreaterThan(500);
  }

  /** Whether the checkpoint is refused in one line that names the folder's file and a field. */
  private boolean refused(Path first, Path lying) {
    try (Checkpoint checkpoint = SplitGguf.open(first)) {
      checkpoint.tensors().forEach(TensorInfo::data);
      return false;
    } catch (BadCheckpointException e) {
      assertThat(e)
          .as("%s", lying)
          .hasMessageStartingWith(folder.toString())
          .hasMessageMatching(
              "(?i)[^\\n]*(magic|version|metadata|tensor|number of|architect)[^\\n]*");
      return true;
    }
  }

  @Test
  void aPartUnderAnotherNameIsRefused() throws IOException {
    Path renamed = Files.move(write(3), folder.resolve("model.gguf"));
    assertBad(renamed, "expected a name that ends in -00001-of-00003.gguf");
  }

  @Test
  void aFileThatCannotBeFinishedLeavesNothing() throws IOException {
    RowSource broken =
        new RowSource() {
          @Override
          public TensorType type() {
            return TensorType.F32;
          }

          @Override
          public long rows() {
            return 1;
          }

          @Override
          public int cols() {
            return 1;
          }

          @Override
          public void write(long first, int rows, MemorySegment out, long at) {
            throw new IllegalStateException("broken");
          }
        };
    List<TensorSource> tensors = new ArrayList<>(List.of(vector("a", 1)));
    tensors.add(new TensorSource("b", List.of(1L), broken));
    assertThatThrownBy(
            () ->
                GgufWriter.write(
                    folder.resolve("x.gguf"), new MetadataBuilder(), tensors, 2, written -> {}))
        .hasMessage("broken");
    assertThat(folder).isEmptyDirectory();
  }

  private static void assertBad(Path file, String problem) {
    assertThatThrownBy(() -> SplitGguf.open(file).close())
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining(problem);
  }
}
