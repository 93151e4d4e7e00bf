package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DequantizerTest {
  record Golden(TensorType type, MemorySegment raw, List<Float> values) {
    @Override
    public String toString() {
      return type + ", " + values.size() + " values";
    }
  }

  /** Blocks as ggml's own code dequantises them (IQ1_M: random ones), values with seven digits. */
  static List<Golden> golden() throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<Golden> all = new ArrayList<>();
    try (InputStream in = DequantizerTest.class.getResourceAsStream("/kernel/quant-blocks.jsonl")) {
      String text = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
      for (String line : text.lines().toList()) {
        JsonNode node = json.readTree(line);
        TensorType type = TensorType.valueOf(node.get("type").asText());
        byte[] raw = HexFormat.of().parseHex(node.get("raw_hex").asText());
        List<Float> values = List.of(json.convertValue(node.get("values"), Float[].class));
        all.add(new Golden(type, MemorySegment.ofArray(raw), values));
      }
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("golden")
  void everyValueEqualsGgmlsToTheLastPrintedDigit(Golden golden) {
    float[] out = new float[golden.values().size()];
    Dequantizer.dequantize(golden.type(), golden.raw(), 0, out.length, out, 0);
    for (int i = 0; i < out.length; i++) {
      float expected = golden.values().get(i);
      assertThat(out[i]).as("value %d", i).isEqualTo(expected, within(Math.abs(expected) * 6e-7f));
    }
  }

  @Test
  void theGoldenFileHasEveryTypeButPlainFloatsAndThatOfFolders() throws IOException {
    Set<TensorType> seen = EnumSet.of(TensorType.F32, TensorType.E4M3);
    golden().forEach(g -> seen.add(g.type()));
    assertThat(seen).containsExactlyInAnyOrder(TensorType.values());
  }

  @Test
  void anE8m0ScaleOfZeroOrOneIsASubnormal() {
    for (int e = 0; e < 255; e++) {
      byte[] block = new byte[17];
      block[0] = (byte) e;
      block[1] = 0x01;
      float[] out = new float[32];
      Dequantizer.dequantize(TensorType.MXFP4, MemorySegment.ofArray(block), 0, 32, out, 0);
      assertThat(out[0]).isEqualTo((float) Math.pow(2, e - 128));
      assertThat(out[1]).isZero();
    }
  }
}
