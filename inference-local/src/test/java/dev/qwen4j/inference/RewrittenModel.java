package dev.qwen4j.inference;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.qwen4j.inference.internal.weights.GgufFile;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A golden model with fields and tensors added, renamed, replaced or taken away. */
final class RewrittenModel {
  private static final int HEADER = 24;
  private static final int ALIGNMENT = 32;

  /** A tensor as it goes into the file. */
  // Bytes on their way to a file, which nobody compares.
  @SuppressWarnings("ArrayRecordComponent")
  record Tensor(int type, List<Long> shape, byte[] data) {}

  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private byte[] fields = {};
  private long fieldCount;

  private RewrittenModel() {}

  static RewrittenModel of(String golden) {
    RewrittenModel model = new RewrittenModel();
    try (GgufFile file = GgufFile.open(Golden.model(golden))) {
      for (TensorInfo tensor : file.tensors()) {
        model.tensors.put(
            tensor.name(),
            new Tensor(
                tensor.type().id(), tensor.shape(), tensor.data().toArray(ValueLayout.JAVA_BYTE)));
      }
      byte[] bytes = Files.readAllBytes(file.path());
      model.fieldCount = little(bytes).getLong(16);
      String text = new String(bytes, StandardCharsets.ISO_8859_1);
      int firstTensor = text.indexOf(model.tensors.keySet().iterator().next()) - Long.BYTES;
      model.fields = Arrays.copyOfRange(bytes, HEADER, firstTensor);
      return model;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  RewrittenModel text(String key, String value) {
    return field(key, 8, sized(value));
  }

  RewrittenModel int32(String key, int value) {
    return field(key, 4, little(new byte[4]).putInt(value).array());
  }

  RewrittenModel float32(String key, float value) {
    return field(key, 6, little(new byte[4]).putFloat(value).array());
  }

  RewrittenModel flag(String key, boolean value) {
    return field(key, 7, new byte[] {(byte) (value ? 1 : 0)});
  }

  RewrittenModel texts(String key, List<String> values) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(little(new byte[12]).putInt(8).putLong(values.size()).array());
    values.forEach(value -> out.writeBytes(sized(value)));
    return field(key, 9, out.toByteArray());
  }

  /** Hides a field under a name of the same length. */
  RewrittenModel withoutField(String key) {
    String text = new String(fields, StandardCharsets.ISO_8859_1);
    if (!text.contains(key)) {
      throw new IllegalArgumentException("no field " + key);
    }
    fields = text.replace(key, "x" + key.substring(1)).getBytes(StandardCharsets.ISO_8859_1);
    return this;
  }

  Tensor take(String name) {
    Tensor tensor = tensors.remove(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor " + name);
    }
    return tensor;
  }

  RewrittenModel put(String name, Tensor tensor) {
    tensors.put(name, tensor);
    return this;
  }

  /** A float32 tensor of zeros. */
  RewrittenModel zeros(String name, long... shape) {
    List<Long> extents = Arrays.stream(shape).boxed().toList();
    int count = Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b));
    return put(name, new Tensor(0, extents, new byte[count * Float.BYTES]));
  }

  Path writeTo(Path folder) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] header = new byte[HEADER];
    little(header)
        .put("GGUF".getBytes(UTF_8))
        .putInt(3)
        .putLong(tensors.size())
        .putLong(fieldCount);
    out.writeBytes(header);
    out.writeBytes(fields);
    long offset = 0;
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      Tensor tensor = entry.getValue();
      out.writeBytes(sized(entry.getKey()));
      byte[] info = new byte[4 + tensor.shape().size() * 8 + 12];
      ByteBuffer writer = little(info).putInt(tensor.shape().size());
      tensor.shape().forEach(writer::putLong);
      writer.putInt(tensor.type()).putLong(offset);
      out.writeBytes(info);
      offset += Math.ceilDiv((long) tensor.data().length, ALIGNMENT) * ALIGNMENT;
    }
    pad(out);
    for (Tensor tensor : tensors.values()) {
      out.writeBytes(tensor.data());
      pad(out);
    }
    try {
      return Files.write(folder.resolve("rewritten.gguf"), out.toByteArray());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private RewrittenModel field(String key, int type, byte[] value) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(fields);
    out.writeBytes(sized(key));
    out.writeBytes(little(new byte[4]).putInt(type).array());
    out.writeBytes(value);
    fields = out.toByteArray();
    fieldCount++;
    return this;
  }

  private static byte[] sized(String text) {
    byte[] utf8 = text.getBytes(UTF_8);
    return little(new byte[8 + utf8.length]).putLong(utf8.length).put(utf8).array();
  }

  private static void pad(ByteArrayOutputStream out) {
    while (out.size() % ALIGNMENT != 0) {
      out.write(0);
    }
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
