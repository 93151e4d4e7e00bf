package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.internal.engine.Checkpoints;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.QuantizedCopy;
import dev.qwen4j.inference.internal.weights.RowSource;
import dev.qwen4j.inference.internal.weights.StoredRows;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import dev.qwen4j.inference.internal.weights.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantizeOnLoadTest {
  private @TempDir Path temporary;

  private LoadOptions options(LoadOptions.Quantization quantization) {
    return LoadOptions.standard()
        .withQuantization(quantization)
        .withQuantizedFolder(temporary.resolve("copies"));
  }

  private List<Path> copies() throws IOException {
    try (Stream<Path> files = Files.list(temporary.resolve("copies"))) {
      return files.toList();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = LoadOptions.Quantization.class,
      names = {"Q8_0", "Q4_0"})
  void aFolderIsQuantisedOnceAndFoundAgain(LoadOptions.Quantization type) throws Exception {
    LocalModel.load(Golden.folder("qwen3moe"), options(type)).close();
    assertThat(copies()).hasSize(1);
    Path copy = copies().getFirst();
    assertThat(copy.getFileName().toString()).startsWith("qwen3moe-").contains("." + type + "-");
    FileTime written = FileTime.fromMillis(1_000_000);
    Files.setLastModifiedTime(copy, written);
    LocalModel.load(Golden.folder("qwen3moe"), options(type)).close();
    assertThat(copies()).containsExactly(copy);
    assertThat(Files.getLastModifiedTime(copy)).isEqualTo(written);
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2moe", "qwen3next", "qwen35moe"})
  void eightBitsAreWithinHalfAStepOfEveryWeight(String model) throws Exception {
    LocalModel.load(Golden.folder(model), options(LoadOptions.Quantization.Q8_0)).close();
    try (Checkpoint copy = Checkpoints.open(copies().getFirst(), 2);
        Checkpoint folder = Checkpoints.open(Golden.folder(model), 2)) {
      assertThat(copy.tensors()).hasSameSizeAs(folder.tensors());
      for (TensorInfo expected : folder.tensors()) {
        TensorInfo found = copy.tensor(expected.name()).orElseThrow();
        assertThat(found.shape()).isEqualTo(expected.shape());
        assertThat(Golden.relativeError(Golden.floats(found), Golden.floats(expected)))
            .as(expected.name())
            .isLessThan(0.54 / 127);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen3", "qwen35"})
  void eightBitsLoseNextToNothing(String model) throws Exception {
    LocalModel.load(Golden.folder(model), options(LoadOptions.Quantization.Q8_0)).close();
    float[] expected = Golden.floats(Golden.expected(model).get("last_logits"));
    int[] prompt = Golden.ints(Golden.expected(model).get("prompt_tokens"));
    try (EngineProbe probe = EngineProbe.load(copies().getFirst(), 2)) {
      assertThat(Golden.cosine(probe.logits(prompt, 0).last(), expected)).isGreaterThan(0.995);
    }
  }

  @Test
  void whatQualityHangsOnKeepsItsBits() throws Exception {
    LocalModel.load(Golden.folder("qwen2moe"), options(LoadOptions.Quantization.Q4_0)).close();
    try (Checkpoint copy = Checkpoints.open(copies().getFirst(), 2)) {
      assertThat(type(copy, "token_embd.weight")).isEqualTo(TensorType.Q8_0);
      assertThat(type(copy, "output.weight")).isEqualTo(TensorType.Q8_0);
      assertThat(type(copy, "blk.0.attn_q.weight")).isEqualTo(TensorType.Q4_0);
      assertThat(type(copy, "blk.0.ffn_up_exps.weight")).isEqualTo(TensorType.Q4_0);
      assertThat(type(copy, "blk.0.ffn_gate_inp.weight")).isEqualTo(TensorType.F32);
      assertThat(type(copy, "blk.0.attn_q.bias")).isEqualTo(TensorType.F32);
      // Rows of 80 are no whole blocks.
      assertThat(type(copy, "blk.0.ffn_down_exps.weight")).isEqualTo(TensorType.F32);
    }
  }

  private static TensorType type(Checkpoint checkpoint, String name) {
    return checkpoint.tensor(name).map(TensorInfo::type).orElseThrow();
  }

  @Test
  void aCopyOfWhatTheFolderWasIsReplaced() throws Exception {
    Path folder = RewrittenFolder.of("qwen3").writeTo(temporary.resolve("model"));
    LocalModel.load(folder, options(LoadOptions.Quantization.Q8_0)).close();
    Path before = copies().getFirst();
    RewrittenFolder changed = RewrittenFolder.of("qwen3");
    changed.config().put("max_position_embeddings", 2048);
    changed.writeTo(folder);
    try (LocalModel model = LocalModel.load(folder, options(LoadOptions.Quantization.Q8_0))) {
      assertThat(model.contextLength()).isEqualTo(2048);
    }
    assertThat(copies()).hasSize(1).doesNotContain(before);
  }

  @Test
  void aGgufFileIsQuantisedTheSameWay() throws Exception {
    try (LocalModel model =
        LocalModel.load(Golden.model("qwen3"), options(LoadOptions.Quantization.Q8_0))) {
      assertThat(copies()).hasSize(1);
      assertThat(model.name()).isEqualTo("Qwen3");
    }
  }

  @Test
  void anInterruptedCopyLeavesNothing() throws Exception {
    Path copies = Files.createDirectory(temporary.resolve("copies"));
    try (Checkpoint folder = Checkpoints.open(Golden.folder("qwen3"), 2)) {
      List<TensorSource> tensors =
          folder.tensors().stream()
              .map(t -> new TensorSource(t.name(), t.shape(), StoredRows.of(folder, t)))
              .toList();
      Thread.currentThread().interrupt();
      assertThatThrownBy(
              () ->
                  QuantizedCopy.write(
                      copies.resolve("a-b.gguf"),
                      folder.metadata(),
                      tensors,
                      TensorType.Q8_0,
                      2,
                      QuantizedCopy.Listener.SILENT))
          .isInstanceOf(CancellationException.class);
      assertThat(Thread.interrupted()).isTrue();
      assertThat(copies()).isEmpty();
    }
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> LocalModel.load(Golden.folder("qwen3")))
        .isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void theWritingOfACopyCanBeWatched() throws Exception {
    List<Long> written = new ArrayList<>();
    LoadOptions.Progress progress =
        (file, bytes, total) -> {
          assertThat(file).startsWith("qwen3-").endsWith(".gguf");
          assertThat(bytes).isLessThanOrEqualTo(total);
          written.add(bytes);
          if (bytes == total) {
            written.add(-1L);
          }
        };
    LoadOptions options = options(LoadOptions.Quantization.Q8_0).withProgress(progress);
    LocalModel.load(Golden.folder("qwen3"), options).close();
    assertThat(written).hasSizeGreaterThan(20).endsWith(-1L);
    assertThat(written.subList(0, written.size() - 1)).isSorted();
    assertThat(Files.size(copies().getFirst())).isGreaterThan(written.get(written.size() - 2));

    written.clear();
    LocalModel.load(Golden.folder("qwen3"), options).close();
    assertThat(written).isEmpty();
  }

  @Test
  void whatHasNoMoreBitsThanIsAskedForStaysAsItIs() throws Exception {
    LocalModel.load(Golden.folder("qwen3"), options(LoadOptions.Quantization.Q4_0)).close();
    Path small = copies().getFirst();
    try (LocalModel model = LocalModel.load(small, elsewhere(LoadOptions.Quantization.Q8_0))) {
      assertThat(model.warnings())
          .containsExactly(
              "qwen3: no weights to quantise, none has more bits than Q8_0; loaded as it is");
    }
    try (LocalModel model =
        LocalModel.load(
            Golden.folder("qwen2-gptq-int4"), elsewhere(LoadOptions.Quantization.Q8_0))) {
      assertThat(model.warnings()).isEmpty();
    }
    assertThat(temporary.resolve("elsewhere")).isDirectoryNotContaining("glob:qwen3-*");
  }

  private LoadOptions elsewhere(LoadOptions.Quantization quantization) {
    return options(quantization).withQuantizedFolder(temporary.resolve("elsewhere"));
  }

  /** As if the weights were a petabyte. */
  private record Enormous(RowSource source) implements RowSource {
    @Override
    public TensorType type() {
      return source.type();
    }

    @Override
    public long rows() {
      return 1L << 42;
    }

    @Override
    public int cols() {
      return source.cols();
    }

    @Override
    public void write(long first, int rows, MemorySegment out, long at) {
      throw new AssertionError("there is no room for it");
    }
  }

  @Test
  void aCopyThatTheDiskHasNoRoomForIsNotBegun() throws Exception {
    Path copy = temporary.resolve("copies").resolve("a-b.gguf");
    try (Checkpoint folder = Checkpoints.open(Golden.folder("qwen3"), 2)) {
      StoredRows rows = StoredRows.of(folder, folder.tensor("token_embd.weight").orElseThrow());
      List<TensorSource> tensors = List.of(TensorSource.matrix("x.weight", new Enormous(rows)));
      assertThatThrownBy(
              () ->
                  QuantizedCopy.write(
                      copy,
                      folder.metadata(),
                      tensors,
                      TensorType.Q8_0,
                      2,
                      QuantizedCopy.Listener.SILENT))
          .isInstanceOf(BadCheckpointException.class)
          .hasMessageMatching(
              ".*a-b.gguf: the quantised copy of \\d+ MB cannot be written: there are \\d+ MB left;"
                  + " make room, or name another folder");
    }
    assertThat(copies()).isEmpty();
  }

  @Test
  void aDiskThatFillsUpWhileACopyIsWrittenIsOneLineAndLeavesNothing() throws Exception {
    Path copies = temporary.resolve("copies");
    assertThat(DiskLimit.whenQuantizing(Golden.folder("qwen3"), copies))
        .matches(
            ".*/qwen3-.*[.]gguf: the quantised copy of 0 MB cannot be written: .+; make room, or"
                + " name another folder");
    assertThat(copies).isEmptyDirectory();

    LocalModel.load(Golden.folder("qwen3"), options(LoadOptions.Quantization.Q8_0)).close();
    assertThat(copies()).hasSize(1);
  }

  @Test
  void aFolderThatCannotBeWrittenIsNamed() throws Exception {
    Files.writeString(temporary.resolve("copies"), "a file");
    assertThatThrownBy(
            () -> LocalModel.load(Golden.folder("qwen3"), options(LoadOptions.Quantization.Q8_0)))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("the quantised copy of")
        .hasMessageContaining(temporary.resolve("copies").toString());
  }
}
