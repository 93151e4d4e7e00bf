package dev.qwen4j.inference;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
final class Golden {
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

  private Golden() {}

  static Path model(String name) {
    try {
      return Path.of(resource("/golden/models/" + name + "/model-f32.gguf").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static JsonNode expected(String name) {
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

  static int[] ints(JsonNode array) {
    int[] out = new int[array.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = array.get(i).intValue();
    }
    return out;
  }

  static float[] floats(JsonNode array) {
    float[] out = new float[array.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = array.get(i).floatValue();
    }
    return out;
  }

  /** The largest difference over the largest value. */
  static double relativeError(float[] found, float[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double difference = 0;
    double magnitude = 0;
    for (int i = 0; i < found.length; i++) {
      difference = Math.max(difference, Math.abs(found[i] - expected[i]));
      magnitude = Math.max(magnitude, Math.abs(expected[i]));
    }
    return difference / magnitude;
  }

  private static URL resource(String path) {
    return Objects.requireNonNull(Golden.class.getResource(path), path);
  }
}
