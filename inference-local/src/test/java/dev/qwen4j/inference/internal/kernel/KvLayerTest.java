package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What comes back is what was written, up to the type's rounding. */
class KvLayerTest {
  private static final int HEADS = 3;
  private static final int POSITIONS = 700;

  private static float[] rowOf(float[] all, int position, int head, int headDim) {
    float[] row = new float[headDim];
    System.arraycopy(all, (position * HEADS + head) * headDim, row, 0, headDim);
    return row;
  }

  private static float[] random(int headDim, int seed) {
    float[] x = RandomWeights.floats(POSITIONS * HEADS * headDim, seed);
    for (int i = 0; i < x.length; i++) {
      x[i] *= 1 + i % 97; // Blocks of different magnitudes.
    }
    return x;
  }

  /** The largest difference that the rounding of {@code row} to a type may make. */
  private static float bound(KvType type, float[] row, int element) {
    return switch (type) {
      case F32 -> 0;
      case F16 -> Math.max(Math.abs(row[element]) * 0x1p-11f, 0x1p-24f);
      case Q8_0 -> {
        float most = 0;
        int block = element / 32 * 32;
        for (int i = block; i < Math.min(block + 32, row.length); i++) {
          most = Math.max(most, Math.abs(row[i]));
        }
        // Half a step, and what rounding the step itself takes from the largest element.
        yield most / 127 * 0.5f + most * 0x1p-11f + 0x1p-24f;
      }
    };
  }

  @ParameterizedTest
  @EnumSource(KvType.class)
  void everyPositionComesBackAsLongAsTheLayerGrows(KvType type) {
    for (int headDim : new int[] {1, 20, 32, 80, 128}) {
      KvLayer layer = new KvLayer(type, HEADS, headDim, POSITIONS);
      float[] k = random(headDim, 1);
      float[] v = random(headDim, 2);
      int written = 0;
      for (int tokens : new int[] {1, 200, 1, 1, 300, 197}) {
        layer.write(written, tokens, k, v, written);
        written += tokens;
      }
      for (int head = 0; head < HEADS; head++) {
        float[] keys = new float[POSITIONS * headDim];
        float[] values = new float[POSITIONS * headDim];
        layer.readKeys(head, 0, 50, keys);
        layer.readValues(head, 0, 50, values);
        assertRows(type, k, keys, 0, 50, head, headDim);
        assertRows(type, v, values, 0, 50, head, headDim);
        layer.readKeys(head, 50, POSITIONS - 50, keys);
        assertRows(type, k, keys, 50, POSITIONS - 50, head, headDim);
      }
    }
  }

  private static void assertRows(
      KvType type, float[] written, float[] read, int position, int count, int head, int headDim) {
    for (int p = 0; p < count; p++) {
      float[] row = rowOf(written, position + p, head, headDim);
      for (int i = 0; i < headDim; i++) {
        float difference = Math.abs(read[p * headDim + i] - row[i]);
        assertThat(difference)
            .as("%s, head of %d, position %d, element %d", type, headDim, position + p, i)
            .isLessThanOrEqualTo(bound(type, row, i));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(KvType.class)
  void theFirstPositionsOfWhatWasStoredComeBackAndNothingElseIsTouched(KvType type) {
    int headDim = 40;
    KvLayer layer = new KvLayer(type, HEADS, headDim, POSITIONS);
    float[] k = random(headDim, 1);
    float[] v = random(headDim, 2);
    layer.write(0, POSITIONS, k, v, 0);
    ByteBuffer stored = ByteBuffer.allocate(POSITIONS * HEADS * 2 * headDim * Float.BYTES);
    layer.store(600, stored);
    int bytes = stored.position();
    for (int positions : new int[] {0, 1, 256, 300, 512, 600}) {
      stored.position(0);
      KvLayer other = new KvLayer(type, HEADS, headDim, Math.max(1, positions));
      other.load(600, positions, stored);
      assertThat(stored.position()).isEqualTo(bytes);
      KvLayer copy = new KvLayer(type, HEADS, headDim, POSITIONS);
      copy.copy(other, positions);
      for (int head = 0; head < HEADS; head++) {
        float[] values = new float[POSITIONS * headDim];
        copy.readValues(head, 0, positions, values);
        assertRows(type, v, values, 0, positions, head, headDim);
      }
    }
  }

  @Test
  void aCopyIsWrittenIndependently() {
    KvLayer layer = new KvLayer(KvType.F32, 1, 2, 300);
    layer.write(0, 2, new float[] {1, 2, 3, 4}, new float[4], 0);
    KvLayer copy = new KvLayer(KvType.F32, 1, 2, 300);
    copy.copy(layer, 2);
    copy.write(1, 1, new float[] {8, 9}, new float[2], 0);
    float[] keys = new float[4];
    layer.readKeys(0, 0, 2, keys);
    assertThat(keys).containsExactly(1, 2, 3, 4);
  }

  @Test
  void whatTwoLayersBeginWithIsInMemoryOnceUntilOneWritesThere() {
    float[] k = random(4, 1);
    float[] other = random(4, 2);
    KvLayer layer = new KvLayer(KvType.F16, HEADS, 4, POSITIONS);
    layer.write(0, 600, k, k, 0);
    KvLayer copy = new KvLayer(KvType.F16, HEADS, 4, POSITIONS);
    copy.copy(layer, 600);
    copy.write(600, 20, other, other, 600);
    layer.write(600, 20, k, k, 600);
    assertThat(copy.keys(2).halves(0)).isSameAs(layer.keys(2).halves(0));
    assertThat(copy.values(2).halves(511)).isSameAs(layer.values(2).halves(511));

    layer.write(300, 1, other, other, 300); // in the second page, after going back
    assertThat(copy.keys(2).halves(0)).isSameAs(layer.keys(2).halves(0));
    assertThat(copy.keys(2).halves(300)).isNotSameAs(layer.keys(2).halves(300));
    copy.write(0, 1, other, other, 0);
    for (int head = 0; head < HEADS; head++) {
      assertKeys(copy, head, new int[] {1, 300, 599}, k);
      assertKeys(copy, head, new int[] {0, 600, 619}, other);
      assertKeys(layer, head, new int[] {0, 255, 299, 301, 600, 619}, k);
      assertKeys(layer, head, new int[] {300}, other);
    }
  }

  private static void assertKeys(KvLayer layer, int head, int[] positions, float[] expected) {
    for (int position : positions) {
      float[] key = new float[4];
      layer.readKeys(head, position, 1, key);
      assertRows(KvType.F16, expected, key, position, 1, head, 4);
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {0, 1e-9f, 1e-5f, 60_000, 1e6f})
  void bytesKeepTheTiniestAndTheLargestElements(float magnitude) {
    KvLayer layer = new KvLayer(KvType.Q8_0, 1, 32, 1);
    float[] x = new float[32];
    x[3] = magnitude;
    x[4] = -magnitude;
    layer.write(0, 1, x, x, 0);
    float[] read = new float[32];
    layer.readKeys(0, 0, 1, read);
    assertThat(read[0]).isZero();
    assertThat(read[3]).isEqualTo(-read[4]);
    // A step below half precision's smallest is lost, all else keeps its digits.
    assertThat(Math.abs(read[3] - magnitude)).isLessThanOrEqualTo(magnitude * 0.01f + 1e-5f);
  }

  @Test
  void aLayerGrowsToItsLimitAndNoFurther() {
    KvLayer layer = new KvLayer(1, 4, 300);
    float[] x = new float[301 * 4];
    layer.write(0, 300, x, x, 0);
    assertThatThrownBy(() -> layer.write(300, 1, x, x, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("position 301 is beyond the context of 300");
  }

  @Test
  void bytesTakeHalfOfHalfPrecision() {
    assertThat(KvType.F32.bytes(128)).isEqualTo(512);
    assertThat(KvType.F16.bytes(128)).isEqualTo(256);
    assertThat(KvType.Q8_0.bytes(128)).isEqualTo(136);
    assertThat(KvType.Q8_0.bytes(80)).isEqualTo(86);
  }
}
