package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class PackedCopyTest {
  private static final List<TensorType> TYPES =
      List.of(TensorType.Q8_0, TensorType.Q5_0, TensorType.Q4_K, TensorType.Q6_K);
  private static final int ROWS = 37;
  private static final int COLS = 512;

  @TempDir private Path folder;
  private Path file;
  private List<RawMatrix> matrices;

  @BeforeEach
  void makeMatrices() {
    file = folder.resolve("copies/model-place-1");
    matrices = matrices(1);
  }

  private static List<RawMatrix> matrices(long seed) {
    return TYPES.stream()
        .map(type -> RandomWeights.of(Arena.ofAuto(), type, ROWS, COLS, seed))
        .toList();
  }

  @Test
  void whatWasPackedOnceIsMappedTheNextTime() throws Exception {
    float[][] packed = products(matrices, true);
    assertThat(file).exists();
    try (PackedCopy copy = new PackedCopy(file, 0)) {
      assertThat(copy.isThere()).isTrue();
    }
    assertThat(products(matrices, false)).isDeepEqualTo(packed);
  }

  @Test
  void aCopyBeyondTwoGigabytesIsRead() throws Exception {
    float[][] packed = products(matrices, true);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[1]), 5L << 29); // a hole in the file, no disk
    }
    try (PackedCopy copy = new PackedCopy(file, 0)) {
      assertThat(copy.isThere()).isTrue();
    }
    assertThat(products(matrices, false)).isDeepEqualTo(packed);
  }

  @Test
  void aCopyOfOtherWeightsIsPassedOver() throws Exception {
    products(matrices, true);
    List<RawMatrix> others = matrices(2);
    float[][] expected = products(others, new PackedCopy());
    assertThat(products(others, false)).isDeepEqualTo(expected);
  }

  @Test
  void aDamagedCopyIsPassedOver() throws Exception {
    float[][] expected = products(matrices, true);
    byte[] whole = Files.readAllBytes(file);
    for (int length : new int[] {0, 7, 20, 100, whole.length / 2, whole.length - 1}) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertThat(products(matrices, false)).as("%d bytes", length).isDeepEqualTo(expected);
    }
    whole[8] ^= 0x55; // the lanes of another machine
    Files.write(file, whole);
    assertThat(products(matrices, false)).isDeepEqualTo(expected);
  }

  @Test
  void nothingIsWrittenForSmallCheckpoints() throws Exception {
    try (PackedCopy copy = new PackedCopy(file);
        Kernels kernels = new VectorKernels(1, copy)) {
      matrices.forEach(kernels::prepare);
      copy.keep();
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void whatAKilledProcessLeftIsWrittenAnew() throws Exception {
    Files.createDirectories(file.getParent());
    Files.write(file.resolveSibling("model-place-1.part"), new byte[10_000_000]);
    products(matrices, true);
    assertThat(file).exists();
    assertThat(Files.size(file)).isLessThan(1_000_000);
    assertThat(file.resolveSibling("model-place-1.part")).doesNotExist();
  }

  @Test
  void twoProcessesDoNotWriteTheSameCopy() throws Exception {
    Files.createDirectories(file.getParent());
    Path part = file.resolveSibling("model-place-1.part");
    // A lock of this JVM is as good as another's: tryLock fails, here by an exception.
    try (FileChannel channel =
            FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      assertThat(lock.isValid()).isTrue();
      products(matrices, false);
    }
    assertThat(file).doesNotExist();
  }

  @Test
  void aCopyOfWhatTheCheckpointWasBeforeGoes() throws Exception {
    products(matrices, true);
    Path bystander = Files.createFile(file.resolveSibling("model-elsewhere-1"));
    Path former = file;
    file = file.resolveSibling("model-place-2");
    products(matrices, true);
    assertThat(former).doesNotExist();
    assertThat(bystander).exists();
  }

  @Test
  void aFolderThatCannotBeWrittenCostsNothingButTheCopy() throws Exception {
    Files.writeString(folder.resolve("copies"), "a file where the folder should be");
    float[][] expected = products(matrices, new PackedCopy());
    assertThat(products(matrices, false)).isDeepEqualTo(expected);
  }

  /**
   * The products of all matrices, and of an output matrix, the copy written, and waited for if it
   * is to come.
   */
  private float[][] products(List<RawMatrix> of, boolean written) throws Exception {
    float[][] products = products(of, new PackedCopy(file, 0));
    if (written) {
      assertThat(file).exists();
    }
    return products;
  }

  private static float[][] products(List<RawMatrix> of, PackedCopy copy) throws Exception {
    float[] x = new float[COLS];
    for (int i = 0; i < COLS; i++) {
      x[i] = (i % 17) / 8f - 1;
    }
    float[][] products = new float[of.size() + 1][ROWS];
    try (Kernels kernels = new VectorKernels(2, copy)) {
      for (int i = 0; i < of.size(); i++) {
        kernels.multiply(kernels.prepare(of.get(i)), x, 1, products[i]);
      }
      Matrix output = kernels.prepareOutput(of.getFirst());
      kernels.logits(output, x, 1, Candidates.ALL, products[of.size()]);
      copy.keep();
      copy.awaitWriting(Duration.ofMinutes(2));
    } finally {
      copy.close();
    }
    return products;
  }
}
