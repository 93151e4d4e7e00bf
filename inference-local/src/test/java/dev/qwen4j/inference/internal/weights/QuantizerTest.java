package dev.qwen4j.inference.internal.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class QuantizerTest {
  private final SplittableRandom random = new SplittableRandom(3);

  private static byte[] quantized(TensorType type, float... values) {
    byte[] raw = new byte[Math.toIntExact(type.bytes(values.length))];
    Quantizer.write(type, values, values.length, MemorySegment.ofArray(raw), 0);
    return raw;
  }

  private static float[] back(TensorType type, byte[] raw, int count) {
    float[] values = new float[count];
    Dequantizer.dequantize(type, MemorySegment.ofArray(raw), 0, count, values, 0);
    return values;
  }

  private float[] uniform(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextDouble(-3, 3);
    }
    return values;
  }

  @Test
  void eightBitsRoundHalvesAwayFromZero() {
    float[] values = new float[32];
    values[0] = 127; // so that a step is 1
    values[1] = 2.5f;
    values[2] = -2.5f;
    values[3] = -2.49f;
    byte[] raw = quantized(TensorType.Q8_0, values);
    assertThat(raw[0] | raw[1] << 8).isEqualTo(0x3C00); // 1 as a half
    assertThat(raw[2]).isEqualTo((byte) 127);
    assertThat(raw[3]).isEqualTo((byte) 3);
    assertThat(raw[4]).isEqualTo((byte) -3);
    assertThat(raw[5]).isEqualTo((byte) -2);
  }

  @Test
  void fourBitsGiveTheLargestValueTheLowestCode() {
    float[] values = new float[32];
    values[0] = -8; // a step is 1
    values[1] = 7;
    values[16] = 8; // beyond the range: clamped to 7
    values[17] = 0.4f;
    byte[] raw = quantized(TensorType.Q4_0, values);
    assertThat(raw[0] | raw[1] << 8).isEqualTo(0x3C00);
    float[] found = back(TensorType.Q4_0, raw, 32);
    assertThat(found[0]).isEqualTo(-8);
    assertThat(found[1]).isEqualTo(7);
    assertThat(found[16]).isEqualTo(7);
    assertThat(found[17]).isEqualTo(0);
  }

  @Test
  void theErrorIsWithinAStep() {
    float[] values = uniform(32 * 50);
    float[] eight = back(TensorType.Q8_0, quantized(TensorType.Q8_0, values), values.length);
    float[] four = back(TensorType.Q4_0, quantized(TensorType.Q4_0, values), values.length);
    for (int i = 0; i < values.length; i++) {
      assertThat(Math.abs(eight[i] - values[i])).isLessThan(0.54f * 3 / 127);
      assertThat(Math.abs(four[i] - values[i])).isLessThan(1.01f * 3 / 8);
    }
  }

  @Test
  void zerosStayZeros() {
    for (TensorType type : new TensorType[] {TensorType.Q8_0, TensorType.Q4_0}) {
      for (float value : back(type, quantized(type, new float[32]), 32)) {
        assertThat(Math.abs(value)).isZero();
      }
    }
  }

  @Test
  void floatsAndHalvesAreCopied() {
    float[] values = {1.5f, -0.25f, 65504, 0};
    assertThat(back(TensorType.F16, quantized(TensorType.F16, values), 4)).isEqualTo(values);
    assertThat(back(TensorType.F32, quantized(TensorType.F32, values), 4)).isEqualTo(values);
  }

  @Test
  void otherTypesHaveNoQuantiser() {
    assertThatThrownBy(() -> quantized(TensorType.Q4_K, new float[256]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no quantiser for Q4_K");
  }
}
