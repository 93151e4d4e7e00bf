package dev.qwen4j.inference;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** A golden HuggingFace folder with its configuration and its tensors changed. */
final class RewrittenFolder {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** A tensor as it goes into the file. */
  // Bytes on their way to a file, which nobody compares.
  @SuppressWarnings("ArrayRecordComponent")
  record Tensor(String type, List<Long> shape, byte[] data) {
    static Tensor floats(float[] values, long... shape) {
      ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
      for (float value : values) {
        bytes.putFloat(value);
      }
      return new Tensor("F32", Arrays.stream(shape).boxed().toList(), bytes.array());
    }

    static Tensor ints(String type, int[] values, long... shape) {
      ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
      for (int value : values) {
        bytes.putInt(value);
      }
      return new Tensor(type, Arrays.stream(shape).boxed().toList(), bytes.array());
    }

    float[] floats() {
      ByteBuffer bytes = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
      float[] values = new float[data.length / 4];
      for (int i = 0; i < values.length; i++) {
        values[i] = bytes.getFloat();
      }
      return values;
    }
  }

  private final Path golden;
  private final ObjectNode config;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final Map<String, String> texts = new TreeMap<>();

  private RewrittenFolder(Path golden) {
    this.golden = golden;
    try {
      this.config = (ObjectNode) JSON.readTree(Files.readAllBytes(golden.resolve("config.json")));
      ByteBuffer bytes =
          ByteBuffer.wrap(Files.readAllBytes(golden.resolve("model.safetensors")))
              .order(ByteOrder.LITTLE_ENDIAN);
      byte[] header = new byte[(int) bytes.getLong()];
      bytes.get(header);
      int start = bytes.position();
      for (Map.Entry<String, JsonNode> entry : JSON.readTree(header).properties()) {
        JsonNode tensor = entry.getValue();
        if (tensor.has("dtype")) {
          int from = tensor.get("data_offsets").get(0).intValue();
          byte[] data = new byte[tensor.get("data_offsets").get(1).intValue() - from];
          bytes.get(start + from, data);
          List<Long> shape = tensor.get("shape").valueStream().map(JsonNode::longValue).toList();
          tensors.put(entry.getKey(), new Tensor(tensor.get("dtype").textValue(), shape, data));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static RewrittenFolder of(String golden) {
    return new RewrittenFolder(Golden.folder(golden));
  }

  ObjectNode config() {
    return config;
  }

  Map<String, Tensor> tensors() {
    return tensors;
  }

  Tensor take(String name) {
    Tensor tensor = tensors.remove(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor " + name);
    }
    return tensor;
  }

  RewrittenFolder rename(UnaryOperator<String> change) {
    Map<String, Tensor> renamed = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> renamed.put(change.apply(name), tensor));
    tensors.clear();
    tensors.putAll(renamed);
    return this;
  }

  /** Adds or replaces a file of text. */
  RewrittenFolder text(String name, String content) {
    texts.put(name, content);
    return this;
  }

  Path writeTo(Path folder) {
    try {
      Files.createDirectories(folder);
      Files.write(folder.resolve("model.safetensors"), safetensors(tensors));
      writeTexts(folder);
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The tensors in two files, with an index. */
  Path writeShardsTo(Path folder) {
    try {
      Files.createDirectories(folder);
      ObjectNode map = JSON.createObjectNode();
      Map<String, Tensor> first = new LinkedHashMap<>();
      Map<String, Tensor> second = new LinkedHashMap<>();
      tensors.forEach(
          (name, tensor) -> {
            boolean early = first.size() < tensors.size() / 2;
            (early ? first : second).put(name, tensor);
            map.put(name, "model-0000" + (early ? 1 : 2) + "-of-00002.safetensors");
          });
      Files.write(folder.resolve("model-00001-of-00002.safetensors"), safetensors(first));
      Files.write(folder.resolve("model-00002-of-00002.safetensors"), safetensors(second));
      Files.write(
          folder.resolve("model.safetensors.index.json"),
          JSON.writeValueAsBytes(JSON.createObjectNode().set("weight_map", map)));
      writeTexts(folder);
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void writeTexts(Path folder) throws IOException {
    Files.write(folder.resolve("config.json"), JSON.writeValueAsBytes(config));
    for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.write(folder.resolve(name), Files.readAllBytes(golden.resolve(name)));
    }
    for (Map.Entry<String, String> text : texts.entrySet()) {
      Path file = folder.resolve(text.getKey());
      Files.createDirectories(file.getParent());
      Files.writeString(file, text.getValue());
    }
  }

  private static byte[] safetensors(Map<String, Tensor> tensors) throws IOException {
    ObjectNode header = JSON.createObjectNode();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    tensors.forEach(
        (name, tensor) -> {
          ObjectNode entry = header.putObject(name).put("dtype", tensor.type());
          tensor.shape().forEach(entry.putArray("shape")::add);
          entry.putArray("data_offsets").add(data.size()).add(data.size() + tensor.data().length);
          data.writeBytes(tensor.data());
        });
    byte[] text = JSON.writeValueAsString(header).getBytes(UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).array());
    out.writeBytes(text);
    out.writeBytes(data.toByteArray());
    return out.toByteArray();
  }
}
