package dev.qwen4j.inference;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Tiny models with random weights and what HuggingFace transformers computes with them. */
public final class Golden {
  /** One of each architecture, and one more. */
  static final List<String> MODELS =
      List.of(
          "qwen1",
          "qwen2",
          "qwen2-untied",
          "qwen2moe",
          "qwen3",
          "qwen3moe",
          "qwen3next",
          "qwen35",
          "qwen35moe");

  /** HuggingFace folders: the same models, and quantised ones in the forms Qwen publishes. */
  static final List<String> FOLDERS =
      List.of(
          "qwen2",
          "qwen2moe",
          "qwen3",
          "qwen3moe",
          "qwen3next",
          "qwen35",
          "qwen35moe",
          "qwen2-gptq-int4",
          "qwen2-gptq-int8",
          "qwen2-awq",
          "qwen3-fp8",
          "qwen3-mlx-int4");

  private Golden() {}

  public static Path folder(String name) {
    try {
      URL config = resource("/golden/models/" + name + "/config.json");
      return Objects.requireNonNull(Path.of(config.toURI()).getParent());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static Path model(String name) {
    try {
      return Path.of(resource("/golden/models/" + name + "/model-f32.gguf").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  public static JsonNode expected(String name) {
    return json("/golden/models/" + name + "/expected.json");
  }

  static JsonNode json(String path) {
    try (InputStream in = resource(path).openStream()) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<JsonNode> lines(String path) {
    try (InputStream in = resource(path).openStream()) {
      ObjectMapper json = new ObjectMapper();
      List<JsonNode> lines = new ArrayList<>();
      for (String line : new String(in.readAllBytes(), UTF_8).lines().toList()) {
        lines.add(json.readTree(line));
      }
      return lines;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static int[] ints(JsonNode array) {
    int[] out = new int[array.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = array.get(i).intValue();
    }
    return out;
  }

  public static float[] floats(JsonNode array) {
    float[] out = new float[array.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = array.get(i).floatValue();
    }
    return out;
  }

  static float[] floats(TensorInfo tensor) {
    int count = Math.toIntExact(tensor.shape().stream().reduce(1L, (a, b) -> a * b));
    float[] values = new float[count];
    Dequantizer.dequantize(tensor.type(), tensor.data(), 0, count, values, 0);
    return values;
  }

  /** 24 greedy ids equal, logits within 1e-3, the embedding's cosine at least 0.99999. */
  static void assertAsExpected(String name, EngineProbe probe) {
    JsonNode expected = expected(name);
    EngineProbe.Logits found = probe.logits(ints(expected.get("prompt_tokens")), 24);
    assertThat(relativeError(found.first(), floats(expected.get("first_logits")))).isLessThan(1e-3);
    assertThat(relativeError(found.last(), floats(expected.get("last_logits")))).isLessThan(1e-3);
    assertThat(cosine(found.embedding(), floats(expected.get("embedding_last_token_l2"))))
        .isGreaterThanOrEqualTo(0.99999);
    assertThat(found.greedy()).containsExactly(ints(expected.get("greedy_next_24")));
  }

  /** The largest difference over the largest value. */
  public static double relativeError(float[] found, float[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double difference = 0;
    double magnitude = 0;
    for (int i = 0; i < found.length; i++) {
      difference = Math.max(difference, Math.abs(found[i] - expected[i]));
      magnitude = Math.max(magnitude, Math.abs(expected[i]));
    }
    return difference / magnitude;
  }

  static double cosine(float[] found, float[] other) {
    double dot = 0;
    double a = 0;
    double b = 0;
    for (int i = 0; i < found.length; i++) {
      dot += (double) found[i] * other[i];
      a += (double) found[i] * found[i];
      b += (double) other[i] * other[i];
    }
    return dot / Math.sqrt(a * b);
  }

  private static URL resource(String path) {
    return Objects.requireNonNull(Golden.class.getResource(path), path);
  }
}
