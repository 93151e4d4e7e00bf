package dev.qwen4j.inference.internal.weights.huggingface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.RowSource;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The quantised forms against decoders that follow their descriptions element by element. */
class QuantizedFormsTest {
  private static final Path FILE = Path.of("test.safetensors");

  private final SplittableRandom random = new SplittableRandom(5);

  private static StoredTensor tensor(ElementType type, byte[] data, long... shape) {
    List<Long> extents = Arrays.stream(shape).boxed().toList();
    MemorySegment memory = MemorySegment.ofArray(data);
    return new StoredTensor(FILE, "t", type, extents, memory, loan -> memory);
  }

  private static StoredTensor ints(ElementType type, int[] values, long... shape) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asIntBuffer().put(values);
    return tensor(type, bytes.array(), shape);
  }

  private static StoredTensor floats(float[] values, long... shape) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return tensor(ElementType.F32, bytes.array(), shape);
  }

  private int[] randomInts(int count) {
    return random.ints(count).toArray();
  }

  /** Values that halves hold. */
  private float[] randomHalves(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = Float.float16ToFloat(Float.floatToFloat16((float) random.nextDouble(0.01, 1)));
    }
    return values;
  }

  private static float[] values(RowSource source) {
    int rows = Math.toIntExact(source.rows());
    byte[] raw = new byte[Math.toIntExact(rows * source.rowBytes())];
    MemorySegment memory = MemorySegment.ofArray(raw);
    int cut = rows / 3;
    source.write(0, cut, memory, 0);
    source.write(cut, rows - cut, memory, cut * source.rowBytes());
    float[] values = new float[rows * source.cols()];
    Dequantizer.dequantize(source.type(), memory, 0, values.length, values, 0);
    return values;
  }

  private static float[] gptq(
      int[] weights,
      int[] zeros,
      float[] scales,
      int bits,
      int inputs,
      int outputs,
      IntUnaryOperator group) {
    float[] expected = new float[inputs * outputs];
    int per = 32 / bits;
    int mask = (1 << bits) - 1;
    for (int o = 0; o < outputs; o++) {
      for (int i = 0; i < inputs; i++) {
        int g = group.applyAsInt(i);
        int q = (weights[i / per * outputs + o] >>> (i % per * bits)) & mask;
        int z = ((zeros[g * (outputs / per) + o / per] >>> (o % per * bits)) & mask) + 1;
        expected[o * inputs + i] = (q - z) * scales[g * outputs + o];
      }
    }
    return expected;
  }

  @ParameterizedTest
  @CsvSource({"64, 32", "96, 96", "160, 32", "64, 64"})
  void gptqInFourBitsIsExact(int inputs, int groupSize) {
    int outputs = 72;
    int groups = inputs / groupSize;
    int[] weights = randomInts(inputs / 8 * outputs);
    int[] zeros = randomInts(groups * outputs / 8);
    float[] scales = randomHalves(groups * outputs);
    PackedRows rows = packed(weights, zeros, scales, 4, inputs, outputs, groupSize, null);
    assertThat(rows.type()).isEqualTo(TensorType.Q8_0);
    assertThat(values(rows))
        .isEqualTo(gptq(weights, zeros, scales, 4, inputs, outputs, i -> i / groupSize));
  }

  @ParameterizedTest
  @CsvSource({"64, 32", "96, 96", "160, 32"})
  void gptqInFourBitsAroundTheMiddleTakesFourBits(int inputs, int groupSize) {
    int outputs = 72;
    int groups = inputs / groupSize;
    int[] weights = randomInts(inputs / 8 * outputs);
    int[] zeros = new int[groups * outputs / 8];
    Arrays.fill(zeros, 0x7777_7777);
    float[] scales = randomHalves(groups * outputs);
    PackedRows rows = packed(weights, zeros, scales, 4, inputs, outputs, groupSize, null);
    assertThat(rows.type()).isEqualTo(TensorType.Q4_0);
    assertThat(values(rows))
        .isEqualTo(gptq(weights, zeros, scales, 4, inputs, outputs, i -> i / groupSize));
  }

  private static PackedRows packed(
      int[] weights,
      int[] zeros,
      float[] scales,
      int bits,
      int inputs,
      int outputs,
      int groupSize,
      int @Nullable [] index) {
    int per = 32 / bits;
    int groups = scales.length / outputs;
    return new PackedRows(
        new PackedTensors(
            ints(ElementType.I32, weights, inputs / per, outputs),
            ints(ElementType.I32, zeros, groups, outputs / per),
            floats(scales, groups, outputs),
            index == null ? null : ints(ElementType.I32, index, inputs)),
        new PackedForm(PackedRows.Packing.GPTQ, bits, groupSize),
        false);
  }

  @Test
  void gptqWithGroupsByImportanceIsRoundedToHalves() {
    int inputs = 64;
    int outputs = 16;
    int[] index = random.ints(inputs, 0, 2).toArray();
    int[] weights = randomInts(inputs / 8 * outputs);
    int[] zeros = randomInts(2 * outputs / 8);
    float[] scales = randomHalves(2 * outputs);
    PackedRows rows = packed(weights, zeros, scales, 4, inputs, outputs, 32, index);
    assertThat(rows.type()).isEqualTo(TensorType.F16);
    float[] expected = gptq(weights, zeros, scales, 4, inputs, outputs, i -> index[i]);
    assertClose(values(rows), expected, 0x1p-11);
  }

  @Test
  void gptqsGroupsMayBeInAnotherOrder() {
    int inputs = 96;
    int outputs = 8;
    int[] order = {2, 0, 1};
    int[] index = new int[inputs];
    Arrays.setAll(index, i -> order[i / 32]);
    int[] weights = randomInts(inputs / 8 * outputs);
    int[] zeros = randomInts(3);
    float[] scales = randomHalves(3 * outputs);
    PackedRows rows = packed(weights, zeros, scales, 4, inputs, outputs, 32, index);
    assertThat(rows.type()).isEqualTo(TensorType.Q8_0);
    assertThat(values(rows))
        .isEqualTo(gptq(weights, zeros, scales, 4, inputs, outputs, i -> index[i]));
  }

  @Test
  void gptqInEightBitsIsExactAroundTheMiddleAndRoundedElsewhere() {
    int inputs = 64;
    int outputs = 12;
    int[] weights = randomInts(inputs / 4 * outputs);
    float[] scales = randomHalves(2 * outputs);
    int[] middle = new int[2 * outputs / 4];
    Arrays.fill(middle, 0x7F7F7F7F);
    PackedRows exact = packed(weights, middle, scales, 8, inputs, outputs, 32, null);
    assertThat(exact.type()).isEqualTo(TensorType.Q8_0);
    assertThat(values(exact))
        .isEqualTo(gptq(weights, middle, scales, 8, inputs, outputs, i -> i / 32));
    int[] anywhere = randomInts(middle.length);
    PackedRows rounded = packed(weights, anywhere, scales, 8, inputs, outputs, 32, null);
    assertThat(rounded.type()).isEqualTo(TensorType.F16);
    assertClose(
        values(rounded), gptq(weights, anywhere, scales, 8, inputs, outputs, i -> i / 32), 0x1p-11);
  }

  @Test
  void gptqWithAScaleForAllInputsOfAnOutput() {
    int[] weights = randomInts(64 / 8 * 8);
    int[] zeros = randomInts(1);
    float[] scales = randomHalves(8);
    assertThat(values(packed(weights, zeros, scales, 4, 64, 8, -1, null)))
        .isEqualTo(gptq(weights, zeros, scales, 4, 64, 8, i -> 0));
  }

  @Test
  void rowsThatAreNoWholeBlocksAreRounded() {
    int[] weights = randomInts(40 / 8 * 8);
    int[] zeros = randomInts(1);
    float[] scales = randomHalves(8);
    PackedRows rows = packed(weights, zeros, scales, 4, 40, 8, 40, null);
    assertThat(rows.type()).isEqualTo(TensorType.F16);
    assertClose(values(rows), gptq(weights, zeros, scales, 4, 40, 8, i -> 0), 0x1p-11);
  }

  @Test
  void scalesThatHalvesDoNotHoldAreRoundedOnceAtTheEnd() {
    int[] weights = randomInts(64 / 8 * 8);
    int[] zeros = randomInts(1);
    float[] scales = {0.1f, 0.2f, 0.3f, 0.7f, 0.9f, 1.1f, 1e4f, 1.3f};
    PackedRows rows = packed(weights, zeros, scales, 4, 64, 8, 64, null);
    assertThat(rows.type()).isEqualTo(TensorType.F32); // 1e4 · 15 is beyond halves
    assertThat(values(rows)).isEqualTo(gptq(weights, zeros, scales, 4, 64, 8, i -> 0));
  }

  @Test
  void gptqsContradictionsAreNamed() {
    int[] eight = randomInts(64);
    assertThatThrownBy(() -> packed(eight, new int[2], new float[16], 4, 64, 8, 64, null))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("expected 1 groups of 64 inputs");
    int[] beyond = new int[64];
    beyond[3] = 1;
    assertThatThrownBy(() -> packed(eight, new int[1], new float[8], 4, 64, 8, 64, beyond))
        .hasMessageContaining("expected groups from 0 to 0");
  }

  @Test
  void awqIsExact() {
    int inputs = 64;
    int outputs = 80;
    int[] weights = randomInts(inputs * outputs / 8);
    int[] zeros = randomInts(2 * outputs / 8);
    float[] scales = randomHalves(2 * outputs);
    int[] order = {0, 2, 4, 6, 1, 3, 5, 7};
    float[] expected = new float[inputs * outputs];
    for (int i = 0; i < inputs; i++) {
      for (int word = 0; word < outputs / 8; word++) {
        for (int nibble = 0; nibble < 8; nibble++) {
          int o = word * 8 + order[nibble];
          int g = i / 32;
          int q = (weights[i * (outputs / 8) + word] >>> (4 * nibble)) & 15;
          int z = (zeros[g * (outputs / 8) + word] >>> (4 * nibble)) & 15;
          expected[o * inputs + i] = (q - z) * scales[g * outputs + o];
        }
      }
    }
    PackedRows rows =
        new PackedRows(
            new PackedTensors(
                ints(ElementType.I32, weights, inputs, outputs / 8),
                ints(ElementType.I32, zeros, 2, outputs / 8),
                floats(scales, 2, outputs),
                null),
            new PackedForm(PackedRows.Packing.AWQ, 4, 32),
            false);
    assertThat(rows.type()).isEqualTo(TensorType.Q8_0);
    assertThat(values(rows)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5, 6, 8})
  void mlxPacksAnyNumberOfBits(int bits) {
    int cols = 128;
    int rows = 5;
    int groupSize = 64;
    int[] words = randomInts(rows * cols * bits / 32);
    float[] scales = randomHalves(rows * cols / groupSize);
    float[] biases = randomHalves(rows * cols / groupSize);
    float[] expected = new float[rows * cols];
    for (int i = 0; i < expected.length; i++) {
      int q = 0;
      for (int b = 0; b < bits; b++) {
        long at = (long) i * bits + b;
        q |= ((words[(int) (at / 32)] >>> (at % 32)) & 1) << b;
      }
      expected[i] = q * scales[i / groupSize] + biases[i / groupSize];
    }
    AffineRows source =
        new AffineRows(
            ints(ElementType.U32, words, rows, cols * bits / 32),
            floats(scales, rows, cols / groupSize),
            floats(biases, rows, cols / groupSize),
            groupSize,
            false);
    if (bits == 4) {
      assertThat(source.type()).isEqualTo(TensorType.Q4_1);
      assertThat(values(source)).isEqualTo(expected);
    } else {
      assertThat(source.type()).isEqualTo(TensorType.F16);
      assertClose(values(source), expected, 0x1p-11);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 130, 200", "1, 130, 224", "2, 130, 128", "1, 7, 9", "3, 256, 130"})
  void eightBitFloatsHaveAFactorForEachBlockAndSmallerOnesAtTheEdges(
      int matrices, int rows, int cols) {
    byte[] weights = new byte[matrices * rows * cols];
    random.nextBytes(weights);
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (weights[i] & 0x7F) == 0x7F ? 0 : weights[i]; // not a number
    }
    int across = Math.ceilDiv(cols, 128);
    int down = Math.ceilDiv(rows, 128);
    float[] factors = randomHalves(matrices * down * across);
    float[] expected = new float[weights.length];
    for (int m = 0; m < matrices; m++) {
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < cols; c++) {
          int at = (m * rows + r) * cols + c;
          expected[at] = e4m3(weights[at]) * factors[(m * down + r / 128) * across + c / 128];
        }
      }
    }
    Float8Rows source =
        new Float8Rows(
            tensor(ElementType.F8_E4M3, weights, matrices, rows, cols),
            floats(factors, matrices, down, across),
            128,
            128);
    assertThat(source.type()).isEqualTo(cols % 32 == 0 ? TensorType.E4M3 : TensorType.F32);
    assertThat(values(source)).isEqualTo(expected);
  }

  private static float e4m3(byte code) {
    int exponent = (code >> 3) & 15;
    double mantissa = (code & 7) / 8.0;
    double magnitude =
        exponent == 0 ? mantissa * Math.pow(2, -6) : (1 + mantissa) * Math.pow(2, exponent - 7);
    return (float) (code < 0 ? -magnitude : magnitude);
  }

  @Test
  void anEightBitFloatThatIsNoNumberSpoilsItsBlock() {
    byte[] weights = new byte[64];
    weights[3] = 0x38;
    weights[40] = (byte) 0xFF;
    for (int cols : new int[] {64, 8}) {
      Float8Rows source =
          new Float8Rows(
              tensor(ElementType.F8_E4M3, weights, 64 / cols, cols),
              floats(new float[] {1000f}, 1, 1),
              128,
              128);
      float[] values = values(source);
      assertThat(values[3]).isEqualTo(1000f);
      assertThat(values[40]).isNaN();
    }
  }

  @Test
  void smallModelsAreExactAtTheCostOfMemory() {
    int[] words = randomInts(64);
    float[] scale = {0.1f, 0.3f};
    AffineRows affine =
        new AffineRows(
            ints(ElementType.U32, words, 2, 32),
            floats(scale, 2, 1),
            floats(new float[] {-7.3f, 1.1f}, 2, 1),
            128,
            true);
    assertThat(affine.type()).isEqualTo(TensorType.F32);
    assertThat(values(affine)[0]).isEqualTo((words[0] & 0xFF) * 0.1f - 7.3f);
  }

  /** Relative to each value, or to the least that halves tell apart. */
  private static void assertClose(float[] found, float[] expected, double error) {
    assertThat(found).hasSameSizeAs(expected);
    for (int i = 0; i < found.length; i++) {
      assertThat(Math.abs(found[i] - expected[i]))
          .as("value %d: %s for %s", i, found[i], expected[i])
          .isLessThanOrEqualTo((float) Math.max(0x1p-24, Math.abs(expected[i]) * error));
    }
  }
}
